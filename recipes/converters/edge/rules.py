"""What becomes of each operator: `rule(reader, node)` gives the value of its result."""

import numpy as np
import products
from fixed_point import fixed, shared, wide
from integer_graph import ADD, AVERAGE, CONCAT, GATHER, MAXIMUM, MULTIPLY, RESIZE, SOFTMAX, TABLE
from layout import channels_last, count, laid, real_order, reshaped, row_major
from products import name_of, window, windows
from refusal import Refusal
from unary import FUNCTIONS, PAIRS
from values import Codes, Pending, Port, Real, Unclipped, Weights, code_of


def same(reader, node):
    return reader.value(node, 0)


# ---- functions of one number, and of two ----


def clip_bounds(reader, node):
    if node.op_type == "Relu":
        return 0.0, np.inf
    ends = [reader.constant(node, index) for index in (1, 2)]
    low, high = (None if end is None else float(np.asarray(end).reshape(-1)[0]) for end in ends)
    low = reader.attribute(node, "min", -np.inf) if low is None else low
    high = reader.attribute(node, "max", np.inf) if high is None else high
    return low, high


def clamp(reader, node):
    """Relu and Clip: bounds of what a layer gives, or a function of codes."""
    value = reader.value(node, 0)
    if isinstance(value, Unclipped):
        return clipped_codes(reader, node, value)
    low, high = clip_bounds(reader, node)
    if isinstance(value, Pending):
        return value.clamped(low, high)
    return applied(reader, node, value, lambda x: np.minimum(np.maximum(x, np.float32(low)), np.float32(high)))


def clipped_codes(reader, node, value):
    """The Clip of codes that stands for fewer bits."""
    ends = [reader.constant(node, index) for index in (1, 2)]
    moved = [None if end is None else int(end.reshape(())) + (128 if end.dtype == np.int8 else 0) for end in ends]
    low, high = 0 if moved[0] is None else moved[0], 255 if moved[1] is None else moved[1]
    return reader.quantized(node, value.value, value.scale, value.zero, (max(low, 0), min(high, 255)))


def applied(reader, node, value, function):
    if isinstance(value, Pending):
        codes = reader.rounded(node, value, node.input[0])
        value = Real(codes, (np.arange(256, dtype=np.float32) - np.float32(codes.zero)) * codes.scale)
    if not isinstance(value, Real):
        raise Refusal(node, "what it takes is not quantized")
    with np.errstate(all="ignore"):
        worth = np.asarray(function(value.worth), np.float32)
    if not np.isfinite(worth).all():
        raise Refusal(node, "it gives numbers that are not finite for some codes")
    return Real(value.codes, worth)


def unary(reader, node):
    function = FUNCTIONS[node.op_type](lambda name, default: reader.attribute(node, name, default))
    return applied(reader, node, reader.value(node, 0), function)


def same_place(left, right):
    return left.value == right.value and left.shape == right.shape and left.order == right.order


def binary(reader, node):
    """Of a number and a constant, or of two functions of the same codes: another function. Of two tensors: a layer."""
    values = [reader.value(node, index) for index in (0, 1)]
    for value in values:
        if isinstance(value, (Port, Codes, Weights)):
            raise Refusal(node, "what it takes is not quantized")
    left, right = values
    function = PAIRS[node.op_type]
    for index, (one, other) in enumerate(((left, right), (right, left))):
        if isinstance(other, np.ndarray):
            return with_constant(reader, node, one, other.astype(np.float32), function, turned=index == 1)
    if isinstance(left, Real) and isinstance(right, Real) and same_place(left.codes, right.codes):
        return applied(reader, node, left, lambda x: function(x, right.worth))
    if node.op_type == "Add":
        return addition(reader, node, left, right)
    if node.op_type == "Mul":
        return multiplication(reader, node, left, right)
    raise Refusal(node, "of two tensors; of one and a constant it is known")


