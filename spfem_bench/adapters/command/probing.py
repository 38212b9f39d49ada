"""Looking at a checkout and at a foreign interpreter from outside; nothing of either is imported."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SECONDS = 120.0
"""For a program that only says what it is; a container may have to be pulled into memory first."""

# Python 3.4 syntax. Before 3.8 there is no importlib.metadata; then pkg_resources or pip say the versions.
_ASK = """
import json, sys
def by_pip():
    import subprocess
    out = subprocess.check_output([sys.executable, "-m", "pip", "list", "--format=json"])
    found = json.loads(out.decode())
    known = dict((one["name"].lower().replace("_", "-"), one["version"]) for one in found)
    return lambda name: known[name.lower().replace("_", "-")]
try:
    from importlib.metadata import version
except ImportError:
    try:
        import pkg_resources
        version = lambda name: pkg_resources.get_distribution(name).version
    except ImportError:
        version = by_pip()
packages = {}
for name in sys.argv[1:]:
    try:
        packages[name] = version(name)
    except Exception:
        packages[name] = None
print("spfem-probe:" + json.dumps({"python": sys.version.split()[0], "packages": packages}))
"""
_MARK = "spfem-probe:"


@dataclass(frozen=True)
class Interpreter:
    """What an interpreter says of itself.

    Args:
        python: its version.
        packages: distribution -> version, None where it is not installed.
    """

    python: str
    packages: Mapping[str, str | None]


@dataclass(frozen=True)
class Head:
    """The state of a clone.

    Args:
        commit: what is checked out.
        changed: number of tracked files that differ from it.
    """

    commit: str
    changed: int


class ProbeError(Exception):
    """It could not be found out; the message is a sentence without a full stop."""


def ask_interpreter(argv: Sequence[str], packages: Sequence[str]) -> Interpreter:
    """The versions that an interpreter has.

    Args:
        argv: the words that start it, with its launcher.
        packages: names of distributions.

    Raises:
        ProbeError: it does not start, does not answer, or is no Python.
    """
    answer = _run([*argv, "-I", "-c", _ASK, *packages], argv[-1])
    lines = [line for line in answer.stdout.splitlines() if line.startswith(_MARK)]
    if answer.returncode or not lines:
        raise ProbeError(f"{argv[-1]} does not answer as Python does{_last_words(answer)}")
    said = json.loads(lines[-1].removeprefix(_MARK))
    return Interpreter(said["python"], said["packages"])


def read_head(checkout: Path) -> Head:
    """What is checked out in a clone.

    Raises:
        ProbeError: there is no git, or the folder is not the top of a clone.
    """
    if shutil.which("git") is None:
        raise ProbeError("there is no git here to say which commit it is")
    top = _git(checkout, "rev-parse", "--show-toplevel")
    if Path(top).resolve() != checkout.resolve():
        raise ProbeError(f"{checkout} is not a git clone, so its commit cannot be told")
    changed = _git(checkout, "status", "--porcelain", "--untracked-files=no")
    return Head(_git(checkout, "rev-parse", "HEAD"), len(changed.splitlines()))


def has_nvidia_gpu() -> bool:
    """Whether the driver lists a device."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return False
    try:
        answer = _run([program, "-L"], program)
    except ProbeError:
        return False
    return answer.returncode == 0 and "GPU" in answer.stdout


def _git(checkout: Path, *words: str) -> str:
    # A clone's own configuration may name a program that `git status` would start.
    answer = _run(["git", "-C", str(checkout), "-c", "core.fsmonitor=false", *words], "git")
    if answer.returncode:
        raise ProbeError(f"git cannot read {checkout}{_last_words(answer)}")
    return answer.stdout.strip()


def _run(argv: Sequence[str], name: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        return subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ProbeError(f"{name} does not answer within {SECONDS:g} s") from error
    except OSError as error:
        raise ProbeError(f"{error.filename or name} cannot be started ({error.strerror})") from error


def _last_words(answer: subprocess.CompletedProcess[str]) -> str:
    words = answer.stderr.strip().splitlines()
    return f" ({words[-1].strip()[:200]})" if words else f" (exit status {answer.returncode})"
