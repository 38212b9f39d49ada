import shutil
import sys
from pathlib import Path

import torch

from models.psp import network  # fails unless the root is on the path, as upstream  # isort: skip
from facekit import note, picture, save
from options.test_options import parse

sys.path.append(".")

DRIVES = {"M003": "W015", "M009": "M003", "W029": "M009", "M012": "W029", "M030": "M012", "W015": "M030"}


def images(root, emotion, actor):
    return sorted(Path(root, "test", emotion, actor, "images_aligned").glob("*"))


def landmarks_of(image):
    text = str(image).replace("images_aligned", "eye_landmarks_aligned").replace("png", "txt")
    return Path(text).read_text()


def main():
    note()
    opt = parse()
    emotions = torch.load(opt.checkpoint_path, map_location="cpu")["opts"]["emotions"]
    if Path(opt.exp_dir).exists():
        shutil.rmtree(opt.exp_dir)
    for actor, driver in DRIVES.items():
        for emotion in emotions:
            sources = images(opt.data_path, "neutral", actor)
            own, driving = (
                images(opt.data_path, emotion, actor),
                images(opt.data_path, emotion, driver),
            )
            len(sources) / len(own)
            ratio = len(sources) / len(driving)
            print(f"testing {emotion} {actor}")
            for number, source in enumerate(sources):
                landmarks_of(source)
                made = network(source, driving[int(number / ratio)])
                save(Path(opt.exp_dir, "gen_cross", emotion, actor, f"{number:06d}.png"), made)
                save(Path(opt.exp_dir, "real_cross", emotion, actor, own[0].name), picture(own[0]))


if __name__ == "__main__":
    main()
