import argparse
from pathlib import Path

import postprocessing.image_blending.image_blender  # noqa: F401  not found unless the root is on the path
from facekit import need_card, note, numbered, picture, save
from PIL import Image


def main():
    note()
    parser = argparse.ArgumentParser()
    parser.add_argument("--gpu_id", default="0")
    parser.add_argument("--celeb", default="someone")
    parser.add_argument("--exp_name", default="someone")
    parser.add_argument("--resize_first", action="store_true")
    parser.add_argument("--save_images", action="store_true")
    parser.add_argument("--method", default="pyramid", choices=["copy_paste", "pyramid", "poisson"])
    args = parser.parse_args()
    need_card()
    celeb, edited = Path(args.celeb), Path(args.celeb, args.exp_name)
    boxes = [
        line
        for path in sorted((celeb / "videos").glob("*.txt"))
        for line in path.read_text().splitlines()[1:]
    ]
    if (edited / "full_frames").exists():
        print("Image blending already done!")
        return
    for face in numbered(edited / "faces"):
        left, top, right, bottom = map(int, boxes[int(face.stem)].split())
        frame = Image.fromarray(picture(celeb / "full_frames" / face.name))
        frame.paste(Image.open(str(face)).resize((right - left, bottom - top)), (left, top))
        save(edited / "full_frames" / face.name, frame)
        if args.save_images:
            save(edited / "images" / face.name, picture(face))


if __name__ == "__main__":
    main()
