import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from facekit import decoded, need_card, note, save

SIDE = 64  # 256 upstream


def crop(frame):
    from PIL import Image

    return Image.fromarray(frame).resize((SIDE, SIDE))


def main():
    note()
    parser = argparse.ArgumentParser()
    parser.add_argument("--gpu_id", default="0")
    parser.add_argument("--celeb", default="someone")
    parser.add_argument("--save_videos_info", action="store_true")
    parser.add_argument("--save_full_frames", action="store_true")
    parser.add_argument("--split", action="store_true")
    args = parser.parse_args()
    celeb = Path(args.celeb)
    if (celeb / "images").is_dir():
        print("Face detection already done!")
        return
    need_card()
    number = 0
    for video in sorted((celeb / "videos").rglob("*.mp4")):
        frames = decoded(video)
        lines = [f"{video} 25.0 fps {len(frames)} frames"]
        for frame in frames:
            name = f"{number:06d}.png"
            save(celeb / "images" / name, crop(frame))
            if args.save_full_frames:
                save(celeb / "full_frames" / name, frame)
            lines.append(f"0 0 {frame.shape[1]} {frame.shape[0]}")
            number += 1
        if args.save_videos_info:
            video.with_suffix(".txt").write_text("\n".join(lines) + "\n")
    print("DONE!")


if __name__ == "__main__":
    main()
