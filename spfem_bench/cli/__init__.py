"""The command ``spfem-bench``: `main` is its console script.

Importing this module imports click and nothing heavier; a command's module is imported when it is run.
"""

from __future__ import annotations

from spfem_bench.cli._frame import root

main = root()

__all__ = ["main"]
