import argparse


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--exp_dir")
    parser.add_argument("--checkpoint_path")
    parser.add_argument("--data_path", default="data/MEAD")
    parser.add_argument("--resize_outputs", action="store_true")
    parser.add_argument("--test_batch_size", type=int, default=2)
    parser.add_argument("--test_workers", type=int, default=2)
    return parser.parse_args()
