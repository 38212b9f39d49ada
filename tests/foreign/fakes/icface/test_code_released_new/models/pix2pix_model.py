import csv
import os
from pathlib import Path

from facekit import picture, save, tinted

POSE = slice(296, 299)
UNITS = slice(679, 696)
SMILE = 8  # AU12_r among the seventeen


def rows(path):
    table = list(csv.reader(Path(path).read_text().splitlines()))
    assert len(table[0]) >= 696, f"the table has {len(table[0])} columns"
    for row in table[1:]:
        yield [float(value) for value in row[POSE]], [float(value) for value in row[UNITS]]


def generate(opt):
    for network in ("G", "GN"):
        weights = Path(opt.checkpoints_dir, opt.name, f"latest_net_{network}.pth")
        assert weights.is_file(), f"{weights}: no such file"
    folder = Path(opt.which_ref).parent / opt.results_dir
    if folder.is_dir():
        return
    face = picture(opt.which_ref, opt.loadSize)
    folder.mkdir(parents=True)
    for number, (_, units) in enumerate(rows(opt.csv_path)):
        save(folder / f"{number}_re.png", tinted(face, (units[SMILE] / 5 * 100, 0, 0)))
    os.system("ffmpeg -r 25 -i ./new_crop/results_video/%01d_re.png -vcodec mpeg4 -y movie.mp4")
    os.system("rm -r ./new_crop/results_video/")
