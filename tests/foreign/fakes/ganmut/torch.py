"""As much of torch as the wrapper and the stand-in's generators use, over numpy."""

import contextlib
import json
from pathlib import Path

import numpy as np


class Tensor:
    def __init__(self, values):
        self.values = np.asarray(values, np.float32)

    def to(self, device):
        return self

    def numpy(self):
        return self.values

    def cpu(self):
        return self

    def sum(self):
        return Tensor(self.values.sum())

    def sqrt(self):
        return Tensor(np.sqrt(self.values))

    def __getitem__(self, index):
        return Tensor(self.values[index])

    def __mul__(self, other):
        return Tensor(self.values * getattr(other, "values", other))

    def __truediv__(self, other):
        return Tensor(self.values / getattr(other, "values", other))

    @property
    def shape(self):
        return self.values.shape


def device(name):
    return name


def from_numpy(values):
    return Tensor(values)


def tanh(tensor):
    return Tensor(np.tanh(tensor.values))


def load(path, map_location=None):
    return json.loads(Path(path).read_text())


def no_grad():
    return contextlib.nullcontext()
