"""The voice, measured in its sound: formants, pitch, loudness, noise, and its tie to the mouth."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from spfem_bench.datasets.records import SPFEM_EMOTIONS
from spfem_bench.errors import UsageError
from spfem_bench.synthetic.speech.correlation import formants_by_prediction, level, measure
from spfem_bench.synthetic.speech.phonemes import PHONEMES, SILENCE
from spfem_bench.synthetic.speech.sentences import sentence_of
from spfem_bench.synthetic.speech.timeline import Segment, Timeline, timeline
from spfem_bench.synthetic.speech.voice import RATE, Prosody, Voice, prosody_of, speak, voice_of

MAN = Voice(pitch=110.0, tract=1.0, breathiness=0.1, jitter=0.004, shimmer=0.02, tilt=0.0, rate=1.0, lilt=1.0)
SENTENCE = 0


def steady(phoneme: str, before: str = "") -> Timeline:
    """0.6 s of one sound, from 0.2 s on."""
    lead = [Segment(before, 0.1, 0.2, 1.0, 0)] if before else []
    start = 0.1 if before else 0.2
    return Timeline(
        (
            Segment(SILENCE, 0.0, start, 0.0, -1),
            *lead,
            Segment(phoneme, 0.2, 0.8, 1.0, 0),
            Segment(SILENCE, 0.8, 1.0, 0.0, -1),
        ),
        1.0,
    )


def utter(
    emotion: str, intensity: int = 3, voice: Voice = MAN, sentence: int = SENTENCE
) -> NDArray[np.float32]:
    prosody = prosody_of(emotion, intensity)
    spoken = timeline(sentence_of(sentence), voice.rate, prosody.tempo, (1, sentence))
    return speak(spoken, voice, prosody, (1, sentence))


def pitches(wave: NDArray[np.float32]) -> NDArray[np.float64]:
    """Pitch in Hz of the clearly periodic 40 ms windows, by the highest peak of the autocorrelation."""
    found = []
    taper = np.hanning(640)
    fall = np.correlate(taper, taper, "full")[639:906]
    for start in range(0, len(wave) - 640, 320):
        window = wave[start : start + 640].astype(np.float64) * taper
        likeness = np.correlate(window, window, "full")[639:906] / fall
        best = 32 + int(np.argmax(likeness[32:]))
        if window.std() > 0.01 and likeness[best] > 0.6 * likeness[0]:
            found.append(RATE / best)
    return np.array(found)


def loudness(wave: NDArray[np.float32]) -> float:
    """Level in dB of full scale of the loudest half."""
    frames = (wave[: len(wave) // 640 * 640].reshape(-1, 640).astype(np.float64) ** 2).mean(axis=1)
    return float(10 * np.log10(np.mean(np.sort(frames)[len(frames) // 2 :])))


def centroid(wave: NDArray[np.float32], start: float = 0.3, end: float = 0.7) -> float:
    """Centre of gravity of the power spectrum in Hz."""
    part = wave[round(start * RATE) : round(end * RATE)].astype(np.float64)
    power = np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2
    return float((np.fft.rfftfreq(len(part), 1 / RATE) * power).sum() / power.sum())


class TestSound:
    def test_shape_range_and_type(self) -> None:
        spoken = timeline(sentence_of(4), 1.0, 1.0, (3,))
        wave = speak(spoken, MAN, Prosody(), (3,))
        assert wave.dtype == np.float32
        assert wave.shape == (round(spoken.seconds * RATE),)
        assert np.abs(wave).max() <= 1.0

    def test_same_key_same_sound_other_key_other_noise(self) -> None:
        spoken = timeline(sentence_of(4), 1.0, 1.0, (3,))
        first = speak(spoken, MAN, Prosody(), (3,))
        assert np.array_equal(first, speak(spoken, MAN, Prosody(), (3,)))
        assert not np.array_equal(first, speak(spoken, MAN, Prosody(), (4,)))

    def test_no_voice_clips_and_none_is_faint(self) -> None:
        for speaker in range(8):
            waves = {emotion: utter(emotion, voice=voice_of(speaker)) for emotion in ("angry", "sad")}
            assert np.abs(waves["angry"]).max() < 1.0
            assert loudness(waves["sad"]) > -36.0

    @pytest.mark.parametrize("vowel", ["AA", "AE", "AH", "AO", "EH", "ER", "IH", "IY", "UH", "UW"])
    def test_formants_are_those_of_peterson_and_barney(self, vowel: str) -> None:
        wave = speak(steady(vowel), MAN, Prosody(), (1,))
        found = np.nanmedian(formants_by_prediction(wave, np.arange(0.35, 0.65, 0.02)), axis=0)
        assert found == pytest.approx(PHONEMES[vowel].formants[:2], rel=0.07)

    def test_a_short_tract_raises_the_formants(self) -> None:
        short = Voice(**{name: getattr(MAN, name) for name in MAN.__slots__} | {"tract": 1.15})
        times = np.arange(0.35, 0.65, 0.02)
        first, second = (
            np.nanmedian(formants_by_prediction(speak(steady("AE"), voice, Prosody(), (1,)), times), axis=0)
            for voice in (MAN, short)
        )
        assert second / first == pytest.approx([1.15, 1.15], rel=0.05)

    def test_diphthongs_glide(self) -> None:
        wave = speak(steady("AY"), MAN, Prosody(), (1,))
        (_, first), (_, last) = formants_by_prediction(wave, np.array([0.3, 0.7]))
        assert last > first + 500

    def test_fricatives_are_noise_at_their_own_heights(self) -> None:
        heights = {name: centroid(speak(steady(name), MAN, Prosody(), (1,))) for name in ("S", "SH", "AA")}
        assert heights["S"] > 5000
        assert 2500 < heights["SH"] < 4500
        assert heights["AA"] < 1500
        assert len(pitches(speak(steady("S"), MAN, Prosody(), (1,)))) == 0

    def test_closures_are_silent_and_released_by_a_burst(self) -> None:
        wave = speak(steady("AA", before="T"), MAN, Prosody(), (1,))
        closure, burst, vowel = level(wave, np.array([0.125, 0.17, 0.5]))
        assert closure < 0.1 * vowel
        assert burst > 4 * closure

    def test_nasals_are_weaker_and_darker_than_vowels(self) -> None:
        nasal, vowel = (speak(steady(name), MAN, Prosody(), (1,)) for name in ("M", "EH"))
        prediction = [centroid(wave) for wave in (nasal, vowel)]
        assert prediction[0] < 0.7 * prediction[1]

    def test_silence_is_quiet_but_not_digital_zero(self) -> None:
        wave = speak(steady("AA"), MAN, Prosody(), (1,))[: round(0.1 * RATE)]
        assert 1e-4 < wave.std() < 1e-3


class TestProsody:
    def test_pitch_follows_the_voice(self) -> None:
        low, high = (
            float(
                np.median(pitches(utter("neutral", voice=Voice(pitch, 1.0, 0.1, 0.004, 0.02, 0.0, 1.0, 1.0))))
            )
            for pitch in (100.0, 200.0)
        )
        assert low == pytest.approx(100.0, rel=0.12)
        assert high == pytest.approx(200.0, rel=0.12)

    def test_pitch_is_higher_in_high_arousal(self) -> None:
        """Scherer (2003), table 2: F0 rises in anger, fear and joy and falls in sadness."""
        found = {emotion: float(np.median(pitches(utter(emotion)))) for emotion in SPFEM_EMOTIONS}
        assert found["sad"] < found["neutral"]
        assert min(found[name] for name in ("angry", "fear", "happy", "surprised")) > 1.1 * found["neutral"]

    def test_range_is_wide_in_joy_and_flat_in_sadness(self) -> None:
        def reach(emotion: str) -> float:
            low, high = np.percentile(pitches(utter(emotion)), [10, 90])
            return float(12 * np.log2(high / low))

        assert reach("happy") > reach("neutral") > reach("sad")

    def test_anger_is_loud_and_sadness_soft(self) -> None:
        found = {emotion: loudness(utter(emotion)) for emotion in SPFEM_EMOTIONS}
        assert max(found, key=lambda name: found[name]) == "angry"
        assert min(found, key=lambda name: found[name]) == "sad"
        assert found["angry"] > found["neutral"] + 5

    def test_anger_is_bright_and_sadness_dull(self) -> None:
        """Scherer (2003): high-frequency energy rises in anger and falls in sadness."""
        heights = {
            name: centroid(speak(steady("EH"), MAN, prosody_of(name), (1,)))
            for name in ("angry", "neutral", "sad")
        }
        assert heights["angry"] > heights["neutral"] > heights["sad"]

    def test_sadness_and_disgust_are_slow_and_fear_is_fast(self) -> None:
        """Murray and Arnott (1993), table 1."""
        tempo = {emotion: prosody_of(emotion).tempo for emotion in SPFEM_EMOTIONS}
        assert max(tempo["sad"], tempo["disgusted"]) < 1.0 < tempo["happy"] < tempo["fear"]

    @pytest.mark.parametrize("emotion", [name for name in SPFEM_EMOTIONS if name != "neutral"])
    def test_intensity_is_graded(self, emotion: str) -> None:
        moved = [
            abs(prosody_of(emotion, degree).pitch) + abs(prosody_of(emotion, degree).loudness)
            for degree in (1, 2, 3)
        ]
        assert 0 < moved[0] < moved[1] < moved[2]
        assert prosody_of("neutral", 1) == prosody_of("neutral", 3) == Prosody()

    @pytest.mark.parametrize(("emotion", "intensity"), [("contempt", 3), ("happy", 0), ("happy", 4)])
    def test_unknown_prosody(self, emotion: str, intensity: int) -> None:
        with pytest.raises(UsageError, match=emotion):
            prosody_of(emotion, intensity)

    def test_people_differ_and_pitch_goes_with_the_tract(self) -> None:
        voices = [voice_of(speaker) for speaker in range(40)]
        assert len({voice.pitch for voice in voices}) == 40
        assert np.corrcoef([v.pitch for v in voices], [v.tract for v in voices])[0, 1] > 0.6
        assert voice_of(3) == voice_of(3) != voice_of(3, seed=1)
        assert all(80 < voice.pitch < 270 for voice in voices)


def test_the_mouth_and_the_sound_belong_together() -> None:
    """The bounds are under the values of docs/voice.md, which has 16 speakers; this is 3."""
    links = measure(range(3), sentences=5)
    assert links["jaw, level in dB"].mean > 0.5
    assert links["jaw, amplitude"].mean > 0.55
    assert links["width, true F2"].mean > 0.7
    assert links["width, F2 by linear prediction"].mean > 0.5
    assert all(link.speakers == 3 and link.frames > 300 for link in links.values())


def test_documented_correlations_are_those_measured() -> None:
    """docs/voice.md states 16 speakers; 4 others of them must not be far from it."""
    text = (Path(__file__).parents[2] / "docs" / "voice.md").read_text("utf-8")
    for name, link in measure(range(4, 8), sentences=5).items():
        row = re.search(rf"\| {re.escape(name)} \| ([\d.]+) \+- ", text)
        assert row is not None, name
        assert link.mean == pytest.approx(float(row[1]), abs=0.08), name


def test_golden_samples_to_within_one_step_of_16_bits() -> None:
    """Another machine may round differently in the last place, no more: the stored sound is the same."""
    spoken = timeline(sentence_of(1), 1.0, 1.0, (7,))
    wave = speak(spoken, voice_of(2), prosody_of("happy"), (7,))
    stored = np.round(wave[16_000:40_000:3000].astype(np.float64) * 32_767)
    assert len(wave) == 59_072
    assert stored == pytest.approx([-67, -20, -2424, -1335, -4437, 3809, -5348, -814], abs=1)
