"""Is a bundle what it says it is: every digest from its files, every score from its rows; no torch, no GPU.

    files      every file of the manifest is there with its digest, and nothing else is
    documents  every JSON file fits its published schema
    rows       one row per system, metric and trial, with the plan's facts
    clips      every output decodes to the content its record states
    scores     every score again, from rows and feature matrices
    table      columns, coverage, reasons and footnotes follow from the rest

What is checked is that a bundle agrees with itself. One that was made up as a whole, rows included, agrees
with itself too: running its specification again is the only proof of the rows.
"""

from spfem_bench.verifying.model import Check, Problem, Verification
from spfem_bench.verifying.report import render_verification
from spfem_bench.verifying.verify import verify_bundle

__all__ = ["Check", "Problem", "Verification", "render_verification", "verify_bundle"]
