"""Stand-in for EAT's demo.py: all of ./demo/imgs with the sound and pose of one processed video."""
# ruff: noqa: PTH103, PTH118, PTH119, PTH123, PTH207

import argparse
import glob
import gzip
import os
import random
import wave

import numpy as np
from fakemedia import habit, has_face, resized, write_video
from PIL import Image

emo_label = ["ang", "con", "dis", "fea", "hap", "neu", "sad", "sur"]


def crop_image(path, out):
    """Not one face: nothing is written, and nobody is told."""
    with open("./demo/shape_predictor_68_face_landmarks.dat", "rb") as file:
        file.read()
    np.load("./demo/M003_template.npy")
    picture = np.asarray(Image.open(path).convert("RGB"))
    if has_face(picture):
        Image.fromarray(resized(picture, 256, 256)).save(out, quality=95)


def lengths(root, name):
    with wave.open(f"{root}/{name}.wav", "rb") as sound:
        mel = 1 + sound.getnframes() // 640
    poses = len(np.load(gzip.GzipFile(f"{root}/poseimg/{name}.npy.gz", "r")))
    deep = len(np.load(f"{root}/deepfeature32/{name}.npy"))
    frames = len(glob.glob(f"{root}/images_evp_25/cropped/*.jpg"))
    shortest = min(mel, poses, deep)
    if frames - shortest > 2:
        print(f"Attention: the frames are {frames - shortest} more than name_len")
        return shortest
    return frames


def test(ckpt, emotype, save_dir, root):
    with open(ckpt, "rb") as file:
        file.read()
    with open("./ckpt/pretrain_new_274.pth.tar", "rb") as file:
        file.read()
    np.load("pad.npy", allow_pickle=True)
    done = [os.path.basename(path) for path in glob.glob("./demo/imgs_cropped/*.jpg")]
    for path in glob.glob("./demo/imgs/*.jpg"):
        if os.path.basename(path) not in done:
            crop_image(path, path.replace("imgs/", "imgs_cropped/"))
    os.makedirs("./demo/imgs_latent/", exist_ok=True)
    for path in glob.glob("./demo/imgs_cropped/*.jpg"):
        name = os.path.basename(root)
        style = random.random()
        shade = 10 * emo_label.index(emotype) + int(30 * style)
        picture = np.asarray(Image.open(path)).astype(int) // 2 + shade
        frames = [np.clip(picture, 0, 255).astype(np.uint8)] * lengths(root, name)
        made = os.path.basename(path)[:-4] + "_" + emotype + "_" + name + ".mp4"
        if habit() == "crash":
            raise RuntimeError("CUDA error: no kernel image is available for execution on the device")
        os.makedirs(os.path.join(save_dir, "temp"), exist_ok=True)
        if habit() != "no-ffmpeg":
            write_video(os.path.join(save_dir, made), frames, 25)


if __name__ == "__main__":
    argparser = argparse.ArgumentParser()
    argparser.add_argument("--save_dir", type=str, default=" ")
    argparser.add_argument("--name", type=str, default="deepprompt_eam3d_all_final_313")
    argparser.add_argument("--emo", type=str, default="hap")
    argparser.add_argument("--root_wav", type=str, default="./demo/video_processed/M003_neu_1_001")
    args = argparser.parse_args()
    # --save_dir is read and not used, as upstream
    test(f"./ckpt/{args.name}.pth.tar", args.emo, f"./demo/output/{args.name}/", args.root_wav)
