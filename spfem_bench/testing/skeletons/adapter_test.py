"""The adapter keeps the harness's rules, and does what it says."""

from spfem_bench.testing import check_adapter, fake_clip
from spfem_bench.testing.skeletons.adapter import my_adapter


def test_adapter_keeps_the_rules() -> None:
    """Repeatable, right frames and frame map, source left alone."""
    check_adapter(my_adapter())


def test_adapter_brightens() -> None:
    """The mean of the output is above the mean of its source."""
    made = check_adapter(my_adapter())
    assert made is not None
    assert made.frames.mean() > fake_clip("source").pixels.mean()
