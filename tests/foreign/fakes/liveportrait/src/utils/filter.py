"""Stands for the Kalman smoothing: a mean with the neighbours, so that what is smoothed shows it."""

import numpy as np


def smooth(x_d_lst, shape, device, observation_variance=3e-7):
    stacked = np.stack([np.asarray(x).reshape(shape[-2:]) for x in x_d_lst]).astype(np.float32)
    padded = np.concatenate([stacked[:1], stacked, stacked[-1:]])
    return list((padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4)
