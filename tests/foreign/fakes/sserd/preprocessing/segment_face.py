import argparse
from pathlib import Path

from facekit import need_card, note, numbered, picture, save

import preprocessing.segmentation.simple_unet  # noqa: F401  not found unless the root is on the path


def main():
    note()
    parser = argparse.ArgumentParser()
    parser.add_argument("--gpu_id", default="0")
    parser.add_argument("--celeb", default="someone")
    args = parser.parse_args()
    need_card()
    weights = Path("preprocessing/segmentation/lfw_figaro_unet_256_2_0_segmentation_v1.pth")
    assert weights.exists(), f"{weights}: no such file"
    for image in numbered(Path(args.celeb) / "images"):
        face = picture(image)
        save(str(image).replace("/images/", "/masks/"), face * 0 + 255)
        save(str(image).replace("/images/", "/faces/"), face)


if __name__ == "__main__":
    main()
