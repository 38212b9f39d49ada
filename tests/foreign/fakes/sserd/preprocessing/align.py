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
    for name in ("faces_and_masks", "renderings", "shapes", "nmfcs", "landmarks", "images"):
        parser.add_argument("--" + name, action="store_true")
    args = parser.parse_args()
    celeb = Path(args.celeb)
    assert numbered(celeb / "align_transforms", "txt")
    folders = ["faces", "masks"] if args.faces_and_masks else []
    folders += ["images"] if args.images else []
    folders += ["eye_landmarks"] if args.landmarks else []
    for folder in folders:
        shutil.copytree(str(celeb / folder), str(celeb / (folder + "_aligned")))


if __name__ == "__main__":
    main()
