"""Where the numbers of a tensor lie, and layers that lay them out anew."""

from integer_graph import GATHER


def count(shape):
    total = 1
    for size in shape:
        total *= size
    return total


def real_order(shape, order):
    """The order of the dimensions that are larger than 1: the others lie nowhere."""
    return tuple(axis for axis in order if shape[axis] > 1)


def row_major(shape):
    return tuple(range(len(shape)))


def channels_last(rank):
    """Channels are ONNX's second dimension, and lie last in memory."""
    return (0, *range(2, rank), 1) if rank > 2 else tuple(range(rank))


def strides(shape, order):
    """Of each dimension of `shape`, when the dimensions lie in this order."""
    steps, step = [0] * len(shape), 1
    for axis in reversed(order):
        steps[axis] = step
        step *= shape[axis]
    return steps


def loops(shape, have, want):
    """Four sizes and four strides, the slowest first: how numbers that lie as `have` are read to lie as `want`. None when more loops are needed."""
    steps = strides(shape, have)
    pairs = []
    for axis in want:
        if shape[axis] == 1:
            continue
        size, step = shape[axis], steps[axis]
        if pairs and pairs[-1][1] == size * step:
            pairs[-1] = (pairs[-1][0] * size, step)
        else:
            pairs.append((size, step))
    if len(pairs) > 4:
        return None
    pairs = [(1, 0)] * (4 - len(pairs)) + pairs
    return [size for size, _ in pairs] + [step for _, step in pairs]


def laid(network, codes, order, name):
    """The same tensor in another order; a layer only where it lies otherwise. None when it has too many dimensions."""
    if real_order(codes.shape, codes.order) == real_order(codes.shape, order):
        return codes.moved(codes.shape, order)
    how = loops(codes.shape, codes.order, order)
    if how is None:
        return None
    value = network.layer(GATHER, name, [codes.value], network.tensor(count(codes.shape)), how)
    return codes.placed(value, codes.shape, order)


def reshaped(network, codes, shape, name):
    """The same numbers, read in ONNX's order, with other dimensions."""
    sizes = [size for size in shape if size > 1]
    if [size for size in codes.shape if size > 1] == sizes:
        # Only dimensions of 1 come or go.
        old = [axis for axis, size in enumerate(codes.shape) if size > 1]
        new = [axis for axis, size in enumerate(shape) if size > 1]
        kept = [new[old.index(axis)] for axis in codes.order if axis in old]
        return codes.moved(shape, [axis for axis, size in enumerate(shape) if size == 1] + kept)
    plain = laid(network, codes, row_major(codes.shape), name)
    return None if plain is None else plain.moved(shape, row_major(shape))
