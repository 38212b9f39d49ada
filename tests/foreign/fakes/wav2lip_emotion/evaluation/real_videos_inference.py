"""Stand-in for Wav2Lip-Emotion's inference over a file list: paths relative to the folder it is started in.

What is imitated: one checkpoint for all files; the last four or five frames are lost, for a frame needs 16
columns of a mel spectrogram at 80 a second that start with it; sound longer than the picture, or a frame
without a face, puts the file on a list of failures and the program ends with status 0.
"""
# ruff: noqa: PTH103, PTH118, PTH123

import argparse
import os
import sys
import uuid

import numpy as np
from PIL import Image

sys.path.append("../")
from fakemedia import habit, has_face, read_video, resized, samples_of, write_video

parser = argparse.ArgumentParser()
parser.add_argument("--mode", type=str, required=True)
parser.add_argument("--filelist", type=str, default=None)
parser.add_argument("--results_dir", type=str, required=True)
parser.add_argument("--data_root", type=str, required=True)
parser.add_argument("--checkpoint_path", type=str, required=True)
parser.add_argument("--pads", nargs="+", type=int, default=[0, 10, 0, 0])
parser.add_argument("--face_det_batch_size", type=int, default=16)
parser.add_argument("--wav2lip_batch_size", type=int, default=128)
parser.add_argument("--face_res", type=int, default=180)
parser.add_argument("--min_frame_res", type=int, default=480)
parser.add_argument("--max_frame_res", type=int, default=720)
parser.add_argument("--gpu_id", type=int, default=0)
parser.add_argument("--full_mask", action="store_true", default=False)
parser.add_argument("--save_gt_frames", action="store_true", default=False)
args = parser.parse_args()

with open("../checkpoints/shape_predictor_81_face_landmarks.dat", "rb") as file:
    file.read()
with open("../face_detection/detection/sfd/s3fd.pth", "rb") as file:
    file.read()
with open(args.checkpoint_path, "rb") as file:
    SHADE = int(file.read().decode())
if args.full_mask:
    SHADE += 60  # a network trained on half masked faces paints something else, and nobody is told
GENERATED = os.path.join(args.results_dir, "generated_frames")


def rescaled(frames):
    height, width = frames[0].shape[:2]
    face = height // 2
    for factor in range(2, 16):
        small = min(height // factor, width // factor) < args.min_frame_res
        if small or abs(face // factor - args.face_res) >= abs(face - args.face_res):
            break
    factor -= 1
    return [resized(frame, width // factor, height // factor) for frame in frames]


def chunks(samples, rate, fps):
    columns = 1 + samples * 16000 // rate // 200
    count = 0
    while int(count * (80.0 / fps)) + 16 <= columns:
        count += 1
    return count


def made(path):
    with open(f"../temp/temp{uuid.uuid4()}.wav", "wb"):
        pass
    count = chunks(*samples_of(path), fps=float(read_video(path)[1]))
    frames, fps = read_video(path)
    if len(frames) < count:
        print("#Frames, audio length mismatch:", path)
        return None
    frames = frames[:count]
    if not all(has_face(frame) for frame in frames):
        return None
    return [np.clip(frame.astype(int) + SHADE, 0, 255).astype(np.uint8) for frame in rescaled(frames)], fps


def main():
    os.makedirs(GENERATED, exist_ok=True)
    with open(args.filelist) as file:
        lines = file.readlines()
    if args.mode == "affect":
        lines = [line.strip() + " " + line.strip() + "\n" for line in lines]
    failed = []
    for line in lines:
        audio_in, video_in = line.strip().split()
        result = made(os.path.join(args.data_root, video_in))
        if result is None:
            failed.append(line)
            continue
        if habit() == "crash":
            raise ValueError("Mel contains nan!")
        frames, fps = result
        for i, frame in enumerate(frames):
            Image.fromarray(resized(frame, 96, 96)).save(os.path.join(GENERATED, f"{video_in}_{i}.jpg"))
        name = "vid{}_audio{}.mp4".format("_".join(video_in.split("/")), "_".join(audio_in.split("/")))
        if habit() != "no-ffmpeg":
            write_video(os.path.join(args.results_dir, name), frames, fps)
    if failed:
        print(f"Warning! {len(failed)} videos failed to generate")
        with open(os.path.join(args.results_dir, f"failed_videos{args.gpu_id}.txt"), "w") as file:
            file.writelines(failed)


if __name__ == "__main__":
    main()
