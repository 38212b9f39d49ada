"""Networks that measure, re-implemented from their descriptions.

`spfem_metrics.networks.mobilefacenet` and `.mini_xception` hold the extractors and import torch only when a
clip is started; the architectures themselves are in `spfem_metrics.networks.architectures`.
"""
