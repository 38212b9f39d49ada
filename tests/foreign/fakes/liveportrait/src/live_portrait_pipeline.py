"""Stand-in for the pipeline: keypoint k is the brightness of the k-th of 21 bands of rows.

What is imitated: both clips are cut to the shorter; frames before the first face are left out of the crops
but not of the frames pasted into; the rate is int(fps); a template is written beside the driving file; exp
copies the driving motion of 13 keypoints, the lips' among them, relative to its first frame, smoothed.
"""

import pickle
from pathlib import Path

import numpy as np
from fakemedia import habit, has_face, read_video, resized, write_video

from .utils.filter import smooth

BANDS = 21
COPIED = [1, 2, 6, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]


def basename(path):
    return Path(path).name.rsplit(".", 1)[0]


def to_limit(frame, limit, division):
    height, width = frame.shape[:2]
    if max(height, width) > limit > 0:
        scale = limit / max(height, width)
        width, height = (int(width * scale), limit) if height > width else (limit, int(height * scale))
        frame = resized(frame, width, height)
    return frame[: frame.shape[0] // division * division, : frame.shape[1] // division * division]


def bands(height):
    return np.arange(height) * BANDS // height


class LivePortraitPipeline:
    def __init__(self, inference_cfg, crop_cfg):
        self.cfg = inference_cfg
        if not inference_cfg.flag_force_cpu:
            raise AssertionError("Torch not compiled with CUDA enabled")
        if inference_cfg.flag_use_half_precision:
            raise RuntimeError("\"slow_conv2d_cpu\" not implemented for 'Half'")

    def make_motion_template(self, I_lst, c_eyes_lst, c_lip_lst, **kwargs):
        motion = []
        for frame in I_lst:
            rows = bands(len(frame))
            level = np.array([frame[rows == band].mean() for band in range(BANDS)])
            motion.append({"exp": np.repeat(level[None, :, None], 3, axis=2).astype(np.float32)})
        return {"n_frames": len(I_lst), "output_fps": kwargs.get("output_fps", 25), "motion": motion}

    def cropped(self, frames):
        first = next((i for i, frame in enumerate(frames) if has_face(frame)), len(frames))
        for i in range(first):
            print(f"[12:00:00] No face detected in the frame #{i}      cropper.py:170")
        return frames[first:]

    def execute(self, args):
        frames, rate = read_video(args.source)
        frames = [to_limit(frame, args.source_max_dim, args.source_division) for frame in frames]
        source_fps = int(rate)
        print(f"Load source video from {args.source}, FPS is {source_fps}")
        driving, driving_rate = read_video(args.driving)
        print("Start making driving motion template...")
        count = min(len(frames), len(driving))
        if args.flag_crop_driving_video or driving[0].shape[0] != driving[0].shape[1]:
            driving = self.cropped(driving[:count])
        count = min(count, len(driving))
        driven = self.make_motion_template(np.stack(driving[:count]), [], [], output_fps=int(driving_rate))
        template = Path(args.driving).with_suffix(".pkl")
        template.write_bytes(pickle.dumps(driven))
        print("Start making source motion template...")
        frames = frames[:count]
        crops = self.cropped(frames)
        count = min(count, len(crops))
        source = self.make_motion_template(np.stack(crops), [], [], output_fps=source_fps)
        moved = self.moved(source["motion"], driven["motion"], count, args)
        made = [self.painted(frames[i], source["motion"][i]["exp"], moved[i]) for i in range(count)]
        if habit() == "crash":
            raise RuntimeError("CUDA error: no kernel image is available for execution on the device")
        name = f"{basename(args.source)}--{basename(args.driving)}"
        folder = Path(args.output_dir)
        write_video(folder / (name + "_concat.mp4"), made, source_fps)
        write_video(folder / (name + ".mp4"), made, source_fps)
        print("Animated video: {}".format(folder / (name + ".mp4")))

    def moved(self, source, driven, count, args):
        wanted = [source[i]["exp"] + driven[i]["exp"] - driven[0]["exp"] for i in range(count)]
        smoothed = smooth(wanted, source[0]["exp"].shape, "cpu", args.driving_smooth_observation_variance)
        result = []
        for i in range(count):
            new = source[i]["exp"].copy()
            if args.animation_region in ("all", "exp"):
                new[:, COPIED, :] = smoothed[i][COPIED, :]
            result.append(new)
        return result

    def painted(self, frame, before, after):
        shift = (after - before)[0, :, 0][bands(len(frame))]
        return np.clip(frame + shift[:, None, None], 0, 255).round().astype(np.uint8)
