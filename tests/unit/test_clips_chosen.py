"""Some frames of a clip by their numbers: the bytes of a full reading, with less of the work."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from unittest.mock import patch

import av
import numpy as np
import pytest

from spfem_bench.clips import Clip, open_clip, open_frames, write_lossless
from spfem_bench.clips import reading as reading_module
from spfem_bench.errors import ClipError, UsageError
from spfem_bench.stages import library
from spfem_bench.stages.library import ComparedMedia, ReadAhead
from spfem_metrics import InputError
from spfem_metrics.media import ArrayMedia, Choosing, chosen
from spfem_metrics.pairs.lockstep import lockstep
from tests.support.clips import make_clip, moving_box, noise_frames

COUNT = 30
CHOICES = [[0], [29], [0, 29], [3, 4, 5, 17], list(range(COUNT)), list(range(0, COUNT, 3)), []]


def lossless(folder: Path) -> Path:
    """Stored with irregular times."""
    times = np.cumsum(np.tile([0.04, 0.02, 0.07], 10)) - 0.04
    write_lossless(folder / "a.mkv", [noise_frames(COUNT)], fps=Fraction(25), times=times)
    return folder / "a.mkv"


def h264(folder: Path) -> Path:
    return make_clip(folder / "a.mp4", moving_box(COUNT), options={"g": "8", "bf": "3"})


def mpeg4_avi(folder: Path) -> Path:
    """Reordered in AVI, whose packets are not trusted."""
    return make_clip(folder / "a.avi", moving_box(COUNT), codec="mpeg4", options={"bf": "2"})


def motion_jpeg(folder: Path) -> Path:
    return make_clip(folder / "b.mkv", moving_box(COUNT), codec="mjpeg", pix_fmt="yuvj420p")


MAKERS = [lossless, h264, mpeg4_avi, motion_jpeg]


def joined(chunks: Iterator[np.ndarray]) -> list[bytes]:
    return [image.tobytes() for chunk in chunks for image in chunk]


def some_of(clip: Clip, numbers: list[int], size: int = 4) -> list[bytes]:
    return joined(clip.chosen(np.array(numbers, np.int64), size))


@pytest.mark.parametrize("make", MAKERS)
def test_chosen_frames_are_those_of_a_full_reading(make, tmp_path: Path) -> None:
    clip = open_clip(make(tmp_path))
    whole = joined(clip.frames())
    assert len(whole) == COUNT
    for numbers in CHOICES:
        assert some_of(clip, numbers) == [whole[number] for number in numbers]
        assert some_of(open_clip(clip.path), numbers) == [whole[number] for number in numbers]


def test_a_folder_of_pictures_reads_only_the_chosen(tmp_path: Path) -> None:
    import cv2

    for at, image in enumerate(noise_frames(6)):
        cv2.imwrite(str(tmp_path / f"{at}.png"), image)
    clip = open_frames(tmp_path, Fraction(25))
    whole = joined(clip.frames())
    (tmp_path / "3.png").write_bytes(b"no picture")
    assert some_of(clip, [0, 2, 5]) == [whole[0], whole[2], whole[5]]
    with pytest.raises(ClipError, match=r"3\.png"):
        some_of(clip, [2, 3])


def decoded_packets(clip: Clip, numbers: list[int]) -> int:
    """Frames that the decoder gives."""
    fed: list[int] = []
    real = reading_module.decoded

    def counted(path: Path, only=None) -> Iterator[av.VideoFrame]:
        for frame in real(path, only):
            fed.append(1)
            yield frame

    with patch.object(reading_module, "decoded", counted):
        some_of(clip, numbers)
    return len(fed)


def test_what_stands_alone_is_not_decoded_and_what_is_not_wanted_is_not_converted(tmp_path: Path) -> None:
    stored, film = open_clip(lossless(tmp_path)), open_clip(h264(tmp_path))
    joined(stored.frames())
    assert decoded_packets(stored, [3, 20]) == 2
    assert decoded_packets(film, [3, 20]) == 21
    real, converted = reading_module.to_rgb, []

    def counted(frame, reformatter):
        converted.append(frame.pts)
        return real(frame, reformatter)

    with patch.object(reading_module, "to_rgb", counted):
        some_of(film, [3, 20])
    assert len(converted) == 2


def damage(path: Path, packet: int) -> None:
    """In the middle of a packet, which FFV1's decoder passes over in silence."""
    with av.open(str(path)) as container:
        packets = [(part.pos, part.size) for part in container.demux(video=0) if part.size]
    data, (start, size) = bytearray(path.read_bytes()), packets[packet]
    middle = start + size // 2
    data[middle : middle + 16] = bytes(byte ^ 255 for byte in data[middle : middle + 16])
    path.write_bytes(data)


