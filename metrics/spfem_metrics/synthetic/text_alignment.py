"""The metric ``text-alignment`` with the judge ``clip``, whose image side is the extractor ``text``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.metrics.text import Form, TextAlignment
from spfem_metrics.networks.files import digest8
from spfem_metrics.synthetic.nets.files import filled, judge_file
from spfem_metrics.synthetic.nets.tokenizer import CONTEXT, Tokenizer, split

if TYPE_CHECKING:
    import torch

_LONGEST = CONTEXT - 2
"""Words that fit beside the start and the end."""

_SHOWN = 5


def text_alignment(form: Form = "cosine") -> TextAlignment:
    """The metric with the judge that ships; its files are opened when something is asked of it.

    Raises:
        DefinitionError: another form.
    """
    return TextAlignment(JudgeTexts(), form)


@dataclass(frozen=True)
class JudgeTexts:
    """The text side of a judge, as `spfem_metrics.metrics.text.TextEncoder`.

    Args:
        folder: of ``clip.safetensors`` and its list of words; the one that ships where None.
    """

    folder: Path | None = None

    @cached_property
    def definition(self) -> str:
        """Network, list of words, longest text.

        Raises:
            WeightsError: a file is not there.
        """
        words = f"words{len(self._tokenizer.words)}@{digest8(self._words)}"
        return f"judge-clip@{digest8(self._model)},{words},at-most{_LONGEST}"

    def embed(self, text: str) -> NDArray[np.float32]:
        """(64,) of unit length; each text by itself, so that it does not depend on others, and once.

        Raises:
            WeightsError: a file is missing, damaged or of another network.
        """
        if text not in self._known:
            self._known[text] = self._embedded(text)
        return self._known[text]

    def refusal(self, text: str) -> str:
        """Unknown words, or more of them than the network reads; empty where it reads them all."""
        unknown = list(dict.fromkeys(self._tokenizer.unknown(text)))
        if unknown:
            more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
            return f"the text network does not know: {', '.join(unknown[:_SHOWN])}{more}"
        count = len(split(text))
        return f"the prompt has {count} words, the text network reads {_LONGEST}" if count > _LONGEST else ""

    def _embedded(self, text: str) -> NDArray[np.float32]:
        import torch

        from spfem_metrics.synthetic.nets.clip import texts

        with torch.inference_mode():
            found = texts(self._network, torch.from_numpy(self._tokenizer.encode([text])))
        return np.asarray(found[0].numpy(), np.float32)

    @cached_property
    def _known(self) -> dict[str, NDArray[np.float32]]:
        return {}

    @cached_property
    def _network(self) -> torch.nn.Module:
        from spfem_metrics.synthetic.nets.clip import build

        network: torch.nn.Module = build()
        return filled(network, self._model)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return Tokenizer.load(self._words)

    @property
    def _model(self) -> Path:
        return judge_file({} if self.folder is None else {"model": self.folder / "clip.safetensors"}, "clip")

    @property
    def _words(self) -> Path:
        shipped = Path(str(files("spfem_metrics.synthetic"))) / "judges"
        return (self.folder or shipped) / "words.txt"
