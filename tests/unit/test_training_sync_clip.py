"""Training of the sync and CLIP networks: batches, losses and what is measured, without rendering."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from spfem_bench.synthetic.captions import PROMPTS
from spfem_bench.training import clip, sync
from spfem_bench.training.branches import branches
from spfem_bench.training.captioning import LEVELLED, PROMPTED, SHARES, Captions, classes
from spfem_bench.training.files import SETS, Set
from spfem_bench.training.loop import Schedule, fit, forever
from spfem_bench.training.mouths import Mouths, shaken
from spfem_bench.training.recipe import Job


def material(clips: int = 6, frames: int = 60) -> Mouths:
    """A bright bar whose height follows a tone's loudness: sync that can be learnt in a few steps."""
    draw = np.random.default_rng(0)
    pictures, sounds = [], []
    for _ in range(clips):
        level = np.repeat(draw.random(frames // 2 + 1), 2)[:frames]
        rows = np.arange(64)[None, :] < 8 + 48 * level[:, None]
        pictures.append(np.broadcast_to(rows[:, :, None, None] * 200, (frames, 64, 64, 3)).astype(np.uint8))
        carrier = draw.normal(0, 1, frames * 640)
        sounds.append((0.3 * np.repeat(level, 640) * carrier).astype(np.float32))
    marks, ends = np.arange(clips + 1) * frames, np.arange(clips + 1) * frames * 640
    return Mouths(np.concatenate(pictures), np.concatenate(sounds), marks, ends)


def test_segments_keep_pictures_and_sound_in_step() -> None:
    data, kind = material(), branches("judges")
    times = np.arange(61 - kind.pictures) / 25
    sounds = [kind.windows(data.sound(i), times) for i in range(len(data))]
    windows = sync.PICTURES - kind.pictures + 1
    batch = sync.Segments(data, sounds, windows, 3)(np.random.default_rng(0))
    assert batch["frames"].shape == (3, sync.PICTURES, 64, 64, 3)
    assert batch["sound"].shape == (3, windows, 13, 44)
    height = (batch["frames"][:, :windows, :, 0, 0] > 100).sum(dim=2).float()
    loud = batch["sound"][:, :, 0, :4].mean(dim=2)
    for own, other in zip(height, loud, strict=True):
        assert torch.corrcoef(torch.stack([own, other]))[0, 1] > 0.7


@pytest.mark.parametrize("which", SETS)
def test_a_sync_network_learns_and_finds_the_offset(which: Set, tmp_path: Path) -> None:
    torch.manual_seed(0)
    data, kind = material(), branches(which)
    how, start = sync.making(Job(which, tmp_path), kind, data)
    quick = Schedule(steps=6, lr=2e-3, average=0.5)
    losses: list[float] = []

    def watched(net: torch.nn.Module, batch: sync.Batch) -> sync.Losses:
        terms = how.losses(net, batch)
        losses.append(sum(term.item() for term in terms.values()))
        return terms

    small = sync.Segments(data, how.batch.sounds, how.batch.windows, 2)
    net = fit(start(), watched, forever(small, 0), quick)
    assert np.mean(losses[-2:]) < 0.9 * losses[0]
    video, audio = sync.embed(net, kind, data.faces(0), data.sound(0))
    assert len(video) == len(audio) == 60 - kind.pictures
    np.testing.assert_allclose(np.linalg.norm(video, axis=1), 1, atol=1e-5)


def test_the_losses_are_least_where_windows_lie_at_their_own_sound() -> None:
    noise = torch.randn(2, 46, 32, generator=torch.Generator().manual_seed(0))
    sound = torch.nn.functional.normalize(noise, dim=2)
    own, late = sound[:, :: sync.STEP], sound.roll(3, dims=1)[:, :: sync.STEP]
    assert sync._curve(sync._means(own, sound)) < 1e-3
    assert sync._curve(sync._means(late, sound)) > 1
    assert sync._rows(own, sound) < sync._rows(late, sound) - 1


def test_the_far_loss_is_nought_on_a_curve_that_only_rises_outwards() -> None:
    rising = torch.arange(-sync.REACH, sync.REACH + 1).abs().float()[None]
    fallen = torch.where(rising > 5, 4.0, rising)
    assert sync._far(rising) == 0
    assert 0 < sync._far(fallen) <= 1


@pytest.mark.parametrize("late", [-4, 0, 1, 7])
def test_found_offset_counts_frames_by_which_lips_come_late(late: int) -> None:
    sound = np.random.default_rng(1).normal(size=(60, 16)).astype(np.float32)
    assert sync.found_offset(np.roll(sound, late, axis=0), sound) == late


def test_measures_count_clips_within_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = np.random.default_rng(1).normal(size=(95, 16)).astype(np.float32)
    rows = [(np.roll(sound, late, axis=0), sound) for late in (0, 1, 2, -5)]
    monkeypatch.setattr(sync, "embed", lambda net, kind, faces, samples: rows[len(faces) - 1])
    clips = Mouths(
        np.zeros((10, 1), np.uint8), np.zeros(0, np.float32), np.array([0, 1, 3, 6, 10]), np.zeros(5, int)
    )
    short, long, *_ = sync.measured(torch.nn.Identity(), branches("judges"), clips)
    assert short.value == 0.5
    assert short.target == 0.90
    assert long.value == 0.5
    assert long.target == 0.95


def test_shaken_landmarks_without_noise_are_the_true_ones() -> None:
    points = np.random.default_rng(0).normal(64, 20, (5, 68, 2)).astype(np.float32)
    np.testing.assert_allclose(shaken(points, 0.0, np.random.default_rng(0)), points, atol=1e-5)
    moved = shaken(points, 0.05, np.random.default_rng(0)) - points
    assert 0.1 < np.abs(moved).mean() < 20


def told() -> Captions:
    emotion, level = np.array([4, 4, 4, 0, 1]), np.array([3, 3, 1, 1, 2])
    tokens = np.arange(5 * 6 * 2, dtype=np.int16).reshape(5, 6, 2)
    return Captions(tokens, -np.arange(7 * 3 * 2, dtype=np.int16).reshape(7, 3, 2), emotion, level)


def test_what_a_caption_fits() -> None:
    fits = told()._fits(np.arange(5), np.array([LEVELLED[0], 3, PROMPTED, PROMPTED, 5]))
    assert fits[:, 0].tolist() == [True, True, False, False, False]  # very happy: both at level 3
    assert fits[:, 1].tolist() == [False, True, False, False, False]  # of this very still
    assert fits[:, 2].tolist() == [True, True, True, False, False]  # happy: at any level
    assert fits[:, 3].tolist() == [False, False, False, True, False]


def test_drawn_captions_are_the_stills_own_or_their_emotions_prompts() -> None:
    captions, rows = told(), np.tile(np.arange(5), 40)
    tokens, fits = captions.drawn(rows, np.random.default_rng(0))
    for row, pair in zip(rows, tokens, strict=True):
        own = captions.tokens[row].tolist() + captions.prompts[captions.emotion[row]].tolist()
        assert pair.tolist() in own
    assert fits.diagonal().all()
    assert SHARES.sum() == pytest.approx(1)


def test_contrast_is_least_where_stills_lie_at_their_captions() -> None:
    meaning = torch.tensor([0, 0, 1, 2])
    fits = (meaning[:, None] == meaning).float()
    right, wrong = (20 * torch.eye(3)[seen] @ torch.eye(3)[meaning].T for seen in (meaning, meaning.roll(1)))
    assert sum(clip.contrast(right, fits).values()).item() == pytest.approx(np.log(2) / 2, abs=0.01)
    assert sum(clip.contrast(wrong, fits).values()).item() > 5


@pytest.mark.parametrize("which", SETS)
def test_what_guides_a_clip_is_not_part_of_it(which: Set) -> None:
    guided = clip.Guided(clip.kind_of(which))
    draw = torch.Generator().manual_seed(0)
    batch = {
        "image": torch.randint(0, 256, (4, 64, 64, 3), generator=draw).to(torch.uint8),
        "tokens": torch.tensor([[1, 5, 2] + [0] * (guided.net.context_length - 3)] * 4),
        "fits": torch.eye(4, dtype=torch.bool),
        "geometry": torch.zeros(4, clip.GEOMETRY),
    }
    sum(clip.losses(guided, batch).values()).backward()
    assert guided.geometry.weight.grad is not None
    assert all(p.grad is not None for p in guided.net.parameters())
    assert not [name for name in guided.net.state_dict() if "geometry" in name]


def test_classes_are_means_of_their_texts() -> None:
    vectors = classes(
        lambda tokens: torch.nn.functional.one_hot(tokens[:, 0], 3).float(),
        [["0", "1"], ["2"]],
        lambda texts: np.array([[int(text)] for text in texts]),
    )
    np.testing.assert_allclose(vectors, [[0.5**0.5, 0.5**0.5, 0], [0, 0, 1]], atol=1e-6)


@pytest.mark.parametrize("which", SETS)
def test_each_set_reads_prompts_with_its_own_tokenizer(which: Set, tmp_path: Path) -> None:
    clip.write_words(tmp_path / "words.txt")
    kind = clip.kind_of(which)
    tokens = kind.tokenizer(tmp_path / "words.txt")(PROMPTS["happy"])
    with torch.inference_mode():
        vectors = clip.texts(kind.build().eval(), torch.from_numpy(tokens))
    assert vectors.shape[0] == len(PROMPTS["happy"])
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(len(vectors)))
