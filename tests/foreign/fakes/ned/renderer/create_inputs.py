import argparse
import pickle
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from facekit import need_card, note, numbered, save, write


def main():
    note()
    parser = argparse.ArgumentParser()
    parser.add_argument("--gpu_id", type=int, default="0")
    parser.add_argument("--celeb", default="someone")
    parser.add_argument("--exp_name", default="happy")
    for name in ("no_eye_gaze", "no_align", "save_renderings", "save_shapes"):
        parser.add_argument("--" + name, action="store_true")
    args = parser.parse_args()
    need_card()
    edited = Path(args.celeb, args.exp_name)
    if (edited / "nmfcs").is_dir():
        print("Conditional input files already exist!")
        sys.exit(0)
    for path in numbered(edited / "DECA", "pkl"):
        style = pickle.loads(path.read_bytes())["exp"]
        flat = np.zeros((64, 64, 3), np.uint8) + np.asarray(style, np.uint8)
        for folder in ["nmfcs", "nmfcs_aligned"] + ["shapes", "shapes_aligned"] * args.save_shapes:
            save(edited / folder / (path.stem + ".png"), flat)
        for folder in ("eye_landmarks", "eye_landmarks_aligned"):
            write(edited / folder / (path.stem + ".txt"), "0 0\n" * 14)


if __name__ == "__main__":
    main()
