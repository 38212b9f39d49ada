"""``python -m spfem_metrics.admission FOLDER --weights DIR``: print every admission test's numbers."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from spfem_metrics.admission.checks import CHECKS
from spfem_metrics.admission.material import LIMIT, Material, read_material
from spfem_metrics.errors import MetricError


def main() -> int:
    """0 where every claim holds, 3 where one does not, 2 where the material cannot be read."""
    arguments = _arguments()
    try:
        material = _material(arguments)
        checks = [check for group in CHECKS for check in group(material)]
    except (MetricError, OSError) as error:
        print(f"admission: {error}", file=sys.stderr)
        return 2
    for check in checks:
        print(check.line)
    failed = sorted({check.metric for check in checks if not check.passed})
    print(f"{len(checks)} claims on {len(material.clips)} clips; not admitted: {', '.join(failed) or 'none'}")
    return 3 if failed else 0


def _material(arguments: argparse.Namespace) -> Material:
    return read_material(
        arguments.folder,
        arguments.weights,
        arguments.clips,
        without=arguments.without,
        device=arguments.device,
        limit=arguments.frames,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m spfem_metrics.admission", description=__doc__)
    parser.add_argument("folder", type=Path, help="real clips with clips.jsonl")
    parser.add_argument("--weights", type=Path, required=True, help="folder of the networks' files")
    parser.add_argument("--clips", nargs="*", default=[], help="ids to read, all when none is given")
    parser.add_argument(
        "--without", nargs="*", default=[], help="ids to leave out, such as copies of another"
    )
    parser.add_argument("--frames", type=int, default=LIMIT, help="frames read of each clip")
    parser.add_argument("--device", default="cpu")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
