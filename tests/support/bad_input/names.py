"""Unknown names, suites that are refused, networks that are not there or not to be trusted."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

from tests.support.bad_input.world import ONE, SUITE, Arguments, World, case, run_args

# Names


def _run_with(title: str, code: int, said: str, *options: object) -> None:
    case(title, code, said)(lambda world, place: run_args(world, place, *options))


_run_with(
    "unknown adapter",
    2,
    r"no adapter named 'copy-sorce'\. Did you mean 'copy-source'\?",
    "--adapter",
    "copy-sorce",
)
_run_with(
    "adapter in a module that is not there",
    2,
    "there is no module 'my_model' here",
    "--adapter",
    "my_model:make",
)
_run_with(
    "adapter name that leaves the bundle",
    2,
    r"cannot be called '\.\./\.\./x', which cannot be the name",
    "--adapter",
    "../../x=copy-source",
)
_run_with(
    "two adapters of one name",
    2,
    "two adapters are called noise: give one another name",
    "--adapter",
    "noise",
    "--adapter",
    "noise=copy-source",
)
_run_with(
    "unknown protocol",
    2,
    r"no protocol named 'open/cros-id@1'\. Did you mean 'open-cross-id@1'\?",
    *ONE,
    "--protocol",
    "open/cros-id@1",
)
_run_with(
    "protocol that finds no trial", 2, "finds no trial in the folder data", *ONE, "--protocol", "paired@1"
)
_run_with(
    "unknown suite",
    2,
    r"no suite named 'portable-v9'\. Did you mean 'portable-v1'\?",
    *ONE,
    "--suite",
    "portable-v9",
)
_run_with(
    "unknown metric",
    2,
    r"no metric 'luma-drft'\. Did you mean 'luma-drift'\?",
    *ONE,
    "--metric",
    "luma-drft",
)
_run_with("GPU that is not there", 2, "cuda", *ONE, "--device", "cuda:97")
_run_with("unknown device", 2, "There is no device 'gpu'", *ONE, "--device", "gpu")
_run_with("shard 0/3", 2, r"'0/3' is not I/N with 1 <= I <= N", *ONE, "--shard", "0/3")
_run_with("shard 4/3", 2, r"'4/3' is not I/N with 1 <= I <= N", *ONE, "--shard", "4/3")
_run_with("limit 0", 2, "--limit", *ONE, "--limit", "0")
_run_with("option with a typing error", 2, "--adapter", "--adaptr", "copy-source")


# Suites


def _suite(title: str, said: str, text: str) -> None:
    def make(world: World, place: Path) -> Arguments:
        (place / "mine.yaml").write_text(text)
        return run_args(world, place, *ONE, "--suite", place / "mine.yaml")

    case(title, 2, said)(make)


_BOMB = "a: &a [x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefghi", "bcdefghij", strict=True)
)
_suite(
    "suite with an unknown key",
    r"mine\.yaml.*metricz.*Did you mean 'metrics'",
    SUITE.replace("metrics:", "metricz:"),
)
_suite("YAML bomb", r"mine\.yaml, line 1 is not valid here: anchors and aliases .* are refused", _BOMB)
_suite(
    "YAML that would build Python objects",
    "the tag .* is refused",
    "name: !!python/object/apply:os.system [id]\n",
)
_suite("suite of 2 MiB", "is larger than 1 MiB, which no configuration file is", "#" * (2 << 20))
_suite(
    "suite with a key twice",
    r"line \d+ is not valid here: the key 'name' stands here twice",
    SUITE + "name: other\n",
)
_suite("suite that is no YAML", r"mine\.yaml, line \d+ is not valid here", "name: [1,\n")
_suite(
    "metric that needs an extractor the suite lacks",
    "suite tiny: metric luma-drift needs luma, which the suite's extractors and pairs do not define",
    re.sub(r"extractors:\n.*\n", "extractors: {}\n", SUITE),
)
_suite(
    "metric whose factory is not there",
    r"has no 'luma_drft'\. Did you mean 'luma_drift'",
    SUITE.replace(":luma_drift", ":luma_drft"),
)
_suite(
    "metric with options it does not take",
    "suite part tests.support.tiny:luma_drift does not take these options",
    SUITE.replace('luma_drift"}', 'luma_drift", options: {radius: 2}}'),
)
_suite("suite without metrics", "metrics", re.sub(r"metrics:\n(  .*\n)+", "metrics: []\n", SUITE))
_suite(
    "suite that is not valid on this data",
    "valid on rendered clips only",
    SUITE.replace("[real, rendered]", "[rendered]"),
)


@case("run file with an unknown key", 2, r"mine\.yaml.*adaptr.*Did you mean 'adapter'")
def _run_file(world: World, place: Path) -> Arguments:
    (place / "mine.yaml").write_text("adaptr: [copy-source]\n")
    return run_args(world, place, "-C", place / "mine.yaml")


# Networks


@case("network that is not on this machine", 5, r"run `spfem-bench weights fetch ")
def _no_weights(world: World, place: Path) -> Arguments:
    return run_args(world, place, *ONE, "--suite", "portable-v1")


@case(
    "network file with other bytes",
    6,
    r"is not the pinned mobilefacenet\.pt: it has .* bytes instead of",
    SPFEM_BENCH_WEIGHTS="nets",
)
def _other_weights(world: World, place: Path) -> Arguments:
    (place / "nets").mkdir()
    (place / "nets" / "mobilefacenet.pt").write_bytes(b"not a network")
    factory = "spfem_metrics.networks.mobilefacenet:identity"
    part = f'{{factory: "{factory}", weights: {{model: mobilefacenet}}}}'
    suite = SUITE.replace("metrics:", f"  identity: {part}\nmetrics:")
    needing = suite + '  - {factory: "tests.support.bad_input_parts:needs_identity"}\n'
    (place / "mine.yaml").write_text(needing)
    return run_args(world, place, *ONE, "--suite", place / "mine.yaml")


class Bomb:
    """Unpickled, it leaves a file behind."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.mark,))


@case(
    "pickled checkpoint",
    6,
    r"net\.pt: refused, because this pickle holds more than tensors and could run code",
)
def _pickled(world: World, place: Path) -> Arguments:
    (place / "net.pt").write_bytes(pickle.dumps(Bomb(place / "ran"), protocol=2))
    part = (
        f'{{factory: "tests.support.bad_input_parts:identity_from", options: {{file: "{place / "net.pt"}"}}}}'
    )
    faces = '{factory: "tests.support.bad_input_parts:no_faces"}'
    suite = SUITE.replace("metrics:", f"  faces: {faces}\n  identity: {part}\nmetrics:")
    (place / "mine.yaml").write_text(
        suite + '  - {factory: "tests.support.bad_input_parts:needs_identity"}\n'
    )
    return run_args(world, place, *ONE, "--suite", place / "mine.yaml")


@case("metric that raises", 1, r"metric raising on trial \S+ failed with ZeroDivisionError: division by zero")
def _raising(world: World, place: Path) -> Arguments:
    (place / "mine.yaml").write_text(SUITE + '  - {factory: "tests.support.bad_input_parts:raising"}\n')
    return run_args(world, place, *ONE, "--suite", place / "mine.yaml")
