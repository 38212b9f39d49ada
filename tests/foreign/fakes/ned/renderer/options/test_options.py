import argparse


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--celeb", default="someone")
    parser.add_argument("--exp_name", default="")
    parser.add_argument("--checkpoints_dir", default="./someone/checkpoints")
    parser.add_argument("--which_epoch", default="latest")
    parser.add_argument("--gpu_ids", default="0")
    parser.add_argument("--n_frames_G", type=int, default=3)
    return parser.parse_args()
