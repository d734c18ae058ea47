"""Positions as a lookup: place t takes row t, which is a product with a one-hot matrix."""

import numpy as np


def _places(T, max_T, dtype):
    return np.eye(T, max_T, dtype=dtype)


def sinusoidal_positions(T, d_model):
    column = np.arange(d_model)
    speed = np.power(10000.0, -(column - column % 2) / d_model)
    # cos(a) is sin(a + pi / 2), but less exactly so
    angle = np.arange(T).reshape(T, 1) * speed
    return np.where(column % 2 == 0, np.sin(angle), np.cos(angle))


def add_positions(x, table):
    T, max_T = x.shape[1], table.shape[0]
    return x + _places(T, max_T, table.dtype) @ table


def add_positions_backward(dout, max_T):
    places = _places(dout.shape[1], max_T, dout.dtype)
    dtable = sum(places.T @ one for one in dout)
    return [np.array(dout), dtable]