def with_constant(reader, node, value, constant, function, turned):
    if isinstance(value, np.ndarray):
        raise Refusal(node, "of two constants")
    if constant.size == 1:
        number = np.float32(constant.reshape(()))
        return applied(reader, node, value, (lambda x: function(number, x)) if turned else (lambda x: function(x, number)))
    # The bias of a product.
    if node.op_type == "Add" and isinstance(value, Pending) and value.add is not None and value.bounds == (-np.inf, np.inf) and not value.made:
        channels = -1 if len(value.shape) != 4 else 1
        rest = len(value.shape) - 1 if channels == -1 else 1
        sizes = [1] * (len(value.shape) - constant.ndim) + list(constant.shape)
        if len(sizes) == len(value.shape) and all(size == (value.shape[axis] if axis == rest else 1) for axis, size in enumerate(sizes)):
            value.add(constant.reshape(-1))
            return value
    raise Refusal(node, "a constant of shape %s; one number is known" % (list(constant.shape),))


def interval(function, *ranges):
    """The ends of a function that is monotone in each of its numbers, or None."""
    if any(one is None for one in ranges):
        return None
    (a, b), (c, d) = ranges
    ends = [function(x, y) for x in (a, b) for y in (c, d)]
    return float(min(ends)), float(max(ends))


def addition(reader, node, left, right):
    if left.shape != right.shape:
        raise Refusal(node, "of shapes %s and %s; tensors of one shape are known" % (list(left.shape), list(right.shape)))

    def emit(scale, zero, low, high):
        a, b = reader.codes(node, 0), reader.codes(node, 1)
        b = laid(reader.network, b, a.order, name_of(node) + "/input")
        try:
            (first, second), shift = shared([float(a.scale) / float(scale), float(b.scale) / float(scale)])
        except ValueError as error:
            raise Refusal(node, str(error)) from error
        params = [a.zero, first, b.zero, second, shift, zero, low, high]
        made = reader.network.layer(ADD, name_of(node), [a.value, b.value], reader.network.tensor(count(a.shape)), params)
        return Codes(made, a.shape, a.order, scale, zero)

    return Pending(node, left.shape, interval(lambda x, y: x + y, left.range, right.range), emit)


def multiplication(reader, node, left, right):
    swapped = count(left.shape) < count(right.shape)
    wide_, narrow = (1, 0) if swapped else (0, 1)
    shape, other = (right.shape, left.shape) if swapped else (left.shape, right.shape)
    per_channel = len(shape) == 4 and tuple(other) == (shape[0], shape[1], 1, 1)
    if not per_channel and tuple(other) != tuple(shape):
        raise Refusal(node, "of shapes %s and %s; of one shape, or with one number a channel it is known" % (list(shape), list(other)))

    def emit(scale, zero, low, high):
        a, b = reader.codes(node, wide_), reader.codes(node, narrow)
        batch, pixels, channels = 1, 1, count(shape)
        if per_channel:
            a = laid(reader.network, a, channels_last(4), name_of(node) + "/input")
            batch, pixels, channels = shape[0], shape[2] * shape[3], shape[1]
        else:
            b = laid(reader.network, b, a.order, name_of(node) + "/input")
        try:
            multiplier, shift = wide(float(a.scale) * float(b.scale) / float(scale))
        except ValueError as error:
            raise Refusal(node, str(error)) from error
        params = [batch, pixels, channels, 1 if per_channel else pixels, a.zero, b.zero, multiplier, shift, zero, low, high]
        made = reader.network.layer(MULTIPLY, name_of(node), [a.value, b.value], reader.network.tensor(count(shape)), params)
        return Codes(made, shape, a.order, scale, zero)

    return Pending(node, shape, interval(lambda x, y: x * y, left.range, right.range), emit)


# ---- windows ----


def pictures(reader, node, codes):
    if len(codes.shape) != 4:
        raise Refusal(node, "of %d dimensions; pictures have 4" % len(codes.shape))
    return laid(reader.network, codes, channels_last(4), name_of(node) + "/input")


