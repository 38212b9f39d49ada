"""Opening and reading video files: rates, order, orientation, pixels, and what is refused."""

from __future__ import annotations

import os
import pickle
import tracemalloc
from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter

from spfem_bench.clips import open_clip, write_lossless
from spfem_bench.clips.index import index_video
from spfem_bench.clips.picture import to_rgb, turned
from spfem_bench.errors import ClipError, UsageError
from tests.support.clips import make_audio, make_clip, moving_box, noise_frames, tone

NTSC = Fraction(30000, 1001)
LOSSLESS = {"codec": "ffv1", "pix_fmt": "bgr0"}


def read(clip) -> np.ndarray:
    return np.concatenate(list(clip.frames()))


@pytest.mark.parametrize("fps", [Fraction(25), NTSC, Fraction(24000, 1001), Fraction(60)])
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_rate_is_exact_in_every_container(tmp_path, fps, suffix):
    clip = open_clip(make_clip(tmp_path / f"a{suffix}", moving_box(40), fps))
    assert clip.fps == fps
    assert clip.info.duration == 40 / fps
    assert not clip.info.variable
    np.testing.assert_array_equal(clip.times, [float(i / fps) for i in range(40)])


def test_reordered_frames_come_out_in_the_order_they_are_shown(tmp_path):
    frames = moving_box(30)
    coded = {"options": {"bf": "3", "b_strategy": "0", "crf": "1"}}
    path = make_clip(tmp_path / "b.mp4", frames, **coded)
    with av.open(str(path)) as container:
        stamps = [p.pts for p in container.demux(video=0) if p.size]
    assert stamps != sorted(stamps)
    got = read(open_clip(path))
    nearest = [int(np.argmin(np.abs(frames.astype(int) - image).mean((1, 2, 3)))) for image in got]
    assert nearest == list(range(30))


def test_avi_without_usable_stamps_is_counted_by_decoding(tmp_path):
    frames = noise_frames(12)
    path = make_clip(tmp_path / "a.avi", frames, codec="mpeg4", options={"bf": "2"})
    clip = open_clip(path)
    assert clip.frame_count == sum(len(chunk) for chunk in clip.frames()) == 12
    assert clip.fps == 25


def test_raw_stream_gets_its_nominal_rate(tmp_path):
    clip = open_clip(make_clip(tmp_path / "a.h264", moving_box(10), 25))
    assert (clip.frame_count, clip.fps, clip.times[-1]) == (10, 25, 9 / 25)
    assert read(clip).shape == (10, 48, 64, 3)


@pytest.mark.parametrize(("start", "suffix"), [("-1/5", ".nut"), ("7/5", ".nut"), ("7/5", ".mov")])
def test_first_frame_is_at_zero_wherever_the_clock_starts(tmp_path, start, suffix):
    times = [Fraction(start) + Fraction(i, 25) for i in range(10)]
    clip = open_clip(make_clip(tmp_path / f"a{suffix}", moving_box(10), times=times))
    assert (clip.fps, clip.frame_count) == (25, 10)
    np.testing.assert_array_equal(clip.times, np.arange(10) / 25)
    assert read(clip).shape[0] == 10


def test_frames_before_an_edit_list_are_not_shown(tmp_path):
    # mov writes a start at -0.2 s as an edit that hides the first five frames.
    times = [Fraction(i - 5, 25) for i in range(12)]
    frames = moving_box(12)
    clip = open_clip(make_clip(tmp_path / "a.mov", frames, codec="png", pix_fmt="rgb24", times=times))
    assert (clip.fps, clip.frame_count) == (25, 7)
    np.testing.assert_array_equal(read(clip), frames[5:])


def test_packets_an_edit_list_discards_do_not_count(tmp_path):
    # H.264 cannot start between key frames: the packets stay in the file, marked as not to be shown.
    times = [Fraction(i - 5, 25) for i in range(12)]
    path = make_clip(tmp_path / "a.mov", moving_box(12), times=times)
    with av.open(str(path)) as container:
        assert sum(packet.is_discard for packet in container.demux(video=0)) == 5
    clip = open_clip(path)
    assert clip.frame_count == len(read(clip)) == 7


