"""The audio front ends of the sync networks: the judge's cepstra and the supervisor's log-mel energies."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.fft import dct

from spfem_baselines.supervisors import speech as supervisor
from spfem_metrics.synthetic.nets import speech


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * 16000)).astype(np.float32)


def test_cepstra_agree_with_a_direct_transform() -> None:
    samples = noise(0.5)
    found = speech.windows(samples, np.array([0.12]))[0]
    wave = np.append(samples[0], samples[1:] - 0.97 * samples[:-1].astype(np.float64))
    begin = round(0.12 * 16000) + 3 * 160
    frame = wave[begin : begin + 400] * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400))
    turns = np.exp(-2j * np.pi * np.outer(np.arange(257), np.arange(400)) / 512)
    energies = np.log(speech.mel_filters(26, 512, 16000) @ (np.abs(turns @ frame) ** 2 / 512) + 1e-6)
    np.testing.assert_allclose(found[:, 3], dct(energies, norm="ortho")[:13], atol=1e-5)


def test_filters_are_triangles_of_height_one_that_hand_over_to_each_other() -> None:
    filters = speech.mel_filters(26, 512, 16000)
    assert filters.shape == (26, 257)
    assert filters.min() == 0
    assert filters.max() <= 1
    inner = slice(np.flatnonzero(filters[0])[-1], np.flatnonzero(filters[-1])[0])
    np.testing.assert_allclose(filters.sum(axis=0)[inner], 1, atol=1e-9)


def test_a_window_depends_on_its_own_time_only() -> None:
    samples, times = noise(1.0), np.arange(20) / 25
    together = speech.windows(samples, times)
    alone = np.concatenate([speech.windows(samples, times[i : i + 1]) for i in range(20)])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_sound_that_comes_later_moves_the_windows_with_it() -> None:
    samples = noise(1.0)
    late = np.concatenate([np.zeros(640, np.float32), samples])
    times = np.arange(1, 15) / 25
    np.testing.assert_allclose(speech.windows(late, times + 0.04), speech.windows(samples, times), atol=1e-6)


def test_long_sound_is_read_in_blocks_without_a_seam() -> None:
    samples, times = noise(60.0), np.arange(1490) / 25
    whole = speech.windows(samples, times)
    some = slice(1020, 1030)  # its columns lie on both sides of the first block's end
    np.testing.assert_allclose(whole[some], speech.windows(samples, times[some]), atol=1e-5)


@pytest.mark.parametrize(("frames", "expected"), [(50, 39), (100, 89), (11, 0), (12, 1)])
def test_windows_are_covered_all_but_the_last_eleven(frames: int, expected: int) -> None:
    assert speech.covered(frames * 640, np.arange(frames) / 25).sum() == expected


def test_louder_sound_moves_the_first_coefficient_only() -> None:
    samples, times = 3 * noise(1.0), np.array([0.1])
    gap = speech.windows(2 * samples, times) - speech.windows(samples, times)
    np.testing.assert_allclose(gap[0, 0], np.sqrt(26) * np.log(4), atol=0.15)  # less by the floor of the log
    assert np.abs(gap[0, 1:]).max() < 0.15


def test_the_supervisor_hears_a_tone_in_the_filter_around_it() -> None:
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(8000) / 16000)
    features = supervisor.log_mel(tone, torch.tensor([0.0, 0.1]))
    assert features.shape == (2, 40, 16)
    low, high = (1127 * np.log(1 + f / 700) for f in (60, 7600))
    centre = 700 * (np.exp((low + (high - low) * (int(features[0, :, 5].argmax()) + 1) / 41) / 1127) - 1)
    assert abs(centre - 1000) < 80


def test_the_supervisor_pads_with_silence_beyond_the_end() -> None:
    features = supervisor.log_mel(torch.ones(100), torch.tensor([0.0, 1.0]))
    assert torch.allclose(features[1], torch.full((40, 16), float(np.log(1e-5))))