def maximum(reader, node):
    value = reader.value(node, 0)
    if isinstance(value, Real) and (np.diff(value.worth) >= 0).all():
        # The order of codes is that of the numbers.
        source, worth = value.codes, value.worth
    else:
        source = reader.codes(node, 0)
        worth = None
    if any(one != 1 for one in reader.attribute(node, "dilations", [1, 1])) or reader.attribute(node, "ceil_mode", 0):
        raise Refusal(node, "dilations, or a last window that is cut off")
    source = pictures(reader, node, source)
    kernel = list(reader.attribute(node, "kernel_shape"))
    strides, _, pads = window(reader, node, source.shape, kernel)
    batch, channels, height, width = source.shape
    out = [windows(size, kernel[i], strides[i], 1, pads[i], pads[i + 2]) for i, size in enumerate((height, width))]
    shape = (batch, channels, *out)
    params = [batch, height, width, channels, *kernel, *strides, *pads]
    made = reader.network.layer(MAXIMUM, name_of(node), [source.value], reader.network.tensor(count(shape)), params)
    codes = source.placed(made, shape, channels_last(4))
    numbers = (np.arange(256, dtype=np.float32) - np.float32(codes.zero)) * codes.scale
    return Real(codes, numbers if worth is None else worth, linear=worth is None or value.linear)


def average(reader, node):
    shape = reader.value(node, 0).shape
    if len(shape) != 4:
        raise Refusal(node, "of %d dimensions; pictures have 4" % len(shape))
    if node.op_type == "AveragePool":
        kernel = list(reader.attribute(node, "kernel_shape"))
        strides, dilations, pads = window(reader, node, shape, kernel)
        if any(one != 1 for one in dilations) or reader.attribute(node, "ceil_mode", 0):
            raise Refusal(node, "dilations, or a last window that is cut off")
        if any(pads) and not reader.attribute(node, "count_include_pad", 0):
            raise Refusal(node, "windows of different size at the edges (count_include_pad = 0)")
    else:
        if node.op_type == "ReduceMean" and not means_pictures(reader, node):
            raise Refusal(node, "over other dimensions than a picture's two")
        kernel, strides, pads = list(shape[2:]), [1, 1], [0] * 4
    batch, channels, height, width = shape
    out = [windows(size, kernel[i], strides[i], 1, pads[i], pads[i + 2]) for i, size in enumerate((height, width))]
    result = (batch, channels, *out)

    def emit(scale, zero, low, high):
        source = pictures(reader, node, reader.codes(node, 0))
        multiplier, shift = fixed(float(source.scale) / float(scale) / (kernel[0] * kernel[1]))
        params = [batch, height, width, channels, *kernel, *strides, *pads, source.zero, multiplier, shift, zero, low, high]
        made = reader.network.layer(AVERAGE, name_of(node), [source.value], reader.network.tensor(count(result)), params)
        return Codes(made, result, channels_last(4), scale, zero)

    return Pending(node, result, reader.value(node, 0).range, emit)


def means_pictures(reader, node):
    axes = reader.attribute(node, "axes")
    axes = reader.constant(node, 1) if axes is None and len(node.input) > 1 else axes
    return axes is not None and sorted(int(one) % 4 for one in np.asarray(axes).reshape(-1)) == [2, 3] and reader.attribute(node, "keepdims", 1) == 1


