"""The exceptions of this package.

MetricError
├── DefinitionError   a metric or extractor was built or combined wrongly
├── InputError        an array has the wrong shape, dtype or range
├── WeightsError      a network file is missing, of another network, or unsafe to load
└── ResourceError     a network does not fit into the device's memory
"""


class MetricError(Exception):
    """Base of every error this package raises on purpose."""


class DefinitionError(MetricError):
    """A metric, signature or extractor was declared or combined wrongly."""


class InputError(MetricError):
    """An input array has the wrong shape, dtype or value range."""


class WeightsError(MetricError):
    """A network's file is missing, belongs to another network, or is unsafe to load."""


class ResourceError(MetricError):
    """A network's batch does not fit into the device's memory; the message names the option to pass."""