@pytest.mark.parametrize("packet", [2, 12, 29])
def test_a_stored_clip_is_checked_whole_before_some_of_it_is_given_for_good(packet, tmp_path: Path) -> None:
    path = lossless(tmp_path)
    damage(path, packet)
    with pytest.raises(ClipError, match="not those stored"):
        some_of(open_clip(path), [1, 12])


def test_a_clip_found_whole_stays_so_across_processes_and_readings(tmp_path: Path) -> None:
    clip = open_clip(lossless(tmp_path))
    assert decoded_packets(pickle.loads(pickle.dumps(clip)), [3, 20]) == COUNT
    some_of(clip, [3, 20])
    assert decoded_packets(pickle.loads(pickle.dumps(clip)), [3, 20]) == 2


def test_frames_lost_or_replaced_after_opening_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    lossless_codec = {"codec": "ffv1", "pix_fmt": "bgr0", "options": {"g": "1"}}
    clip = open_clip(make_clip(path, moving_box(30), 25, **lossless_codec))
    make_clip(path, moving_box(20), 25, **lossless_codec)
    with pytest.raises(ClipError, match=r"stops after frame|damaged"):
        some_of(clip, [3, 25])
    make_clip(path, moving_box(30), 50, **lossless_codec)
    with pytest.raises(ClipError, match=r"stops after frame|damaged"):
        some_of(clip, [3, 25])


@pytest.mark.parametrize("numbers", [[-1, 2], [2, 2], [3, 1], [0, COUNT]])
def test_numbers_that_cannot_be_are_refused(numbers, tmp_path: Path) -> None:
    clip = open_clip(h264(tmp_path))
    with pytest.raises(UsageError):
        some_of(clip, numbers)
    with pytest.raises(InputError):
        joined(chosen(clip, np.array(numbers)))


@pytest.mark.parametrize("pairs", [[[0, 0], [0, 29]], [[3, 1], [3, 1], [4, 1], [29, 29]], [[29, 0]]])
def test_lockstep_meets_the_same_frames_whoever_reads(pairs, tmp_path: Path) -> None:
    one, two = open_clip(lossless(tmp_path)), open_clip(h264(tmp_path))
    frames = [np.concatenate(list(clip.frames())) for clip in (one, two)]
    assert isinstance(ReadAhead(one), Choosing)
    assert not isinstance(ArrayMedia(frames[0], Fraction(25)), Choosing)
    met = [(a.tobytes(), b.tobytes()) for a, b in lockstep(ReadAhead(one), ReadAhead(two), np.array(pairs))]
    assert met == [(frames[0][i].tobytes(), frames[1][j].tobytes()) for i, j in pairs]


def test_frames_compared_again_are_decoded_once_where_they_are_few(tmp_path: Path, monkeypatch) -> None:
    clip = open_clip(h264(tmp_path))
    whole, media = joined(clip.frames()), ComparedMedia(clip)
    first, second = np.array([3, 4, 5, 20]), np.array([3, 4, 6, 20])
    next(media.chosen(first, 2))  # one that was left before its end is no whole reading
    for pictures in media.chosen(first, 2):
        pictures[:] = 0  # whoever gets them may change them
    for wanted in (first, first, second, first):
        assert joined(media.chosen(wanted, 2)) == [whole[number] for number in wanted]
    calls: list[int] = []
    monkeypatch.setattr(Clip, "chosen", lambda *_: calls.append(1) or iter(()))
    assert joined(media.chosen(first, 2)) == [whole[number] for number in first]
    assert calls == []
    monkeypatch.setattr(library, "KEPT", 1)
    list(media.chosen(first, 2))
    assert calls == [1]
