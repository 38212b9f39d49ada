"""A checkpoint as a model of the harness: any size, any rate, clips of any length.

The face is found once and followed (`spfem_baselines.placing`), the crop is edited in chunks of a pinned
length, and the edit goes back at the frame's own resolution. Neighbouring frames are taken 40 ms apart, as in
training, whatever the clip's rate.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from spfem_baselines.backbone.checkpoint import Checkpoint, load_backbone, read_checkpoint
from spfem_baselines.backbone.crops import crop_place, cut, paste
from spfem_baselines.contract import CannotGenerateError, Extra, Frames, Output, Request, SourceClip
from spfem_baselines.placing import Follower, Place

if TYPE_CHECKING:
    import torch

    from spfem_baselines.backbone.model import Backbone

Condition = Literal["label", "reference", "text"]
EMOTIONS = ("neutral", "angry", "disgusted", "fear", "happy", "sad", "surprised")
VERSION = 1
"""Raised whenever the same checkpoint would give other frames."""
CHUNK = 16
"""Frames edited at once; pinned, because it moves low bits."""
LOOKS = 16
"""Frames of a reference clip that are looked at, spread evenly."""
_APART = 0.04


@dataclass(frozen=True)
class BackboneAdapter:
    """`spfem_baselines.Adapter` by shape.

    Args:
        checkpoint: what generates.
        condition: where the style comes from: the target emotion's label, the reference clip, or the text.
        name: as shown in tables.
        sees: nothing but the request's own clips.
    """

    checkpoint: Checkpoint
    condition: Condition = "label"
    name: str = "backbone"
    sees: Collection[Extra] = field(default=())

    @property
    def identity(self) -> str:
        """Version of the code, condition, digest of the weights."""
        return f"backbone@{VERSION},{self.condition},{self.checkpoint.digest[:16]}"

    def generate(self, request: Request) -> Output:
        """Edit every frame of the source.

        Raises:
            CannotGenerateError: the trial has no such label, reference or text.
        """
        self._require(request)
        return Output(self._frames(request), request.source.fps)

    def _require(self, request: Request) -> None:
        if self.condition == "label" and request.emotion not in EMOTIONS:
            raise CannotGenerateError(f"the backbone knows {', '.join(EMOTIONS)}, not {request.emotion}")
        if self.condition == "reference" and (request.reference is None or not request.reference.frame_count):
            raise CannotGenerateError("no reference clip")
        if self.condition == "text" and not request.text:
            raise CannotGenerateError("no text")

    @cached_property
    def _network(self) -> Backbone:
        return load_backbone(self.checkpoint)

    def _frames(self, request: Request) -> Iterator[Frames]:
        import torch

        network = self._network.to(request.device)
        with torch.inference_mode():
            style = self._style(network, request)
        seen = Crops(request.source.frames(), network.template.cpu().numpy(), network.shape.side)
        sound = _sound(request.source)
        step = max(1, round(_APART * float(request.source.fps)))
        begun = 0
        for block in in_blocks(seen, CHUNK, step):
            count = len(block.frames)
            heard = _heard(sound, request.source.times[begun : begun + count])
            yield _edited(network, style, block, heard, step)
            begun += count

    def _style(self, network: Backbone, request: Request) -> torch.Tensor:
        import torch

        if self.condition == "label":
            return network.styles.of_label(
                torch.tensor([EMOTIONS.index(request.emotion)], device=request.device)
            )
        if self.condition == "text":
            return network.styles.of_text(embedded([str(request.text)], request.device))
        assert request.reference is not None
        faces = _looks(request.reference, network)
        return network.styles.of_clip(as_tensor(faces, request.device)[None])


def backbone(
    folder: Path | str, condition: Condition = "label", *, name: str = "backbone"
) -> BackboneAdapter:
    """A checkpoint as an adapter.

    Raises:
        CheckpointError: the folder holds no checkpoint.
    """
    return BackboneAdapter(read_checkpoint(Path(folder)), condition, name)


@dataclass(frozen=True)
class Block:
    """Some consecutive frames with what lies around them.

    Args:
        frames: the frames themselves.
        places: crop pixels -> frame pixels, of each.
        crops: (before + n + after, S, S, 3) uint8: also of up to ``step`` frames on either side.
        before: how many of the crops come before the frames.
    """

    frames: Frames
    places: list[Place]
    crops: Frames
    before: int


@dataclass
class Crops:
    """The frames of a clip one after another, each with its place and its crop.

    Args:
        chunks: of frames.
        template: (64, 64) mean face.
        side: S of a crop.
    """

    chunks: Iterable[Frames]
    template: NDArray[np.float32]
    side: int

    def __iter__(self) -> Iterator[tuple[NDArray[np.uint8], Place, NDArray[np.uint8]]]:
        follower = Follower(self.template)
        for chunk in self.chunks:
            for frame, found in zip(chunk, follower.follow(chunk), strict=True):
                place = crop_place(found, self.side)
                yield frame, place, cut(frame, place, self.side)


def in_blocks(
    items: Iterable[tuple[NDArray[np.uint8], Place, NDArray[np.uint8]]], size: int, margin: int
) -> Iterator[Block]:
    """Frames in blocks of ``size`` (the last may be shorter), each with ``margin`` crops on either side.

    No more than a block and its margins is in memory.
    """
    kept: list[tuple[NDArray[np.uint8], Place, NDArray[np.uint8]]] = []
    before = 0
    for item in items:
        kept.append(item)
        if len(kept) == before + size + margin:
            yield _block(kept, before, size)
            kept = kept[max(0, before + size - margin) :]
            before = len(kept) - margin
    while len(kept) > before:
        count = min(size, len(kept) - before)
        yield _block(kept, before, count)
        kept, before = kept[max(0, before + count - margin) :], min(margin, before + count)


def _block(kept: list[tuple[NDArray[np.uint8], Place, NDArray[np.uint8]]], before: int, count: int) -> Block:
    own = kept[before : before + count]
    return Block(np.stack([o[0] for o in own]), [o[1] for o in own], np.stack([k[2] for k in kept]), before)


def _edited(network: Backbone, style: torch.Tensor, block: Block, heard: torch.Tensor, step: int) -> Frames:
    """The frames of a block, edited: each crop as the middle of three, ``step`` frames apart."""
    import torch

    device = style.device
    middle = np.arange(len(block.frames)) + block.before
    rows = np.stack([middle - step, middle, middle + step], axis=1)
    # Beyond the clip's ends a frame is its own neighbour, as in training.
    outside = (rows < 0) | (rows >= len(block.crops))
    rows = np.where(outside, middle[:, None], rows)
    triples = as_tensor(block.crops, str(device))[torch.from_numpy(rows).to(device)]
    with torch.inference_mode():
        edit = network.generator.edit(triples.flatten(1, 2), style.expand(len(triples), -1), heard.to(device))
    flow, mask, colour = (part.cpu().numpy() for part in edit)
    return np.stack(
        [
            paste(
                frame,
                place,
                np.ascontiguousarray(flow[i].transpose(1, 2, 0)),
                np.ascontiguousarray(mask[i, 0]),
                np.ascontiguousarray((colour[i].transpose(1, 2, 0) + 1) * 127.5),
            )
            for i, (frame, place) in enumerate(zip(block.frames, block.places, strict=True))
        ]
    )


def as_tensor(images: NDArray[np.uint8], device: str) -> torch.Tensor:
    """(N, S, S, 3) uint8 -> (N, 3, S, S) float32 in -1..1."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(images)).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1


