import numpy as np
from torch import Tensor


class Linear:
    weight = None


class Generator:
    def __init__(self, device, conv_dim=64, c_dim=7, repeat_num=6):
        assert (conv_dim, c_dim, repeat_num) == (64, 7, 6)
        self.training = True
        self.mu = Linear()

    def load_state_dict(self, state):
        self.mu.weight = Tensor(state["mu.weight"])

    def to(self, device):
        return self

    def eval(self):
        self.training = False
        return self

    def __call__(self, x, expr=None, label_trg=None):
        assert x.shape[1:] == (3, 128, 128), f"{x.shape} is no face of 128 pixels"
        assert self.training, "running statistics give another picture"
        code = np.zeros((1, 3, 1, 1), np.float32)
        code[0, :2, 0, 0] = expr.values[0]
        return Tensor(np.clip(x.values + code, -1, 1)), None, expr
