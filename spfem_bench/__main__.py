"""``python -m spfem_bench``."""

from spfem_bench.cli import main

main()