def resize(reader, node):
    value = reader.value(node, 0)
    sizes = reader.constant(node, 3)
    scales = reader.constant(node, 2)
    shape = list(value.shape)
    out = [int(one) for one in sizes.reshape(-1)] if sizes is not None and sizes.size else [int(size * one) for size, one in zip(shape, scales)]
    modes = [reader.attribute(node, name, default).decode() for name, default in RESIZE_MODES]
    whole = len(out) == 4 and out[:2] == shape[:2] and all(one % size == 0 for one, size in zip(out[2:], shape[2:]))
    if modes[0] != "nearest" or not whole or tuple(modes[1:]) not in SAME_NEAREST:
        raise Refusal(node, "another resizing than to the nearest number, by a whole factor")

    def emit_from(source):
        source = pictures(reader, node, source)
        batch, channels, height, width = source.shape
        params = [batch, height, width, channels, *out[2:]]
        made = reader.network.layer(RESIZE, name_of(node), [source.value], reader.network.tensor(count(out)), params)
        return source.placed(made, out, channels_last(4))

    if isinstance(value, Real):
        return Real(emit_from(value.codes), value.worth, value.linear)
    return Pending(node, out, value.range, lambda scale, zero, low, high: emit_from(reader.quantized(node, value, scale, zero)))


# By whole factors these choose the same numbers.
SAME_NEAREST = {("asymmetric", "floor"), ("half_pixel", "round_prefer_floor"), ("half_pixel", "round_prefer_ceil")}
RESIZE_MODES = (("mode", b"nearest"), ("coordinate_transformation_mode", b"half_pixel"), ("nearest_mode", b"round_prefer_floor"))


# ---- what moves numbers ----


def moving(change):
    """A rule of an operator that only moves numbers: `change(reader, node, codes)` gives them moved."""

    def rule(reader, node):
        value = reader.value(node, 0)
        if isinstance(value, np.ndarray):
            raise Refusal(node, "of a constant")
        real = value if isinstance(value, Real) else None
        codes = change(reader, node, real.codes if real else reader.codes(node, 0))
        if codes is None:
            raise Refusal(node, "a tensor of so many dimensions")
        worth = real.worth if real else (np.arange(256, dtype=np.float32) - np.float32(codes.zero)) * codes.scale
        return Real(codes, worth, linear=real.linear if real else True)

    return rule


def to_shape(reader, node, codes):
    wanted = [int(one) for one in reader.constant(node, 1).reshape(-1)]
    keep = reader.attribute(node, "allowzero", 0) == 0
    shape = [codes.shape[axis] if size == 0 and keep else size for axis, size in enumerate(wanted)]
    if -1 in shape:
        shape[shape.index(-1)] = count(codes.shape) // -count(shape)
    return reshaped(reader.network, codes, shape, name_of(node))


def flatten(reader, node, codes):
    axis = reader.attribute(node, "axis", 1) % (len(codes.shape) + 1)
    return reshaped(reader.network, codes, [count(codes.shape[:axis]), count(codes.shape[axis:])], name_of(node))


def axes_of(reader, node, rank):
    axes = reader.attribute(node, "axes")
    if axes is None:
        axes = reader.constant(node, 1)
    return None if axes is None else sorted(int(one) % rank for one in np.asarray(axes).reshape(-1))


def squeeze(reader, node, codes):
    axes = axes_of(reader, node, len(codes.shape))
    gone = [axis for axis, size in enumerate(codes.shape) if size == 1] if axes is None else axes
    return reshaped(reader.network, codes, [size for axis, size in enumerate(codes.shape) if axis not in gone], name_of(node))


def unsqueeze(reader, node, codes):
    attribute = reader.attribute(node, "axes")
    axes = [int(one) for one in (attribute if attribute is not None else reader.constant(node, 1).reshape(-1))]
    rank = len(codes.shape) + len(axes)
    new = {axis % rank for axis in axes}
    rest = iter(codes.shape)
    return reshaped(reader.network, codes, [1 if axis in new else next(rest) for axis in range(rank)], name_of(node))


def transpose(reader, node, codes):
    turned = list(reader.attribute(node, "perm", list(range(len(codes.shape)))[::-1]))
    # Nothing moves: the dimensions have other names.
    return codes.moved([codes.shape[axis] for axis in turned], [turned.index(axis) for axis in codes.order])


