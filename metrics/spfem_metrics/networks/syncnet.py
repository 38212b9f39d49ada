"""SyncNet's embeddings of lips and sound, by four protocols whose numbers do not compare.

================  ================  ==========  ======================  ===================================
extractor         pictures          frames/s    sound                   as in
================  ================  ==========  ======================  ===================================
syncnet-official  whole frame       25          int16, 100 columns/s    syncnet_python 6efbb1c, given crops
syncnet-wav2lip   whole frame       the clip's  int16, 100 columns/s    Wav2Lip 5c90fa9, its LRS evaluation
syncnet-ned30     frame less 35 px  30          [-1, 1], 120 columns/s  NED and CDRL 68db8a1
syncnet-clean     tracked face      25          int16's level, 100      nowhere: this package's own
================  ================  ==========  ======================  ===================================

All take BGR of 0..255 and cepstra as `spfem_metrics.functional.mfcc`, unscaled, as the network was trained.
The published chains look at JPEGs (`spfem_metrics.networks.syncnet_jpeg`) but for ``ned30``, which read PNGs.
These JPEGs are made of the RGB frames, where the published ones are made of a video's planes (``via-rgb``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from pathlib import Path
from typing import Literal

import numpy as np

from spfem_metrics.errors import DefinitionError
from spfem_metrics.extractor import Pass
from spfem_metrics.media import Media
from spfem_metrics.networks import syncnet_jpeg
from spfem_metrics.networks.chunks import CHUNK, checked_chunk
from spfem_metrics.networks.files import digest8, model_file
from spfem_metrics.networks.syncnet_clean import CleanPass
from spfem_metrics.networks.syncnet_crops import Edges, Frame, checked_edges, whole, within_margin
from spfem_metrics.networks.syncnet_given import Given, GivenPass, Look, Rate, hear_int16, hear_ned30
from spfem_metrics.networks.syncnet_towers import Picture, Towers

Jpeg = Literal["ffmpeg", "none"]
Mask = Literal["none", "given"]

_FILE = "syncnet_v2.model"
_WINDOWS = "win5x20,windows:min-5"
_HEARD = "16khz-resample_poly-kaiser5"
"""How `Media.audio` brings sound of another rate to 16 kHz; the published chains use other filters."""
_INT16 = f"bgr255,{_HEARD},mfcc-psf0.6-int16-100hz,{_WINDOWS}"


@dataclass(frozen=True)
class SyncNetEmbeddings:
    """One protocol as an extractor; its arrays are those of `GivenPass` or `CleanPass`.

    Args:
        name: ``syncnet-`` and the protocol.
        rule: the protocol's choices, as they stand in the definition.
        begin: begins a clip with the network.
        model: the network's file.
        device: a torch device.
        chunk: windows in a batch.
        requires: ``faces``, where they are followed.
    """

    name: str
    rule: str
    begin: Callable[[Media, Towers], Pass]
    model: Path
    device: str = "cpu"
    chunk: int = CHUNK
    requires: tuple[str, ...] = ()

    @cached_property
    def definition(self) -> str:
        """Network, digest, the protocol's choices, chunk."""
        return f"syncnet-v2@{digest8(self.model)},{self.rule},chunk{self.chunk}"

    def start(self, media: Media) -> Pass:
        """Begin a clip; the first window loads the network."""
        return self.begin(media, self._towers)

    @cached_property
    def _towers(self) -> Towers:
        return Towers(self.model, self.device, self.chunk)


def official(
    *,
    weights: Mapping[str, Path],
    device: str = "cpu",
    jpeg: Jpeg = "ffmpeg",
    rate: Rate = "25fps",
    chunk: int = CHUNK,
) -> SyncNetEmbeddings:
    """The extractor ``syncnet-official``: syncnet_python's ``evaluate`` on crops that the caller gives.

    Args:
        weights: ``model``: ``syncnet_v2.model`` or the same tensors as safetensors.
        device: a torch device.
        jpeg: ``ffmpeg``: through the published chain's JPEGs, made of RGB; ``none``: the frames themselves.
        rate: ``25fps``: frames nearest to every 40 ms, where the published pipeline has ffmpeg repeat or drop
            some; ``as-is``: all frames as if they were 25 a second, as ``evaluate`` alone does.
        chunk: windows in a batch; it moves low bits and enters the definition.

    Raises:
        DefinitionError: no ``model``, or an option out of range.
        WeightsError: missing or, with the first window, not this network.
    """
    if rate not in ("25fps", "as-is"):
        raise DefinitionError(f"syncnet-official takes rate 25fps or as-is, not {rate!r}")
    look = partial(_crop_then_jpeg if _chained(jpeg) else _plain, whole)
    words = "25fps-nearest" if rate == "25fps" else "25fps-assumed"
    rule = f"official,given-crops,frame-to-224-cv2-linear,{_jpeg_words(jpeg)},{words},{_INT16}"
    begin = partial(_given, Given(look, hear_int16, rate))
    return _extractor("official", rule, begin, weights, device, chunk)


def wav2lip(
    *, weights: Mapping[str, Path], device: str = "cpu", jpeg: Jpeg = "ffmpeg", chunk: int = CHUNK
) -> SyncNetEmbeddings:
    """The extractor ``syncnet-wav2lip``: Wav2Lip's evaluation on LRS, whole frames as if 25 a second.

    Args:
        weights: as `official`.
        device: a torch device.
        jpeg: ``ffmpeg``: whole frames through the published chain's JPEGs, then resized; ``none``: resized.
        chunk: windows in a batch; it moves low bits and enters the definition.

    Raises:
        DefinitionError: no ``model``, or an option out of range.
        WeightsError: missing or, with the first window, not this network.
    """
    look = _jpeg_then_crop if _chained(jpeg) else partial(_plain, whole)
    rule = f"wav2lip,whole-frame,{_jpeg_words(jpeg)},frame-to-224-cv2-linear,fps-as-is,{_INT16}"
    begin = partial(_given, Given(look, hear_int16, "as-is"))
    return _extractor("wav2lip", rule, begin, weights, device, chunk)


