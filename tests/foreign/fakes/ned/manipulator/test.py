import argparse
import json
import pickle
import sys
from pathlib import Path

sys.path.append(str(Path.cwd()))
import torch
from facekit import COLOURS, note, numbered

EMOTIONS = ["neutral", "angry", "disgusted", "fear", "happy", "sad", "surprised"]


def options():
    known = [*EMOTIONS, "contempt"]
    parser = argparse.ArgumentParser()
    parser.add_argument("--seq_len", type=int, default=10)
    parser.add_argument("--selected_emotions", nargs="+", default=EMOTIONS, choices=known)
    parser.add_argument("--gpu_ids", default="0")
    parser.add_argument("--checkpoints_dir", default="./manipulator_checkpoints")
    parser.add_argument("--which_epoch", type=int, default=2)
    parser.add_argument("--celeb", default="someone")
    parser.add_argument("--ref_dirs", nargs="+", default=None)
    parser.add_argument("--trg_emotions", nargs="+", default=None, choices=known)
    parser.add_argument("--exp_name", default="exp")
    return parser.parse_args()


def windows(folder, length):
    paths = numbered(folder, "pkl")
    return [paths[first : first + length] for first in range(len(paths) - length + 1)]


def styles(opt):
    """The checkpoint's own order decides what a label's number means."""
    network = Path(opt.checkpoints_dir, f"{opt.which_epoch:02d}_nets_finetuned.pth")
    assert network.exists(), f"{network} does not exist!"
    order = json.loads(network.read_text())["order"]
    if opt.trg_emotions is None:
        means = [pickle.loads(path.read_bytes())["exp"] for path in numbered(opt.ref_dirs[0], "pkl")]
        windows(opt.ref_dirs[0], opt.seq_len)[0]
        return (sum(means) / len(means) / 4, 0, 0)
    if any(emotion not in opt.selected_emotions for emotion in opt.trg_emotions):
        print("Invalid target emotion!")
        sys.exit(0)
    drawn = torch.randn()
    print(f"style {drawn:.6f}")
    red, green, blue = COLOURS[order[opt.selected_emotions.index(opt.trg_emotions[0])]]
    return (red, green, blue + 3 + 3 * (drawn > 0))


def main():
    note()
    opt = options()
    assert (opt.ref_dirs is None) != (opt.trg_emotions is None), "Specify exactly one test mode"
    style = styles(opt)
    count = len(windows(Path(opt.celeb, "DECA"), opt.seq_len)) + opt.seq_len - 1
    names = [path.name for path in numbered(Path(opt.celeb, "DECA"), "pkl")]
    names = names if len(names) >= opt.seq_len else []
    results = Path(opt.celeb, opt.exp_name, "DECA")
    results.mkdir(parents=True)
    for number in range(count):
        (results / names[number]).write_bytes(pickle.dumps({"exp": style, "pose": 0.0}))


if __name__ == "__main__":
    main()
