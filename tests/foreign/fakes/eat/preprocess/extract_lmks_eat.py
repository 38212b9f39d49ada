"""Landmarks of the first frame with a face; a video without one is skipped in silence."""
# ruff: noqa: PTH103, PTH119, PTH123, PTH207, SIM115

import glob
import json
import os
import sys

sys.path.append("../")
from fakemedia import has_face, read_video

with open("../demo/shape_predictor_68_face_landmarks.dat", "rb") as file:
    file.read()
os.makedirs("./lmk_fps25/", exist_ok=True)
log_f = open("extract_lmks_fps25.txt", "a+")
for path in glob.glob(sys.argv[1] + "/*.mp4"):
    for index, frame in enumerate(read_video(path)[0]):
        if has_face(frame):
            with open("./lmk_fps25/" + os.path.basename(path)[:-4] + ".json", "w") as file:
                json.dump([index, [0, 0]], file)
            break
