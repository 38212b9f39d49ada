import argparse
import sys
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from facekit import encoded, note, numbered, picture


def main():
    note()
    parser = argparse.ArgumentParser()
    parser.add_argument("--imgs_path", nargs="+", default=".")
    parser.add_argument("--out_path", default=".")
    parser.add_argument("--fps", type=float, default=30)
    parser.add_argument("--audio", default=None)
    args = parser.parse_args()
    frames = [picture(path) for path in numbered(args.imgs_path[0])]
    encoded(args.out_path, frames, Fraction(args.fps).limit_denominator(10000))


if __name__ == "__main__":
    main()
