"""GANmut in its own environment: its generator, frame by frame, on face crops of 128 pixels.

``stefanodapolito/GANmut`` has inference in a notebook only, so this drives the networks of ``models/`` as the
notebook does: blue, green, red in -1..1, and in training mode, because the instance norms keep running
statistics that evaluation mode would use, and the notebook never leaves training mode.
"""
# ruff: noqa: UP031  (Python 3.5 has no f-strings)

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
from bridging import Failed, each_trial, finish, pictures, read_job
from PIL import Image

WORDS = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "anger")
"""AffectNet's order, which the generator was trained with (``utils/dataloader.py``)."""

SIDE = 128
WIDTH, BLOCKS = 64, 6
MODELS = {"gaussian": "models.model_gaussian_2d", "linear": "models.model_linear_2d"}


class Editor:
    """A loaded generator.

    Args:
        job: the job.
    """

    def __init__(self, job: "dict[str, Any]") -> None:
        self.kind = str(job["options"]["model"])
        self.strength = float(job["options"]["strength"])
        if self.kind not in MODELS:
            raise Failed("option model must be gaussian or linear, not %s" % self.kind)
        sys.path.insert(0, job["checkout"])
        self.torch = importlib.import_module("torch")
        self.device = self.torch.device(job["device"])
        module = importlib.import_module(MODELS[self.kind])
        self.network = module.Generator(self.device, WIDTH, len(WORDS), BLOCKS)
        state = self.torch.load(job["assets"][self.kind], map_location="cpu")
        self.network.load_state_dict(state)
        self.network.to(self.device)

    def code(self, label: int) -> "Any":
        """The two numbers of an emotion: the mean of its Gaussian, or its axis times the strength."""
        if self.kind == "gaussian":
            return self.torch.tanh(self.network.mu.weight)[label : label + 1]
        axes = self.network.axes.weight
        if label == 0:
            return axes[:1] * 0
        axis = axes[label - 1 : label]
        return axis / (axis * axis).sum().sqrt() * self.strength

    def frame(self, face: "Any", code: "Any") -> "Any":
        """(128, 128, 3) uint8 RGB of one edited face, of the same."""
        blue_first = np.ascontiguousarray(face[:, :, ::-1].transpose(2, 0, 1)[None], np.float32)
        given = self.torch.from_numpy((blue_first / 255 - 0.5) / 0.5).to(self.device)
        if self.kind == "gaussian":
            made = self.network(given, code)[0]
        else:
            made = self.network(given, None, None, mode="manual_selection", manual_expr=code)[0]
        values = made.cpu().numpy()[0, ::-1].transpose(1, 2, 0) / 2 + 0.5
        return np.clip(np.round(values * 255), 0, 255).astype(np.uint8)


def main() -> None:
    """Make every trial of the job with one generator."""
    job = read_job()
    editor = Editor(job)

    def make(_: "dict[str, Any]", trial: "dict[str, Any]") -> None:
        edit(editor, trial)

    each_trial(job, make)


def edit(editor: Editor, trial: "dict[str, Any]") -> None:
    """One trial from pictures to an array."""
    files = [path for _, path in pictures(trial["source"]["frames"])]
    label = WORDS.index(trial["condition"]["label"])
    made = []
    with editor.torch.no_grad():
        code = editor.code(label)
        for path in files:
            face = np.asarray(Image.open(str(path)).convert("RGB"))
            if face.shape[:2] != (SIDE, SIDE):
                raise Failed("%s is of %d x %d pixels, not %d" % ((path.name, *face.shape[1::-1], SIDE)))
            made.append(editor.frame(face, code))
    folder = Path(trial["output"])
    np.save(str(folder / "frames.npy"), np.stack(made))
    finish(trial, "frames.npy", trial["source"]["fps"], first_source_frame=0)


if __name__ == "__main__":
    main()
