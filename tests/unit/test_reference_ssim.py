"""Every named form of SSIM against its package, or its arithmetic transcribed with SciPy's filters."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import cv2
import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, uniform_filter
from torchmetrics.functional.image import structural_similarity_index_measure

from spfem_metrics import (
    ArrayMedia,
    DefinitionError,
    InputError,
    Metric,
    Observation,
    PairExtractor,
    Reading,
    TrialFacts,
    Unscored,
)
from spfem_metrics.extraction import compare_pairs
from spfem_metrics.functional.images import SSIM_RULES, SsimRule, ssim, ssim_by
from spfem_metrics.metrics.paired import SSIM, NamedSSIM
from spfem_metrics.pairs.image_quality import image_quality, ssim_pictures
from tests.support.parity import absolute, release
from tests.support.planted import pictures

Picture = np.ndarray
FORMS = list(SSIM_RULES)
ROUNDING = 1e-9
"""All in double precision; variances as differences of means of squares (up to 65,025) are off by 1e-11,
to a smallest denominator of C2 = 58.5."""


@pytest.fixture(scope="module")
def pair() -> tuple[Picture, Picture]:
    first = pictures(1, (61, 48), 3)[0]
    noise = np.random.default_rng(4).normal(0, 15, first.shape)
    return first, np.clip(first + noise, 0, 255).astype(np.uint8)


def by_scikit_image(
    x: Picture, y: Picture, means: Callable[[Picture], Picture], window: int, sample: bool
) -> float:
    """scikit-image's ``structural_similarity`` of one channel, from its documentation.

    Filters mirror the border, which is then cropped; ``use_sample_covariance`` multiplies (co)variances by
    n / (n - 1).
    """
    x, y = x.astype(np.float64), y.astype(np.float64)
    norm = window**2 / (window**2 - 1) if sample else 1.0
    ux, uy = means(x), means(y)
    vx, vy, vxy = (norm * (means(a * b) - means(a) * means(b)) for a, b in ((x, x), (y, y), (x, y)))
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    full = (2 * ux * uy + c1) * (2 * vxy + c2) / ((ux**2 + uy**2 + c1) * (vx + vy + c2))
    margin = (window - 1) // 2
    return float(full[margin:-margin, margin:-margin].mean())


def uniform(x: Picture) -> Picture:
    return uniform_filter(x, size=7)


def gauss(x: Picture) -> Picture:
    return gaussian_filter(x, sigma=1.5, truncate=3.5)


def channels(picture: Picture) -> list[Picture]:
    return [picture[:, :, i] for i in range(3)]


def luma(picture: Picture) -> Picture:
    red, green, blue = np.moveaxis(picture.astype(int), 2, 0)
    return np.floor((299 * red + 587 * green + 114 * blue) / 1000 + 0.5)


@pytest.mark.parametrize(
    ("form", "split", "means", "window", "sample"),
    [
        ("wang", channels, gauss, 11, False),
        ("wang-gray", lambda p: [luma(p)], gauss, 11, False),
        ("skimage", channels, uniform, 7, True),
        ("skimage-gray", lambda p: [luma(p)], uniform, 7, True),
    ],
)
def test_forms_are_scikit_images(parity, pair, form, split, means, window, sample) -> None:
    first, second = pair
    both = zip(split(first), split(second), strict=True)
    wanted = np.mean([by_scikit_image(x, y, means, window, sample) for x, y in both])
    found, oracle = ssim_by(SSIM_RULES[form], first, second), "scikit-image's rule transcribed, float64"
    parity(f"SSIM {form}", oracle, found, wanted, absolute(ROUNDING), n=(1, "frame pairs"))


def tensor(picture: Picture) -> torch.Tensor:
    return torch.from_numpy(picture.astype(np.float64)).permute(2, 0, 1)[None]


def test_torchmetrics_counts_windows_about_the_border_too(parity, pair) -> None:
    first, second = pair
    wanted = structural_similarity_index_measure(tensor(first), tensor(second), data_range=255.0, sigma=1.5)
    found, oracle = ssim_by(SSIM_RULES["torchmetrics"], first, second), release("torchmetrics")
    parity("SSIM torchmetrics", oracle, found, wanted, absolute(ROUNDING), n=(1, "frame pairs"))


def test_the_data_range_must_be_stated_or_the_number_is_another(pair) -> None:
    """The trap: torchmetrics guesses the range from the pictures, scikit-image once took 2 for float ones."""
    first, second = (p // 4 for p in pair)
    guessed = float(structural_similarity_index_measure(tensor(first), tensor(second), sigma=1.5))
    stated = float(
        structural_similarity_index_measure(tensor(first), tensor(second), data_range=255.0, sigma=1.5)
    )
    assert abs(guessed - stated) > 0.01
    assert ssim_by(SSIM_RULES["torchmetrics"], first, second) == pytest.approx(stated, abs=ROUNDING)
    unit = [p / 255 for p in (first, second)]
    assert ssim(*unit, data_range=1.0) == pytest.approx(ssim(first, second), abs=ROUNDING)
    assert abs(ssim(*unit, data_range=2.0) - ssim(first, second)) > 0.01


def test_forms_are_different_numbers(pair) -> None:
    values = [ssim_by(rule, *pair) for rule in SSIM_RULES.values()]
    apart = [abs(a - b) for i, a in enumerate(values) for b in values[:i]]
    assert min(apart) > 1e-4


def test_the_luma_is_opencvs_within_its_fixed_point_rounding(pair) -> None:
    rounded = cv2.cvtColor(pair[0], cv2.COLOR_RGB2GRAY).astype(int)
    assert np.abs(rounded - luma(pair[0])).max() <= 1


@pytest.mark.parametrize("form", FORMS)
def test_equal_pictures_are_1_and_the_order_does_not_matter(pair, form) -> None:
    first, second = pair
    assert ssim_by(SSIM_RULES[form], first, first) == pytest.approx(1.0, abs=ROUNDING)
    there, back = ssim_by(SSIM_RULES[form], first, second), ssim_by(SSIM_RULES[form], second, first)
    assert there == pytest.approx(back, abs=ROUNDING)
    assert there < 0.99


def media(frames: Picture) -> ArrayMedia:
    return ArrayMedia(frames, Fraction(25))


def observed(metric: NamedSSIM | SSIM, frames: Picture, others: Picture) -> Reading | Unscored:
    pairs = np.stack([np.arange(len(frames))] * 2, axis=1)
    extractors = [ssim_pictures(form=form) for form in SSIM_RULES] + [image_quality()]
    found = compare_pairs(media(frames), media(others), pairs, extractors)
    arrays = {("truth", name): value for name, value in found.items()}
    return metric.observe(
        Observation(TrialFacts("t", "M003", "happy"), {}, np.arange(len(frames)), pairs, arrays)
    )


def test_a_metric_is_the_mean_over_frames_of_its_form() -> None:
    frames, others = pictures(3, (40, 36), 1), pictures(3, (40, 36), 2)
    for form, rule in SSIM_RULES.items():
        reading = observed(NamedSSIM(form), frames, others)
        assert isinstance(reading, Reading)
        wanted = np.mean([ssim_by(rule, a, b) for a, b in zip(frames, others, strict=True)])
        assert reading.value == pytest.approx(float(wanted), rel=1e-12)
        assert reading.parts == {"frames": 3.0}
    plain, named = observed(SSIM(), frames, others), observed(NamedSSIM("wang"), frames, others)
    assert isinstance(plain, Reading)
    assert isinstance(named, Reading)
    assert plain.value == named.value


def test_names_definitions_and_signatures_tell_them_apart() -> None:
    made = [ssim_pictures(form=form) for form in FORMS]
    assert all(isinstance(extractor, PairExtractor) for extractor in made)
    assert [extractor.name for extractor in made] == [f"ssim-{form}" for form in FORMS]
    assert len({extractor.definition for extractor in made}) == len(FORMS)
    assert made[FORMS.index("skimage")].definition == (
        "ssim:uniform7,k0.01-0.03,valid,sample-cov,rgb,range255,crop:frame,resize:to-other-area-or-linear"
    )
    for form, extractor in zip(FORMS, made, strict=True):
        metric = NamedSSIM(form)
        assert isinstance(metric, Metric)
        line = metric.signature({extractor.name: extractor.definition}).line
        assert line.startswith(f"ssim-{form}|v1|ssim-{form}:ssim:")
        assert "range255" in line


def test_the_form_from_before_keeps_its_line() -> None:
    quality = image_quality()
    assert SSIM().signature({quality.name: quality.definition}).line == (
        "ssim|v1|image-quality:ssim:gauss11-1.5,k.01-.03,valid,rgb-mean,psnr:rgb,cap100,range255,"
        "resize:to-other-area-or-linear|mean:frames-then-trials|miss:exclude"
    )


def test_without_a_true_pair_there_is_no_number() -> None:
    assert NamedSSIM().observe(Observation(TrialFacts("t", "M003", "happy"), {}, np.arange(3))) == Unscored(
        "no true pair"
    )


@pytest.mark.parametrize("build", [lambda: NamedSSIM("y"), lambda: ssim_pictures(form="y")])
def test_other_forms_are_refused(build) -> None:
    with pytest.raises(DefinitionError):
        build()


def test_what_a_form_cannot_read_is_refused(pair) -> None:
    first, second = pair
    with pytest.raises(InputError, match="at least 7 px"):
        ssim_by(SSIM_RULES["skimage"], first[:6], second[:6])
    assert ssim_by(SSIM_RULES["skimage"], first[:7], second[:7]) < 1
    with pytest.raises(InputError, match="8-bit RGB"):
        ssim_by(SsimRule(channels="gray"), first / 255, second / 255)
