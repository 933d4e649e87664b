"""Layers with weights: convolutions and products with a constant matrix."""

import numpy as np
from fixed_point import fixed
from integer_graph import CONV
from layout import channels_last, count, laid, real_order, row_major
from refusal import Refusal
from values import Codes, Pending, Weights



def name_of(node):
    return node.name or node.output[0]


def weights_of(reader, node, index):
    found = reader.value(node, index)
    if not isinstance(found, Weights):
        raise Refusal(node, "its weights are not quantized constants")
    if np.abs(found.numbers).max(initial=0) > 127:
        raise Refusal(node, "its weights leave -127..127 around their zero point")
    return found


# edge_scheme and edge_weight_format of edge_kernels.h.
W8A8, W4A4, W2A2, W1A2 = 0, 2, 3, 4
BYTES, INT4, UINT2, BITS = 0, 1, 2, 3


def packed_weights(weights, source, depthwise):
    """(scheme, format, weight_zero2, bytes): the fewest bits that hold the weights and the codes that they are multiplied with."""
    numbers = weights.astype(np.int64).reshape(-1)
    low, high = int(numbers.min(initial=0)), int(numbers.max(initial=0))
    if depthwise or low < -8 or high > 7:
        return W8A8, BYTES, 0, numbers.astype(np.int8).tobytes()
    if source.most > 3:
        return (W4A4 if source.most <= 15 else W8A8), INT4, 0, codes_together(numbers & 15, 4)
    if np.isin(numbers, (-1, 1)).all():
        return W1A2, BITS, 0, codes_together((numbers + 1) // 2, 1)
    if high - low <= 3:
        first = min(low, 0)
        return W2A2, UINT2, -2 * first, codes_together(numbers - first, 2)
    if np.isin(numbers, (-3, -1, 1, 3)).all():
        # Half-integer levels: the kernels then count in halves, which are these numbers.
        return W2A2, UINT2, 3, codes_together((numbers + 3) // 2, 2)
    return W4A4, INT4, 0, codes_together(numbers & 15, 4)


def codes_together(codes, bits):
    """Several codes a byte, the first in the lowest bits."""
    each = 8 // bits
    filled = np.concatenate([codes, np.zeros(-codes.size % each, np.int64)]).reshape(-1, each)
    return (filled << (np.arange(each) * bits)).sum(axis=1).astype(np.uint8).tobytes()


def by_channel(node, weights, axis, channels):
    """A scale for each channel."""
    if weights.axis is not None and weights.axis != axis:
        raise Refusal(node, "scales of its weights along another dimension than the channels")
    if weights.scales.size not in (1, channels):
        raise Refusal(node, "%d scales for %d channels" % (weights.scales.size, channels))
    scales = np.broadcast_to(weights.scales, channels)
    if not (np.isfinite(scales) & (scales > 0)).all():
        raise Refusal(node, "scales of its weights that are not above 0")
    return scales


def bias_of(reader, node, index, sums):
    """The bias in units of the sums, as whole numbers."""
    found = reader.value(node, index)
    channels = sums.size
    if found is None:
        return np.zeros(channels, np.int64)
    if isinstance(found, Weights):
        real = found.numbers.reshape(-1) * np.broadcast_to(found.scales, found.numbers.size)
    elif isinstance(found, np.ndarray):
        real = found.astype(np.float64).reshape(-1)
    else:
        raise Refusal(node, "its bias is not a constant")
    if real.size not in (1, channels) or not np.isfinite(real).all():
        raise Refusal(node, "a bias of another shape than its channels, or not finite")
    # A bias of whole numbers with the sums' own scales comes back exactly.
    return np.rint(np.broadcast_to(real, channels) / sums)


def product(reader, node, about):
    """A pending convolution; `about` has the numbers of the struct edge_conv that count, the weights as O x KH x KW x I, and what it gives."""
    source, scales = about["input"], about["scales"]
    sums = float(source.scale) * scales
    state = {"bias": about["bias"](sums)}

    def emit(scale, zero, low, high):
        bias = state["bias"]
        most = np.abs(bias) + np.abs(about["weights"]).reshape(sums.size, -1).sum(axis=1) * max(source.zero, 255 - source.zero)
        if (most >= 2**31).any():
            raise Refusal(node, "sums of more than 32 bits: a bias that is large beside its channel's weights")
        factors = [fixed(one) for one in sums / float(scale)]
        scheme, form, zero2, packed = packed_weights(about["weights"], source, about["depthwise"])
        arrays = [
            packed,
            bias.astype("<i4").tobytes(),
            np.array([multiplier for multiplier, _ in factors], "<i4").tobytes(),
            np.array([shift for _, shift in factors], "<i4").tobytes(),
        ]
        params = [*about["conv"], scheme, form, zero2, source.zero, zero, low, high, *arrays]
        made = reader.network.layer(CONV, name_of(node), [source.value], reader.network.tensor(count(about["shape"])), params)
        return Codes(made, about["shape"], about["order"], scale, zero)

    def add(numbers):
        state["bias"] = state["bias"] + np.rint(np.broadcast_to(np.asarray(numbers, np.float64), sums.size) / sums)

    return Pending(node, about["shape"], None, emit, add=add)


def sides(node, padding, what, count_=2):
    if len(padding) != count_:
        raise Refusal(node, "%s of %d numbers" % (what, len(padding)))
    return [int(one) for one in padding]


def window(reader, node, shape, kernel):
    """(strides, dilations, pads as top, left, bottom, right) of a convolution or a pool over two dimensions."""
    strides = sides(node, reader.attribute(node, "strides", [1, 1]), "strides")
    dilations = sides(node, reader.attribute(node, "dilations", [1, 1]), "dilations")
    kind = reader.attribute(node, "auto_pad", b"NOTSET").decode()
    if kind == "NOTSET":
        return strides, dilations, sides(node, reader.attribute(node, "pads", [0] * 4), "pads", 4)
    if kind == "VALID":
        return strides, dilations, [0] * 4
    total = [
        max(0, (-(-size // stride) - 1) * stride + (k - 1) * dilation + 1 - size)
        for size, stride, k, dilation in zip(shape[2:], strides, kernel, dilations)
    ]
    before = [one // 2 if kind == "SAME_UPPER" else -(-one // 2) for one in total]
    return strides, dilations, before + [one - first for one, first in zip(total, before)]


def windows(size, kernel, stride, dilation, before, after):
    return (size + before + after - (kernel - 1) * dilation - 1) // stride + 1


def conv(reader, node):
    source = reader.codes(node, 0)
    weights = weights_of(reader, node, 1)
    if len(source.shape) != 4 or weights.numbers.ndim != 4:
        raise Refusal(node, "a convolution over %d dimensions; those over 2 are known" % (len(source.shape) - 2))
    order = channels_last(4)
    source = laid(reader.network, source, order, name_of(node) + "/input")
    batch, channels, height, width = source.shape
    outputs, _, *kernel = weights.numbers.shape
    groups = reader.attribute(node, "group", 1)
    strides, dilations, pads = window(reader, node, source.shape, kernel)
    out = [windows(size, kernel[i], strides[i], dilations[i], pads[i], pads[i + 2]) for i, size in enumerate((height, width))]
    scales = by_channel(node, weights, 0, outputs)
    return product(
        reader,
        node,
        {
            "input": source,
            "scales": scales,
            "weights": weights.numbers.transpose(0, 2, 3, 1),
            "bias": lambda sums: bias_of(reader, node, 2, sums),
            "depthwise": groups > 1 and groups == channels == outputs,
            "conv": [batch, height, width, channels, outputs, *kernel, *strides, *dilations, *pads, groups],
            "shape": (batch, outputs, *out),
            "order": order,
        },
    )


def rows(reader, node, weights, transposed, bias):
    """A product with a constant matrix: a convolution over one line of pixels."""
    source = reader.codes(node, 0)
    if weights.numbers.ndim != 2:
        raise Refusal(node, "weights of %d dimensions; those of 2 are known" % weights.numbers.ndim)
    depth, outputs = weights.numbers.shape[::-1] if transposed else weights.numbers.shape
    if source.shape[-1] != depth:
        raise Refusal(node, "a product of sizes that do not fit")
    if real_order(source.shape, source.order)[-1:] != (len(source.shape) - 1,) and depth > 1:
        source = laid(reader.network, source, row_major(source.shape), name_of(node) + "/input")
        if source is None:
            raise Refusal(node, "an input of so many dimensions")
    order = [axis for axis in source.order if axis != len(source.shape) - 1] + [len(source.shape) - 1]
    return product(
        reader,
        node,
        {
            "input": source,
            "scales": by_channel(node, weights, 0 if transposed else 1, outputs),
            "weights": weights.numbers if transposed else weights.numbers.T,
            "bias": bias,
            "depthwise": False,
            "conv": [1, 1, count(source.shape[:-1]), depth, outputs, *[1] * 6, *[0] * 4, 1],
            "shape": (*source.shape[:-1], outputs),
            "order": order,
        },
    )


def gemm(reader, node):
    attribute = reader.attribute
    if attribute(node, "transA", 0) or attribute(node, "alpha", 1.0) != 1 or attribute(node, "beta", 1.0) != 1:
        raise Refusal(node, "factors of its own, or an input that is turned")
    transposed = bool(attribute(node, "transB", 0))
    return rows(reader, node, weights_of(reader, node, 1), transposed, lambda sums: bias_of(reader, node, 2, sums))


def matmul(reader, node):
    if not isinstance(reader.value(node, 1), Weights):
        raise Refusal(node, "a product of two tensors that are computed")
    return rows(reader, node, weights_of(reader, node, 1), False, lambda sums: np.zeros(sums.size))
