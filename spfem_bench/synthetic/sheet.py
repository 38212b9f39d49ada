"""Contact sheets of rendered people, to look at.

python -m spfem_bench.synthetic.sheet people OUT.png
python -m spfem_bench.synthetic.sheet talking OUT.png
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.errors import UsageError
from spfem_bench.synthetic.clip import ClipSpec, render_frames, true_pair, truth
from spfem_bench.synthetic.face.states import FaceTrack

Image = NDArray[np.uint8]

PEOPLE = 16
SIZE = 128
_STRIP = 16
_SENTENCE = 1
_TALKER = 12
_SHOWN = 14
_MOODS = ("neutral", "happy", "angry", "sad")


def people() -> Image:
    """Sixteen people in the seven emotions at level 3, at an instant without speech."""
    rows = [_person(speaker) for speaker in range(PEOPLE)]
    header = np.hstack([_label(name, SIZE) for name in SPFEM_EMOTIONS])
    half = PEOPLE // 2
    return np.hstack([np.vstack([header, *rows[:half]]), np.vstack([header, *rows[half:]])])


def _person(speaker: int) -> Image:
    neutral = ClipSpec(speaker, _SENTENCE, size=SIZE, seconds=2.4)
    quiet = _quiet(truth(neutral).track)
    return np.hstack([_frames(true_pair(neutral, emotion), [quiet])[0] for emotion in SPFEM_EMOTIONS])


def _quiet(track: FaceTrack) -> int:
    """The instant with the least speech, eyes open."""
    mouth, head = track.mouth, track.head
    moved = mouth.jaw + mouth.protrude + mouth.close + mouth.tuck + np.abs(mouth.width) + 2 * head.blink
    return int(np.argmin(moved + 0.02 * np.abs(head.angles).sum(axis=1)))


def talking() -> Image:
    """One sentence said in four moods, in step, with the phonemes below."""
    neutral = ClipSpec(_TALKER, _SENTENCE, size=SIZE)
    last = neutral.frame_count - 1
    shown = np.unique(np.linspace(0.08 * last, 0.72 * last, _SHOWN).round().astype(int)).tolist()
    rows = [np.hstack(_frames(true_pair(neutral, mood), shown)) for mood in _MOODS]
    phonemes = truth(neutral, shown).phonemes
    return np.vstack([*rows, np.hstack([_label(str(name), SIZE) for name in phonemes])])


def _frames(spec: ClipSpec, indices: Sequence[int]) -> list[Image]:
    return [frame for chunk in render_frames(spec, indices) for frame in chunk]


def _label(text: str, width: int) -> Image:
    strip = np.full((_STRIP, width, 3), 255, np.uint8)
    cv2.putText(strip, text, (4, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (30, 30, 30), 1, cv2.LINE_AA)
    return strip


SHEETS: Mapping[str, Callable[[], Image]] = {"people": people, "talking": talking}


def main(arguments: Sequence[str]) -> None:
    """Write one sheet.

    Args:
        arguments: which sheet, and the PNG file to write.

    Raises:
        UsageError: an unknown sheet, or a file that cannot be written.
    """
    if len(arguments) != 2 or arguments[0] not in SHEETS:
        raise UsageError(
            "say which sheet and where: python -m spfem_bench.synthetic.sheet people|talking OUT.png"
        )
    image = SHEETS[arguments[0]]()
    if not cv2.imwrite(str(Path(arguments[1])), image[..., ::-1], (cv2.IMWRITE_PNG_COMPRESSION, 9)):
        raise UsageError(f"cannot write {arguments[1]}: give a PNG file in a folder that exists")


if __name__ == "__main__":
    main(sys.argv[1:])
