"""What ONNX's tensors are while a model is read: constants, codes with a meaning, and results whose codes are not chosen yet."""

import numpy as np


class Codes:
    """
    A tensor of bytes. `order` has the dimensions of `shape` as they lie in memory, the slowest first; a code c is worth (c - zero) * scale. Codes are
    0..most. `below` is what the file's codes have more than these.
    """

    def __init__(self, value, shape, order, scale, zero, most=255, below=0):
        self.value, self.shape, self.order = value, tuple(shape), tuple(order)
        self.scale, self.zero, self.most, self.below = np.float32(scale), int(zero), int(most), int(below)

    @property
    def parameters(self):
        """As the file's DequantizeLinear has them."""
        return self.scale, self.zero + self.below

    def placed(self, value, shape, order):
        """The same codes, elsewhere."""
        return Codes(value, shape, order, self.scale, self.zero, self.most, self.below)

    def moved(self, shape, order):
        return self.placed(self.value, shape, order)


class Unclipped:
    """What a QuantizeLinear gives whose codes a Clip bounds."""

    def __init__(self, value, scale, zero):
        self.value, self.scale, self.zero = value, scale, zero


class Real:
    """Numbers that are a function of codes, `worth` for each of the 256: what DequantizeLinear gives, and what is computed of it alone."""

    def __init__(self, codes, worth, linear=False):
        self.codes, self.worth, self.linear = codes, np.asarray(worth, np.float32), linear
        self.shape = codes.shape
        self.rounded = codes if linear else None

    @property
    def range(self):
        return float(self.worth.min()), float(self.worth.max())


class Pending:
    """A result whose codes nobody has chosen yet: `emit(name, scale, zero, low, high)` adds the layer that gives them, clamped to codes low..high."""

    def __init__(self, node, shape, range_, emit, bounds=(-np.inf, np.inf), add=None):
        self.node, self.shape, self.range, self.emit, self.bounds = node, tuple(shape), range_, emit, bounds
        # Adds a constant to each channel, or None where that is not possible.
        self.add = add
        self.made = {}
        self.rounded = None

    def clamped(self, low, high):
        bounds = (max(self.bounds[0], low), max(low, min(self.bounds[1], high)))
        known = None if self.range is None else tuple(float(np.clip(end, *bounds)) for end in self.range)
        if known is None and np.isfinite(bounds).all():
            known = bounds
        return Pending(self.node, self.shape, known, self.emit, bounds)


class Weights:
    """Whole numbers with scales, of a DequantizeLinear of constants: worth numbers * scales, along `axis` where there are several scales."""

    def __init__(self, numbers, scales, axis):
        self.numbers, self.scales, self.axis = numbers, scales, axis


class Port:
    """An input of the model, before it has codes."""

    def __init__(self, index, shape):
        self.index, self.shape = index, tuple(shape)


def linear(codes):
    numbers = (np.arange(256, dtype=np.float32) - np.float32(codes.zero)) * codes.scale
    return Real(codes, numbers.astype(np.float32), linear=True)


def code_of(number, scale, zero):
    """QuantizeLinear, to codes without sign."""
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = np.rint(np.asarray(number, np.float32) / np.float32(scale))
    return np.clip(np.nan_to_num(rounded, nan=-np.inf) + zero, 0, 255).astype(np.int64)


def spread(low, high):
    """(scale, zero) whose codes hold low..high and 0."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = np.float32((high - low) / 255) if high > low else np.float32(1)
    return scale, int(np.clip(round(-low / float(scale)), 0, 255))
