"""As much of torch as the stand-in draws from: a generator that starts anywhere unless it is seeded."""

import random

_drawn = random.Random()


def manual_seed(seed):
    _drawn.seed(seed)


def randn():
    return _drawn.gauss(0, 1)
