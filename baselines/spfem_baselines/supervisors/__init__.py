"""Frozen networks that may train models: never those that judge them.

`supervisor` gives one by name. They learnt from other rendered people than the judges of
``spfem_metrics.synthetic``, with another seed and another family of architecture (depthwise convolutions and
group normalisation, after ConvNeXt), and a test holds that no file is in both sets.
"""

from spfem_baselines.supervisors.files import supervisor

__all__ = ["supervisor"]
