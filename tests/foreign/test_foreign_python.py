"""The foreign environment is foreign."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import av
import numpy as np

_SAID = (
    "import json, sys, numpy, av, importlib.util as u; "
    "print(json.dumps([list(sys.version_info[:2]), numpy.__version__, av.__version__, "
    "bool(u.find_spec('spfem_bench')), sys.prefix]))"
)


def test_it_shares_nothing_with_the_harness(foreign_python: Path) -> None:
    said = subprocess.run(
        [foreign_python, "-I", "-c", _SAID], capture_output=True, text=True, check=True
    ).stdout
    _, numpy_version, av_version, has_harness, prefix = json.loads(said)
    assert not has_harness
    assert prefix != sys.prefix
    assert (numpy_version, av_version) != (np.__version__, av.__version__)