def concat(reader, node):
    values = [reader.value(node, index) for index in range(len(node.input))]
    computed = [value for value in values if isinstance(value, (Real, Pending))]
    for value in values:
        repeated = isinstance(value, np.ndarray) and value.size > 0 and (value == value.flat[0]).all()
        if not isinstance(value, (Real, Pending)) and not repeated:
            raise Refusal(node, "what it takes is not quantized, and not one number again and again")
    if not computed:
        raise Refusal(node, "of constants")
    first = computed[0].shape
    axis = reader.attribute(node, "axis") % len(first)
    shape = [sum(value.shape[axis] for value in values) if at == axis else size for at, size in enumerate(first)]

    def emit(scale, zero, low, high):
        given = [reader.quantized(node, value, scale, zero) for value in computed]
        order = given[0].order
        laid_out = iter([laid(reader.network, codes, order, name_of(node) + "/input") for codes in given])
        parts = [filled(reader, node, given[0], value, order) if isinstance(value, np.ndarray) else next(laid_out) for value in values]
        outer = count([shape[at] for at in order[: order.index(axis)]])
        inner = [count(part.shape) // outer for part in parts]
        if max(inner) > 65536:
            raise Refusal(node, "along a dimension that lies outside of more than 65536 numbers")
        made = reader.network.layer(CONCAT, name_of(node), [part.value for part in parts], reader.network.tensor(count(shape)), [outer, *inner])
        return Codes(made, shape, order, scale, zero)

    known = [(float(value.flat[0]),) * 2 if isinstance(value, np.ndarray) else value.range for value in values]
    ends = None if None in known else (min(low for low, _ in known), max(high for _, high in known))
    return Pending(node, shape, ends, emit)


def filled(reader, node, like, constant, order):
    """A tensor of one number: the first code of another one, again and again, and a table that knows one answer."""
    size = count(constant.shape)
    name = name_of(node) + "/constant"
    same_code = reader.network.layer(GATHER, name, [like.value], reader.network.tensor(size), [1, 1, 1, size, 0, 0, 0, 0])
    code = int(code_of(constant.flat[0], like.scale, like.zero))
    made = reader.network.layer(TABLE, name, [same_code], reader.network.tensor(size), [bytes([code]) * 256])
    return Codes(made, constant.shape, order, like.scale, like.zero)


def softmax(reader, node):
    codes = reader.codes(node, 0)
    rank = len(codes.shape)
    if reader.attribute(node, "axis", -1) % rank != rank - 1:
        raise Refusal(node, "along another dimension than the last")
    codes = laid(reader.network, codes, row_major(codes.shape), name_of(node) + "/input")
    if codes is None:
        raise Refusal(node, "a tensor of so many dimensions")
    falls = [round(2**22 * float("%.12g" % np.exp(-float(codes.scale) * below))) for below in range(256)]
    table = np.array(falls, "<u4").tobytes()
    columns = codes.shape[-1]

    def emit(scale, zero, low, high):
        raise Refusal(node, "within a network; at its end it is known")

    made = Pending(node, codes.shape, (0.0, 1.0), emit)
    made.floats = lambda output: reader.network.layer(SOFTMAX, name_of(node), [codes.value], output, [table, count(codes.shape) // columns, columns])
    return made


RULES = {
    **{name: unary for name in FUNCTIONS},
    **{name: binary for name in PAIRS},
    **{name: same for name in ("Identity", "Dropout")},
    "Relu": clamp,
    "Clip": clamp,
    "Conv": products.conv,
    "Gemm": products.gemm,
    "MatMul": products.matmul,
    "MaxPool": maximum,
    "AveragePool": average,
    "GlobalAveragePool": average,
    "ReduceMean": average,
    "Resize": resize,
    "Reshape": moving(to_shape),
    "Flatten": moving(flatten),
    "Squeeze": moving(squeeze),
    "Unsqueeze": moving(unsqueeze),
    "Transpose": moving(transpose),
    "Concat": concat,
    "Softmax": softmax,
}
