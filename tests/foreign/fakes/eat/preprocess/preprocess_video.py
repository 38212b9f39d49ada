"""Stand-in for EAT's preprocessing: every mp4 of ./video, by shell commands whose status nobody reads."""
# ruff: noqa: PTH103, PTH119, PTH207

import os
import sys
from glob import glob

sys.path.append("../")
from fakemedia import read_video, samples_of, write_video
from soundtools import extract

allmp4s = glob("./video/*.mp4")
os.makedirs("./video_fps25", exist_ok=True)
for mp4 in allmp4s:
    name = os.path.basename(mp4)
    frames, fps = read_video(mp4)
    if fps != 25:
        raise SystemExit("this stand-in for ffmpeg resamples no video")
    samples_of(mp4)
    write_video("./video_fps25/" + name, frames, 25)
    extract(mp4, "./video_fps25/" + name[:-4] + ".wav")
os.system("python extract_lmks_eat.py ./video_fps25")
os.chdir("./deepspeech_features/")
os.system("python extract_ds_features.py --input=.././video_fps25")
os.chdir("../")
os.chdir("./vid2vid/")
os.system("python data_preprocess.py --dataset_mode preprocess_eat")
os.chdir("../")
os.system("python videos2img.py")
for mp4 in allmp4s:
    name = os.path.basename(mp4)[:-4]
    target = "../demo/video_processed/" + name
    for folder in ("deepfeature32", "latent_evp_25", "poseimg", "images_evp_25/cropped"):
        os.makedirs(target + "/" + folder, exist_ok=True)
    os.system(f"cp ./video_fps25/{name}.wav {target}")
    os.system(f"cp ./deepfeature32/{name}.npy {target}/deepfeature32/")
    os.system(f"cp ./latents/{name}.npy {target}/latent_evp_25/")
    os.system(f"cp ./poseimg/{name}.npy.gz {target}/poseimg/")
    os.system(f"cp ./imgs/{name}/* {target}/images_evp_25/cropped/")
