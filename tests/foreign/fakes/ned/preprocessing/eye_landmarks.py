import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from facekit import need_card, note, numbered, write


def main():
    note()
    parser = argparse.ArgumentParser()
    parser.add_argument("--gpu_id", default="0")
    parser.add_argument("--celeb", default="someone")
    parser.add_argument("--mouth", action="store_true")
    parser.add_argument("--align", action="store_true")
    args = parser.parse_args()
    need_card()
    if args.align:
        assert Path("preprocessing/files/template.gz").exists()
    for image in numbered(Path(args.celeb) / "images"):
        write(str(image).replace("/images/", "/eye_landmarks/").replace(".png", ".txt"), "0 0\n" * 14)
        if args.align:
            write(
                str(image).replace("/images/", "/align_transforms/").replace(".png", ".txt"), "1 0 0\n0 1 0\n"
            )


if __name__ == "__main__":
    main()
