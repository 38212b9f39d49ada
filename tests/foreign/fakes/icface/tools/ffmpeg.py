"""Stands for ffmpeg: ``-r 25 -i FOLDER/%01d_re.png -vcodec mpeg4 -y MOVIE``, at its default quality."""

import sys
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "test_code_released_new"))
from facekit import encoded, picture


def main():
    rate, pattern = sys.argv[sys.argv.index("-r") + 1], sys.argv[sys.argv.index("-i") + 1]
    frames = []
    while Path(pattern % len(frames)).exists():
        frames.append(picture(pattern % len(frames)))
    encoded(sys.argv[-1], frames, Fraction(rate))


if __name__ == "__main__":
    main()
