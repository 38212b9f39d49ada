"""Does the picture show what the text says? Cosine of image and text in the space of one network."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from spfem_metrics.errors import DefinitionError
from spfem_metrics.functional.vectors import cosine_rows
from spfem_metrics.metric import MetricInfo, Need, Observation, Reading, Row, Score, TrialFacts
from spfem_metrics.metrics.reducing import mean_score
from spfem_metrics.metrics.sides import answered, faces_of, sign_faces
from spfem_metrics.outcome import Unscored
from spfem_metrics.signature import Signature

_WORDS: Mapping[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "neutral": (("neutral", "calm"), ("calm", "composure")),
    "angry": (("angry", "mad"), ("anger", "rage")),
    "disgusted": (("disgusted", "repelled"), ("disgust", "revulsion")),
    "fear": (("afraid", "scared"), ("fear", "fright")),
    "happy": (("happy", "cheerful"), ("happiness", "joy")),
    "sad": (("sad", "unhappy"), ("sadness", "sorrow")),
    "surprised": (("surprised", "astonished"), ("surprise", "astonishment")),
}
"""Adjectives and nouns of each emotion."""


def _captions(adjectives: Sequence[str], nouns: Sequence[str]) -> tuple[str, ...]:
    article = {word: "an" if word[0] in "aeiou" else "a" for word in adjectives}
    return (
        *(f"a photo of {article[word]} {word} person" for word in adjectives),
        *(f"a person who looks {word}" for word in adjectives),
        *(f"an expression of {noun}" for noun in nouns),
        *(f"a person showing {noun}" for noun in nouns),
        *(f"someone looking {word}" for word in adjectives),
    )


CAPTIONS: Mapping[str, tuple[str, ...]] = {name: _captions(*words) for name, words in _WORDS.items()}
"""Captions of each emotion, for trials whose target is a label and to weigh a prompt against: the mean of
their embeddings stands for the emotion (Radford et al. 2021, section 3.1.4)."""


class TextEncoder(Protocol):
    """The text side of the network whose image side is the extractor ``text``."""

    @property
    def definition(self) -> str:
        """Network, digest and tokenizer, without white space or ``|``."""
        ...

    def embed(self, text: str) -> NDArray[np.float32]:
        """(D,) of unit length."""
        ...

    def refusal(self, text: str) -> str:
        """Why a text would not be read as it stands (unknown words, too many words); empty where it would."""
        ...


Form = Literal["cosine", "margin"]
"""``cosine`` with the prompt, or by how much it passes the best cosine with another emotion's captions."""


@dataclass(frozen=True)
class TextAlignment:
    """Mean cosine of the output's frames with the trial's prompt, or with captions of its target emotion.

    Parts: ``cosine``; ``margin`` over the best other emotion's captions; ``prompted``, 1 where the trial has
    a prompt; ``frames``, ``frames_missed``.

    Args:
        encoder: of texts.
        form: see `Form`; ``margin`` is named ``text-margin``.
        captions: of each emotion, at least two.

    Raises:
        DefinitionError: another form, or fewer than two emotions.
    """

    encoder: TextEncoder
    form: Form = "cosine"
    captions: Mapping[str, Sequence[str]] = field(default_factory=lambda: CAPTIONS)

    def __post_init__(self) -> None:
        if self.form not in _INFOS or len(self.captions) < 2:
            raise DefinitionError(f"no text alignment by {self.form!r} with {len(self.captions)} emotions")

    @property
    def info(self) -> MetricInfo:
        """Named after the form."""
        return _INFOS[self.form]

    def signature(self, definitions: Mapping[str, str]) -> Signature:
        """The definition as one line."""
        lines = [f"{emotion}: {text}" for emotion in sorted(self.captions) for text in self.captions[emotion]]
        digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:8]
        return sign_faces(
            self.info,
            definitions,
            form=self.form,
            words=self.encoder.definition,
            captions=f"{len(self.captions)}x-mean@{digest}",
            unread_words="unscored",
            mean="frames-then-trials",
        )

    def observe(self, observation: Observation) -> Reading | Unscored:
        """One trial's mean cosine; a prompt that the network cannot read whole is not scored."""
        texts = self._texts(observation.trial)
        if isinstance(texts, Unscored):
            return texts
        answer = answered(observation)
        if isinstance(answer, Unscored):
            return answer
        read = observation.sides["output"]["text"]
        images = np.asarray(read["embedding"])[answer.output & np.asarray(read["valid"], bool)]
        if not len(images):
            return Unscored("the image network read none of the output frames")
        cosine, trial = self._cosine(images, texts), observation.trial
        others = [self._cosine(images, own) for name, own in self.captions.items() if name != trial.emotion]
        values = {"cosine": cosine, "margin": cosine - max(others)}
        parts = {**answer.parts(len(images)), **values, "prompted": float(trial.text is not None)}
        return Reading(values[self.form], parts)

    def reduce(self, rows: Sequence[Row]) -> Score:
        """Mean over trials."""
        return mean_score(rows)

    def _texts(self, trial: TrialFacts) -> Sequence[str] | Unscored:
        """What the output should show, in words that the network knows."""
        if trial.text is None and trial.emotion not in self.captions:
            return Unscored(f"there is no caption for {trial.emotion!r}")
        texts = self.captions[trial.emotion] if trial.text is None else (trial.text,)
        if not all(text.strip() for text in texts):
            return Unscored("the trial's prompt is empty")
        refusals = [refusal for refusal in map(self.encoder.refusal, texts) if refusal]
        return Unscored(refusals[0]) if refusals else texts

    def _cosine(self, images: NDArray[np.generic], texts: Sequence[str]) -> float:
        """Mean over frames of the cosine with the mean of the texts' embeddings."""
        vector = np.mean([self.encoder.embed(text) for text in texts], axis=0, dtype=np.float64)
        return float(cosine_rows(images, np.broadcast_to(vector, images.shape)).mean())


_PROMPT = (
    "the embeddings of the output's frames and of the trial's prompt (CLIP score, Hessel et al. 2021, "
    "unscaled); a trial without a prompt takes fixed captions of its target emotion. It sees single frames: "
    "not what a prompt says of time."
)


def _info(form: Form, label: str, bound: float, about: str) -> MetricInfo:
    return MetricInfo(
        name="text-alignment" if form == "cosine" else "text-margin",
        label=label,
        version=1,
        direction="higher",
        unit="cosine",
        bounds=(-bound, bound),
        needs=(Need("output", "text"), *faces_of()),
        about=about,
        order=("copy-reference", "copy-source"),
    )


_INFOS: Mapping[Form, MetricInfo] = {
    "cosine": _info(
        "cosine",
        "Text",
        1.0,
        f"Mean cosine between {_PROMPT} Its level depends on the wording: read it beside the bounds of the "
        "table and the margin.",
    ),
    "margin": _info(
        "margin",
        "Text margin",
        2.0,
        "By how much the mean cosine with the prompt passes that with the captions of the best other "
        f"emotion, between {_PROMPT} Above 0 the network would name the emotion rightly.",
    ),
}
