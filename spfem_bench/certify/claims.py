"""What each metric of a suite is claimed to see and not to see, written down before it is measured.

configs/certify/SUITE-KIND.yaml -> Claims; their digest stands in every certificate
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spfem_bench.certify.catalogue import CATALOGUE
from spfem_bench.certify.terms import Kind, Way
from spfem_bench.config import check_schema, load_yaml, near_miss
from spfem_bench.digest import digest_of
from spfem_bench.errors import ConfigError
from spfem_bench.resources import config_path, list_configs

_SEES = {"type": "object", "additionalProperties": {"enum": ["worse", "rises", "falls"]}}
_IGNORES = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "required": ["within"],
        "additionalProperties": False,
        "properties": {
            "within": {"type": "number", "exclusiveMinimum": 0},
            "of": {"type": "string"},
        },
    },
}
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["suite", "kind", "about", "degradations", "metrics"],
    "additionalProperties": False,
    "properties": {
        "suite": {"type": "string"},
        "kind": {"enum": ["rendered", "real"]},
        "about": {"type": "string"},
        "degradations": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "number", "exclusiveMinimum": 0},
            },
        },
        "metrics": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"sees": _SEES, "ignores": _IGNORES},
            },
        },
    },
}


@dataclass(frozen=True)
class Sees:
    """A metric must follow a degradation.

    Args:
        degradation: by name.
        way: where its value must go as the level grows.
    """

    degradation: str
    way: Way = "worse"


@dataclass(frozen=True)
class Ignores:
    """A metric must not follow a degradation.

    Args:
        degradation: by name.
        within: the largest change allowed: in the metric's unit, or as a share where ``of`` is given.
        of: a degradation the metric must see; its change at the strongest level is what ``within`` is a
            share of.
    """

    degradation: str
    within: float
    of: str = ""


Claim = Sees | Ignores


@dataclass(frozen=True)
class Claims:
    """The claims of one suite on one kind of data.

    Args:
        suite: its name.
        kind: of data.
        about: how the claims were chosen.
        degradations: name -> levels above 0, rising.
        metrics: name -> its claims; a metric without any is measured and certified for nothing.
    """

    suite: str
    kind: Kind
    about: str
    degradations: Mapping[str, Sequence[float]]
    metrics: Mapping[str, Sequence[Claim]] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Hexadecimal sha256 of everything claimed."""
        return digest_of(self.plain())

    def plain(self) -> dict[str, Any]:
        """As in the file."""
        return {
            "suite": self.suite,
            "kind": self.kind,
            "about": self.about,
            "degradations": {name: list(levels) for name, levels in self.degradations.items()},
            "metrics": {name: _plain(claims) for name, claims in self.metrics.items()},
        }


def _plain(claims: Sequence[Claim]) -> dict[str, Any]:
    sees = {claim.degradation: claim.way for claim in claims if isinstance(claim, Sees)}
    ignores = {claim.degradation: _bounds(claim) for claim in claims if isinstance(claim, Ignores)}
    return {"sees": sees, "ignores": ignores}


def _bounds(claim: Ignores) -> dict[str, Any]:
    return {"within": claim.within, **({"of": claim.of} if claim.of else {})}


def load_claims(suite: str, kind: Kind, path: Path | None = None) -> Claims:
    """Read the claims of a suite on a kind of data.

    Args:
        suite: name of the suite.
        kind: of data.
        path: another file than the one that ships with the suite.

    Raises:
        ConfigError: there is no such file, it is malformed, or it is of another suite or kind.
    """
    file = path or _shipped(suite, kind)
    plain = load_yaml(file)
    check_schema(plain, SCHEMA, f"claims {file}")
    claims = parse_claims(plain, str(file))
    if (claims.suite, claims.kind) != (suite, kind):
        raise ConfigError(
            f"{file} claims for {claims.suite} on {claims.kind} clips, not for {suite} on {kind} ones: "
            "give the file of this suite and kind"
        )
    return claims


def _shipped(suite: str, kind: Kind) -> Path:
    known, name = list_configs("certify"), f"{suite}-{kind}"
    if name not in known:
        raise ConfigError(
            f"no claims are written for {suite} on {kind} clips (there are {', '.join(known)}): "
            "write them and pass --claims, or give clips of the other kind"
        )
    return config_path("certify", name)


def parse_claims(plain: Mapping[str, Any], where: str) -> Claims:
    """Claims from checked plain values; ``where`` names their file in errors.

    Raises:
        ConfigError: an unknown degradation, levels that do not rise, or a claim on one that has no levels.
    """
    degradations = plain["degradations"]
    for name, levels in degradations.items():
        _known(name, CATALOGUE, where)
        if sorted(set(levels)) != levels:
            raise ConfigError(f"{where}: the levels of {name} must rise, not {levels}")
    metrics = {name: _claims(entry) for name, entry in plain["metrics"].items()}
    for name, claims in metrics.items():
        _check_claims(name, claims, degradations, where)
    return Claims(plain["suite"], plain["kind"], plain["about"], degradations, metrics)


def _claims(entry: Mapping[str, Any]) -> list[Claim]:
    sees: list[Claim] = [Sees(name, way) for name, way in entry.get("sees", {}).items()]
    return sees + [Ignores(name, **bounds) for name, bounds in entry.get("ignores", {}).items()]


def _check_claims(metric: str, claims: Sequence[Claim], known: Mapping[str, Any], where: str) -> None:
    seen = {claim.degradation for claim in claims if isinstance(claim, Sees)}
    for claim in claims:
        _known(claim.degradation, known, f"{where}: metric {metric}")
        if not isinstance(claim, Ignores):
            continue
        if claim.of and claim.of not in seen:
            raise ConfigError(f"{where}: {metric} is measured by {claim.of}, which it does not claim to see")
        if claim.degradation in seen:
            raise ConfigError(f"{where}: {metric} both sees and ignores {claim.degradation}: keep one")


def _known(name: str, known: Mapping[str, Any], where: str) -> None:
    if name not in known:
        listed = ", ".join(known)
        raise ConfigError(f"{where}: no degradation '{name}'.{near_miss(name, known)} There are {listed}")
