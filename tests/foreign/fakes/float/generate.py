"""Stand-in for FLOAT's generate.py: one picture and a sound in, 25 frames a second of 512 pixels out."""
# ruff: noqa: PTH103, PTH112, PTH123

import math
import os
import random

import numpy as np
from fakemedia import habit, has_face, resized, samples_of, write_video
from options.base_options import BaseOptions
from PIL import Image

CHOICES = ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"]


class InferenceOptions(BaseOptions):
    def initialize(self, parser):
        super().initialize(parser)
        parser.add_argument("--ref_path", default=None, type=str)
        parser.add_argument("--aud_path", default=None, type=str)
        parser.add_argument("--emo", default=None, type=str, choices=CHOICES)
        parser.add_argument("--no_crop", action="store_true")
        parser.add_argument("--res_video_path", default=None, type=str)
        parser.add_argument("--ckpt_path", default="/home/somebody/checkpoints/float.pth", type=str)
        parser.add_argument("--res_dir", default="./results", type=str)
        return parser


def noise(opt):
    """Each window of 50 frames draws its own start, or with --fix_noise_seed the same one from --seed."""
    return (random.Random(opt.seed) if opt.fix_noise_seed else random).random()


def main():
    opt = InferenceOptions().parse()
    for folder in (opt.wav2vec_model_path, opt.audio2emotion_path):
        if not os.path.isdir(folder):
            raise OSError(f"{folder} is not a folder of a model")
    with open(opt.ckpt_path, "rb") as file:
        file.read()
    os.makedirs(opt.res_dir, exist_ok=True)
    picture = np.asarray(Image.open(opt.ref_path).convert("RGB"))
    if not has_face(picture):
        raise IndexError("list index out of range")
    picture = resized(picture, opt.input_size, opt.input_size) // 2
    samples, rate = samples_of(opt.aud_path)
    count = math.ceil(samples * (opt.sampling_rate / rate) * opt.fps / opt.sampling_rate)
    window = int(opt.wav2vec_sec * opt.fps)
    levels = [noise(opt) for _ in range(math.ceil(count / window))]
    shade = 10 * (1 + CHOICES.index(opt.emo))
    made = [picture + int(shade + 30 * levels[i // window]) for i in range(count)]
    if habit() != "no-ffmpeg":
        write_video(opt.res_video_path, [frame.astype(np.uint8) for frame in made], round(opt.fps))


if __name__ == "__main__":
    main()