def embedded(texts: list[str], device: str = "cpu") -> torch.Tensor:
    """(N, 96) unit embeddings of captions by the supervisor ``clip``.

    Raises:
        FileNotFoundError: its weights are not there; names the command that makes them.
    """
    import torch

    from spfem_baselines.supervisors import supervisor
    from spfem_baselines.supervisors.tokenizer import Tokenizer

    network, tokens = supervisor("clip", device=device), Tokenizer.load()(texts)
    with torch.inference_mode():
        rows: torch.Tensor = network.encode_text(tokens.to(device), normalize=True)  # type: ignore[operator]
    return rows.float().clone()


def _sound(clip: SourceClip) -> torch.Tensor:
    import torch

    from spfem_baselines.backbone.hearing import RATE

    samples = clip.audio(RATE)
    return torch.zeros(0) if samples is None else torch.from_numpy(np.array(samples, np.float32))


def _heard(sound: torch.Tensor, times: NDArray[np.float64]) -> torch.Tensor:
    import torch

    from spfem_baselines.backbone.hearing import around

    return around(sound, torch.from_numpy(np.array(times, np.float64)))


def _looks(clip: SourceClip, network: Backbone) -> Frames:
    """(n, S, S, 3) crops of a reference clip, at most `LOOKS`, spread evenly."""
    wanted = set(
        np.linspace(0, clip.frame_count - 1, min(LOOKS, clip.frame_count)).round().astype(int).tolist()
    )
    crops = Crops(clip.frames(), network.template.cpu().numpy(), network.shape.side)
    return np.stack([crop for i, (_, _, crop) in enumerate(crops) if i in wanted])