def test_variable_rate_keeps_its_times(tmp_path):
    steps = [0, 1, 2, 3, 9, 10, 11, 12, 18, 19]
    path = make_clip(tmp_path / "v.mp4", moving_box(10), 30, times=[Fraction(s, 30) for s in steps])
    clip = open_clip(path)
    assert clip.info.variable
    assert clip.fps == Fraction(9 * 30, 19)
    np.testing.assert_allclose(clip.times, np.array(steps) / 30, rtol=0, atol=1e-12)


def test_chunks_are_contiguous_owned_and_start_anywhere(tmp_path):
    frames = noise_frames(70, (16, 10))
    clip = open_clip(make_clip(tmp_path / "a.mkv", frames, **LOSSLESS))
    chunks = list(clip.frames())
    assert [len(chunk) for chunk in chunks] == [32, 32, 6]
    assert all(chunk.flags.c_contiguous and chunk.flags.owndata for chunk in chunks)
    np.testing.assert_array_equal(np.concatenate(chunks), frames)
    np.testing.assert_array_equal(np.concatenate(list(clip.frames(31, 50))), frames[31:50])
    assert list(clip.frames(60, 60)) == []
    assert sum(len(chunk) for chunk in clip.frames(65, 999)) == 5
    with pytest.raises(UsageError):
        clip.frames(-1)


def test_batches_carry_their_place_and_times(tmp_path):
    frames = noise_frames(20, (16, 10))
    clip = open_clip(make_clip(tmp_path / "a.mkv", frames, NTSC, **LOSSLESS))
    batches = list(clip.batches(8))
    assert [batch.start for batch in batches] == [0, 8, 16]
    np.testing.assert_array_equal(np.concatenate([b.times for b in batches]), clip.times)
    np.testing.assert_array_equal(np.concatenate([b.images for b in batches]), frames)


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_display_rotation_is_applied(tmp_path, degrees):
    frames = moving_box(5)
    path = make_clip(tmp_path / "r.mov", frames, codec="png", pix_fmt="rgb24", rotation=degrees)
    clip = open_clip(path)
    upright = np.rot90(frames, degrees // 90, axes=(1, 2))
    assert clip.size == (upright.shape[2], upright.shape[1])
    np.testing.assert_array_equal(read(clip), upright)


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (17, 5), (33, 31)])
def test_odd_and_tiny_sizes(tmp_path, size):
    frames = noise_frames(3, size)
    path = make_clip(tmp_path / "o.mov", frames, codec="png", pix_fmt="rgb24")
    clip = open_clip(path)
    assert clip.size == size
    np.testing.assert_array_equal(read(clip), frames)


@pytest.mark.parametrize("pix_fmt", ["gray", "yuv420p", "yuv420p10le", "yuv444p"])
def test_every_depth_and_layout_becomes_full_range_rgb(tmp_path, pix_fmt):
    ramp = np.zeros((4, 32, 256, 3), np.uint8)
    ramp[:] = np.arange(256, dtype=np.uint8)[None, None, :, None]
    clip = open_clip(make_clip(tmp_path / "g.mkv", ramp, codec="ffv1", pix_fmt=pix_fmt))
    # 8-bit limited range has 219 levels for 256: one level of rounding is all that is lost.
    assert np.abs(read(clip).astype(int) - ramp).max() <= 1


@pytest.mark.parametrize("threads", [1, 5])
def test_bytes_do_not_depend_on_the_number_of_threads(tmp_path, threads):
    path = make_clip(tmp_path / "t.mp4", noise_frames(20, (160, 120)), options={"crf": "20"})
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        container.streams.video[0].codec_context.thread_count = threads
        alone = [to_rgb(frame, VideoReformatter()).copy() for frame in container.decode(video=0)]
    np.testing.assert_array_equal(read(open_clip(path)), alone)


