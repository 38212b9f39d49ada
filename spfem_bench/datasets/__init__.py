"""Datasets: indexed without decoding, verified on request."""

from spfem_bench.datasets.digest import dataset_digest
from spfem_bench.datasets.load import load_dataset
from spfem_bench.datasets.records import EMOTIONS, SPFEM_EMOTIONS, ClipRecord, Dataset

__all__ = ["EMOTIONS", "SPFEM_EMOTIONS", "ClipRecord", "Dataset", "dataset_digest", "load_dataset"]
