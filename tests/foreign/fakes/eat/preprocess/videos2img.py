"""Frames, latents and pose pictures of the cropped videos; the checkpoint lies in the root's ckpt."""
# ruff: noqa: PTH103, PTH119, PTH123, PTH207

import glob
import gzip
import os
import sys

import numpy as np
from PIL import Image

sys.path.append("../")
from fakemedia import read_video

with open("../ckpt/pretrain_new_274.pth.tar", "rb") as file:
    file.read()
for path in glob.glob("./cropped/*.mp4"):
    name = os.path.basename(path)[:-4]
    os.makedirs("./imgs/" + name, exist_ok=True)
    frames = read_video(path)[0]
    for i, frame in enumerate(frames):
        Image.fromarray(frame).save(f"./imgs/{name}/{str(i + 1).zfill(4)}.jpg")
    os.makedirs("./latents", exist_ok=True)
    os.makedirs("./poseimg", exist_ok=True)
    np.save("./latents/" + name, np.zeros((len(frames), 3)))
    with gzip.GzipFile(f"./poseimg/{name}.npy.gz", "w") as file:
        np.save(file, np.zeros((len(frames), 1, 64, 64), np.float32))