# Kr, Kb of the matrix; H.264 table E-5. 2 is "untagged", read as BT.601.
@pytest.mark.parametrize(("tag", "kr", "kb"), [(2, 0.299, 0.114), (6, 0.299, 0.114), (1, 0.2126, 0.0722)])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("yuv", [(120, 128, 128), (81, 100, 170), (150, 160, 90)])
def test_colours_follow_the_tagged_matrix_and_range(tag, kr, kb, full, yuv):
    frame = av.VideoFrame(32, 16, "yuv420p")
    for plane, value in zip(frame.planes, yuv, strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    frame.colorspace, frame.color_range = tag, 2 if full else 1
    y, u, v = (yuv[0] - (0 if full else 16)), yuv[1] - 128, yuv[2] - 128
    y, u, v = (y / 255, u / 255, v / 255) if full else (y / 219, u / 224, v / 224)
    red, blue = y + 2 * (1 - kr) * v, y + 2 * (1 - kb) * u
    green = (y - kr * red - kb * blue) / (1 - kr - kb)
    expected = np.clip(255 * np.array([red, green, blue]), 0, 255)
    assert np.abs(to_rgb(frame, VideoReformatter())[8, 16] - expected).max() <= 1


@pytest.mark.parametrize("matrix", [(1, 0, 0, 1), (-1, 0, 0, 1), (1, 0, 0, -1), (-1, 0, 0, -1),
                                    (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, -1, 0), (0, -1, -1, 0)])  # fmt: skip
def test_all_eight_orientations_follow_the_matrix(matrix):
    a, b, c, d = matrix
    image = noise_frames(1, (5, 3))[0]
    seen = turned(image, np.array([a, b, 0, c, d, 0, 0, 0, 1]) * 65536)
    corners = [(a * p + c * q, b * p + d * q) for p, q in ((0, 0), (4, 2))]
    left, top = (min(axis) for axis in zip(*corners, strict=True))
    for p, q in ((0, 0), (4, 0), (1, 2)):
        np.testing.assert_array_equal(seen[b * p + d * q - top, a * p + c * q - left], image[q, p])


def test_a_clip_travels_to_a_worker(tmp_path):
    path = make_clip(tmp_path / "a.mov", moving_box(9), audio=(tone(0.3), 16000))
    clip = open_clip(path)
    twin = pickle.loads(pickle.dumps(clip))
    np.testing.assert_array_equal(read(twin), read(clip))
    np.testing.assert_array_equal(twin.audio(16000), clip.audio(16000))


def test_reading_holds_a_fixed_number_of_frames(tmp_path):
    def peak(count: int) -> int:
        path = tmp_path / f"{count}.mkv"
        frame = noise_frames(1, (64, 64))
        write_lossless(path, (frame for _ in range(count)), fps=Fraction(25))
        clip = open_clip(path)
        tracemalloc.start()
        seen = sum(len(chunk) for chunk in clip.frames())
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert seen == count
        return top

    # 2000 frames are 25 MB; three chunks of 32 would be 1.2 MB.
    assert peak(2000) < peak(300) + 200_000 < 1_500_000


def test_writing_holds_a_fixed_number_of_frames(tmp_path):
    frame = noise_frames(1, (64, 64))

    def peak(count: int) -> int:
        tracemalloc.start()
        write_lossless(tmp_path / "w.mkv", (frame.copy() for _ in range(count)), fps=Fraction(25))
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    assert peak(1500) < peak(150) + 200_000 < 1_500_000


def test_opening_decodes_one_frame_only(tmp_path, monkeypatch):
    path = make_clip(tmp_path / "a.mp4", moving_box(50))
    monkeypatch.setattr("spfem_bench.clips.index.decoded", lambda path: pytest.fail("decoded at opening"))
    assert open_clip(path).frame_count == 50


class TestRefused:
    def refuse(self, path, words):
        with pytest.raises(ClipError, match=words) as caught:
            list(open_clip(path).frames())
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_missing(self, tmp_path):
        self.refuse(tmp_path / "none.mp4", "does not exist")

    def test_folder(self, tmp_path):
        self.refuse(tmp_path, "is a folder")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_no_permission(self, tmp_path):
        path = make_clip(tmp_path / "a.mp4", moving_box(3))
        path.chmod(0)
        self.refuse(path, "permissions")

    def test_empty(self, tmp_path):
        path = tmp_path / "a.mp4"
        path.touch()
        self.refuse(path, "empty")

    def test_text(self, tmp_path):
        path = tmp_path / "a.mp4"
        path.write_text("a talk about faces\n" * 50)
        self.refuse(path, "not a readable media file")

    def test_index_cut_off(self, tmp_path):
        path = make_clip(tmp_path / "a.mp4", noise_frames(20))
        path.write_bytes(path.read_bytes()[:5000])
        self.refuse(path, "cut off before its index")

    def test_cut_off_after_the_index(self, tmp_path):
        whole = make_clip(tmp_path / "a.mp4", noise_frames(50), container_options={"movflags": "faststart"})
        path = tmp_path / "cut.mp4"
        path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
        self.refuse(path, r"stops after frame \d+ of 50")

    def test_damage_in_the_middle(self, tmp_path):
        path = make_clip(tmp_path / "a.mp4", noise_frames(40), options={"g": "10", "bf": "0"})
        data = bytearray(path.read_bytes())
        middle = len(data) // 2
        data[middle : middle + 4000] = bytes(4000)
        path.write_bytes(data)
        self.refuse(path, r"damaged near frame \d+")

    def test_frames_lost_after_opening(self, tmp_path):
        clip = open_clip(make_clip(tmp_path / "a.mkv", moving_box(30), **LOSSLESS))
        make_clip(tmp_path / "a.mkv", moving_box(20), **LOSSLESS)
        with pytest.raises(ClipError, match="stops after frame 20 of 30"):
            list(clip.frames())

    def test_file_replaced_after_opening(self, tmp_path):
        clip = open_clip(make_clip(tmp_path / "a.mkv", moving_box(30), 25, **LOSSLESS))
        make_clip(tmp_path / "a.mkv", moving_box(30), 50, **LOSSLESS)
        with pytest.raises(ClipError, match="damaged near frame 1;"):
            list(clip.frames())

    def test_damage_that_the_decoder_would_hide(self, tmp_path):
        # MPEG-1 decoders paint over lost slices and only flag the frame.
        path = make_clip(
            tmp_path / "a.mpg", noise_frames(30), codec="mpeg1video", options={"g": "5", "b": "2M"}
        )
        data = bytearray(path.read_bytes())
        middle = len(data) // 2
        data[middle : middle + 3000] = bytes((7 * byte + 13) % 256 for byte in data[middle : middle + 3000])
        path.write_bytes(data)
        with av.open(str(path)) as container:
            assert any(frame.is_corrupt for frame in container.decode(video=0))
        self.refuse(path, r"damaged near frame \d+")

    def test_sound_only(self, tmp_path):
        self.refuse(make_audio(tmp_path / "a.wav", tone(0.5), 16000), "no video stream")

    def test_no_frames(self, tmp_path):
        path = make_clip(tmp_path / "a.mkv", moving_box(0), audio=(tone(0.5), 16000))
        self.refuse(path, "no (frames|video stream)")

    def test_huge_frames(self, tmp_path):
        path = make_clip(tmp_path / "a.mkv", noise_frames(1, (8194, 2)), codec="ffv1", pix_fmt="bgr0")
        self.refuse(path, "8194x2")

    def test_frame_size_that_changes(self, tmp_path):
        small = make_clip(tmp_path / "s.h264", moving_box(5, (64, 48)))
        large = make_clip(tmp_path / "l.h264", moving_box(5, (96, 64)))
        path = tmp_path / "both.h264"
        path.write_bytes(small.read_bytes() + large.read_bytes())
        self.refuse(path, "changes its frame size at frame 5")


def test_stamps_that_repeat_are_refused(tmp_path, monkeypatch):
    path = make_clip(tmp_path / "a.mp4", moving_box(5))
    monkeypatch.setattr("spfem_bench.clips.index._shown", lambda stamps: np.array([0, 1, 1, 2]))
    with pytest.raises(ClipError, match="do not increase"):
        index_video(path)


def test_cover_picture_is_not_a_video(tmp_path):
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as output:
        cover = output.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        output.mux(cover.encode(av.VideoFrame.from_ndarray(moving_box(1)[0], format="rgb24")))
        output.mux(cover.encode(None))
    with av.open(str(path)) as container:
        assert container.streams.video[0].disposition & av.stream.Disposition.attached_pic
    with pytest.raises(ClipError, match="no video stream"):
        open_clip(path)


def test_odd_titles_do_not_matter(tmp_path):
    path = make_clip(tmp_path / "a.mkv", moving_box(3), **LOSSLESS)
    with av.open(str(path)) as source, av.open(str(tmp_path / "t.mkv"), "w") as output:
        output.metadata["title"] = "PLACEHOLDER"
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    titled = tmp_path / "t.mkv"
    titled.write_bytes(titled.read_bytes().replace(b"PLACEHOLDER", b"Caf\xe9 \xff\xfe abc"[:11]))
    assert open_clip(titled).frame_count == 3
