import argparse
from pathlib import Path

TEXT = ["model", "which_model_netG", "which_direction", "dataset_mode", "norm", "name", "which_ref"]
TEXT += ["csv_path", "results_dir", "phase", "which_epoch", "checkpoints_dir", "gpu_ids", "resize_or_crop"]
TEXT += ["init_type", "which_model_netD"]
NUMBERS = ["batchSize", "loadSize", "fineSize", "input_nc", "output_nc", "ngf", "ndf", "n_layers_D"]
NUMBERS += ["nThreads", "display_id", "how_many"]


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dataroot", required=True)
    for name in TEXT:
        parser.add_argument(
            "--" + name, default={"checkpoints_dir": "./checkpoints", "gpu_ids": "0"}.get(name, "")
        )
    for name in NUMBERS:
        parser.add_argument("--" + name, type=int, default=1)
    parser.add_argument("--no_flip", action="store_true")
    parser.add_argument("--no_dropout", action="store_true")
    opt = parser.parse_args()
    folder = Path(opt.checkpoints_dir, opt.name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "opt.txt").write_text("".join("{}: {}\n".format(*pair) for pair in sorted(vars(opt).items())))
    return opt