def ned30(
    *,
    weights: Mapping[str, Path],
    device: str = "cpu",
    mask: Mask = "none",
    margin: int = 70,
    skip_frame: int = 2,
    chunk: int = CHUNK,
) -> SyncNetEmbeddings:
    """The extractor ``syncnet-ned30``: the papers' own script on aligned faces at 30 frames/s.

    But for sound of another rate than 16 kHz: the script has librosa resample it, by a filter that changed
    with librosa 0.10 (the script pins no version), `Media.audio` takes `scipy.signal.resample_poly`. On 21
    real clips of 44.1 kHz cepstra, whose spread is 13, move by 0.2 on the mean against librosa's filter of
    today and by 1.0 against the former; those two lie 1.0 apart.

    Args:
        weights: as `official`.
        device: a torch device.
        mask: ``given``: the caller's faces are masked, as in the papers; ``none``: they are not. Nothing is
            computed of it.
        margin: px of margin that the aligned faces have; half of it is cut off on every side.
        skip_frame: frames' worth of sound left out at the start, because NED's renderer loses its first two
            frames; 0 where output and sound begin together.
        chunk: windows in a batch; it moves low bits and enters the definition.

    Raises:
        DefinitionError: no ``model``, or an option out of range.
        WeightsError: missing or, with the first window, not this network.
    """
    if mask not in ("none", "given") or margin < 0 or skip_frame < 0:
        raise DefinitionError(
            f"syncnet-ned30: mask {mask!r}, margin {margin}, skip_frame {skip_frame} cannot be"
        )
    look = partial(_plain, partial(within_margin, margin=margin))
    heard = f"{_HEARD}-not-librosa,mfcc-psf0.6-float-133samples,skip{skip_frame}frames-of-533"
    seen = f"aligned-face,mask:{mask},margin{margin}-cut{margin // 2},to-224-cv2-linear,bgr255"
    begin = partial(_given, Given(look, partial(hear_ned30, skip_frame=skip_frame), "as-is"))
    return _extractor("ned30", f"ned30,{seen},{heard},{_WINDOWS}", begin, weights, device, chunk)


def clean(
    *, weights: Mapping[str, Path], device: str = "cpu", edges: Edges = "replicate", chunk: int = CHUNK
) -> SyncNetEmbeddings:
    """The extractor ``syncnet-clean``; it needs ``faces``.

    Args:
        weights: as `official`.
        device: a torch device.
        edges: what the median of boxes takes beyond a track's ends: ``replicate``, or ``zero`` as published.
        chunk: windows in a batch; it moves low bits and enters the definition.

    Raises:
        DefinitionError: no ``model``, or an option out of range.
        WeightsError: missing or, with the first window, not this network.
    """
    begin = partial(_followed, checked_edges(edges))
    crop = f"crop:raw-box-gap25-linear-median13-{edges}-scale.4-pad110,to-224-cv2-linear"
    rule = (
        f"clean,{crop},lossless,25fps-nearest,bgr255,{_HEARD},mfcc-psf0.6-int16level-100hz-own-time,win5x20"
    )
    return _extractor("clean", rule, begin, weights, device, chunk, ("faces",))


def random_file(path: Path, seed: int) -> None:
    """A file of the published form with seeded random weights.

    Raises:
        OSError: it cannot be written.
    """
    import torch

    from spfem_metrics.networks.architectures.syncnet import SyncNet
    from spfem_metrics.networks.random_weights import random_state, save_state

    with torch.device("meta"):
        network = SyncNet()
    save_state(random_state(network, seed), path)


def _extractor(
    protocol: str,
    rule: str,
    begin: Callable[[Media, Towers], Pass],
    weights: Mapping[str, Path],
    device: str,
    chunk: int,
    requires: tuple[str, ...] = (),
) -> SyncNetEmbeddings:
    name = f"syncnet-{protocol}"
    model = model_file(weights, name, _FILE)
    return SyncNetEmbeddings(name, rule, begin, model, device, checked_chunk(chunk), requires)


def _given(protocol: Given, media: Media, towers: Towers) -> Pass:
    return GivenPass(media, protocol, towers)


def _followed(edges: Edges, media: Media, towers: Towers) -> Pass:
    return CleanPass(media, edges, towers)


def _chained(jpeg: str) -> bool:
    if jpeg not in ("ffmpeg", "none"):
        raise DefinitionError(f"SyncNet's jpeg is ffmpeg or none, not {jpeg!r}")
    return jpeg == "ffmpeg"


def _jpeg_words(jpeg: str) -> str:
    return syncnet_jpeg.rule() if _chained(jpeg) else "jpeg:none"


def _plain(crop: Callable[[Frame], Picture], media: Media) -> Look:
    del media
    return lambda image: np.ascontiguousarray(crop(image)[..., ::-1])


def _crop_then_jpeg(crop: Callable[[Frame], Picture], media: Media) -> Look:
    del media
    chain = syncnet_jpeg.JpegChain(Fraction(25))
    return lambda image: chain(crop(image))


def _jpeg_then_crop(media: Media) -> Look:
    chain = syncnet_jpeg.JpegChain(media.fps)
    return lambda image: whole(chain(image))
