"""What both demos share: paths relative to the current folder, the lips' rate and length, the last ffmpeg."""
# ruff: noqa: PTH103, PTH105, PTH107, PTH110, PTH120, PTH202

import os
from pathlib import Path

import numpy as np
from fakemedia import habit, read_video, resized, samples_of, write_video
from PIL import Image


def write_clip(path, video, fps):
    """torchvision's writer rounds a rate to an integer; video is (1, 3, T, H, W) in 0..255."""
    write_video(path, list(video[0].transpose(1, 2, 3, 0).astype(np.uint8)), round(float(fps)))


class Demo:
    def __init__(self, args):
        print("==> loading model")
        Path(args.model_path).read_bytes()
        if habit() == "crash":
            raise RuntimeError("CUDA out of memory")
        self.args = args
        self.identity = resized(np.asarray(Image.open(args.source_path).convert("RGB")), args.size, args.size)
        self.pose = read_video(args.pose_driving_path)[0]
        samples_of(args.audio_driving_path)
        self.lips, self.fps = read_video(args.lip_driving_path)

    def run(self, expression, save_video):
        """Identity from one picture; the lower half moves with the lips' clip."""
        os.makedirs(os.path.dirname(self.args.save_path), exist_ok=True)
        made = []
        size = self.args.size
        for i, frame in enumerate(self.lips):
            picture = self.identity.astype(np.float32) / 127.5 - 1
            picture[size // 2 :] = resized(frame, size, size)[size // 2 :] / 127.5 - 1
            made.append(picture * 0.5 + 0.1 * expression(i))
        temporary = self.args.save_path.replace(".mp4", "_temp.mp4")
        save_video(np.stack(made).transpose(3, 0, 1, 2)[None], temporary, self.fps)
        if habit() != "no-ffmpeg" and os.path.getsize(temporary):
            os.replace(temporary, self.args.save_path)
        elif os.path.exists(temporary):
            os.remove(temporary)
