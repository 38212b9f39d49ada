import argparse
from pathlib import Path

import preprocessing.segmentation.simple_unet  # noqa: F401  not found unless the root is on the path
from facekit import need_card, note, picture, save
from PIL import Image


def main():
    note()
    parser = argparse.ArgumentParser()
    parser.add_argument("--gpu_id", default="0")
    parser.add_argument("--celeb_dir", default="elsewhere")
    parser.add_argument("--exp_dir", default="elsewhere")
    parser.add_argument("--resize_first", action="store_true")
    parser.add_argument("--save_images", action="store_true")
    args = parser.parse_args()
    need_card()
    for path in sorted(Path(args.exp_dir, "gen_cross").rglob("*.png")):
        actor, emotion = path.parent.name, path.parent.parent.name
        person = Path(args.celeb_dir, "test", "neutral", actor)
        picture(person / "masks" / path.name)
        (person / "align_transforms" / (path.stem + ".txt")).read_text()
        under = Image.fromarray(picture(person / "images" / path.name)).resize((256, 256))
        under.paste(Image.fromarray(picture(path, 204)), (26, 26))
        save(Path(args.exp_dir, "gen2_cross", emotion, actor, path.name), under)


if __name__ == "__main__":
    main()
