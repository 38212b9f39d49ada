"""Graded degradations of a clip: pure functions of frames and sound, and the catalogue of all there are."""

from spfem_bench.certify.degrade.picture import blur, colour, jpeg, noise
from spfem_bench.certify.degrade.sound import late_sound
from spfem_bench.certify.degrade.time import drop, freeze, late, splice

__all__ = ["blur", "colour", "drop", "freeze", "jpeg", "late", "late_sound", "noise", "splice"]
