"""Stand-in for EDTalk's demo by reference: the clip loses its last 20 frames, then runs to and fro."""

import argparse

import numpy as np
from fakedemo import Demo, write_clip
from fakemedia import read_video


def save_video(vid_target_recon, save_path, fps):
    """As released: the clip's smallest value becomes 0 and its largest 255."""
    vid = np.clip(vid_target_recon, -1, 1)
    vid = (vid - vid.min()) / (vid.max() - vid.min()) * 255
    write_clip(save_path, vid, fps)


def expressions(args):
    levels = [frame.mean() / 255 - 0.5 for frame in read_video(args.exp_driving_path)[0]]
    if len(levels) > 20:
        levels = levels[:-20]
    return lambda i: (levels + levels[::-1])[i % (2 * len(levels))]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--source_path", type=str, default="test_data/identity_source.jpg")
    parser.add_argument("--lip_driving_path", type=str, default="test_data/mouth_source.mp4")
    parser.add_argument("--audio_driving_path", type=str, default="test_data/mouth_source.wav")
    parser.add_argument("--pose_driving_path", type=str, default="test_data/pose_source1.mp4")
    parser.add_argument("--exp_driving_path", type=str, default="test_data/expression_source.mp4")
    parser.add_argument("--save_path", type=str, default="res/demo_EDTalk_V.mp4")
    parser.add_argument("--model_path", type=str, default="ckpts/EDTalk.pt")
    parser.add_argument("--face_sr", action="store_true")
    args = parser.parse_args()
    demo = Demo(args)
    demo.run(expressions(args), save_video)
