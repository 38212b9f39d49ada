import argparse
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from facekit import note, numbered


def main():
    note()
    parser = argparse.ArgumentParser()
    parser.add_argument("--celeb", default="someone")
    parser.add_argument("--exp_name", default="someone")
    args = parser.parse_args()
    edited = Path(args.celeb, args.exp_name)
    assert numbered(Path(args.celeb, "masks"))
    if (edited / "faces").exists():
        print("Face un-alignment already done!")
        return
    shutil.copytree(str(edited / "faces_aligned"), str(edited / "faces"))


if __name__ == "__main__":
    main()
