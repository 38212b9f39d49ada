"""Stand-in for EDTalk's demo by label: lips and pose from the source, expression from a saved weight."""
# ruff: noqa: PTH118

import argparse
import os

import numpy as np
from fakedemo import Demo, write_clip


def save_video(vid_target_recon, save_path, fps):
    """As released: the clip's smallest value becomes 0 and its largest 255."""
    vid = np.clip(vid_target_recon, -1, 1)
    vid = (vid - vid.min()) / (vid.max() - vid.min()) * 255
    write_clip(save_path, vid, fps)


def expression(args):
    path = os.path.join("ckpts/predefined_exp_weights", args.exp_type + ".npy")
    return float(np.load(path).mean())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--source_path", type=str, default="demo/identity_source.jpg")
    parser.add_argument("--lip_driving_path", type=str, default="demo/mouth_source.mp4")
    parser.add_argument("--audio_driving_path", type=str, default="demo/mouth_source.wav")
    parser.add_argument("--pose_driving_path", type=str, default="demo/pose_source1.mp4")
    parser.add_argument("--exp_type", type=str, default="contempt")
    parser.add_argument("--save_path", type=str, default="res/demo_EDTalk_V_using_weights.mp4")
    parser.add_argument("--model_path", type=str, default="ckpts/EDTalk.pt")
    parser.add_argument("--face_sr", action="store_true")
    args = parser.parse_args()
    demo = Demo(args)
    demo.run(lambda i: expression(args), save_video)
