"""Reads an ONNX graph with QuantizeLinear and DequantizeLinear, node by node, into a network of whole numbers.

Numbers between the quantized tensors are followed as functions of codes (values.py): what only one tensor decides becomes a table of 256, and
what a layer gives gets its codes from the QuantizeLinear that takes it. Where none does, codes are spread over all that can come.
"""

import numpy as np
from integer_graph import DEQUANTIZE, QUANTIZE, TABLE
from rules import RULES
from layout import channels_last, count, loops, row_major
from onnx import TensorProto, numpy_helper
from onnx.helper import get_attribute_value
from refusal import Refusal
from values import Codes, Pending, Port, Real, Unclipped, Weights, code_of, linear, spread

# What a chosen meaning of codes passes through, backwards: these move numbers, or keep their order.
MOVING = {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Identity", "Concat", "Resize", "MaxPool", "Relu", "Clip"}


class Reader:
    """What rules see: the node's inputs as values, its attributes, and the network that grows."""

    def __init__(self, model, network):
        self.graph, self.network = model.graph, network
        self.values = {one.name: numpy_helper.to_array(one) for one in self.graph.initializer}
        self.takers = {}
        for node in self.graph.node:
            for name in node.input:
                self.takers.setdefault(name, []).append(node)

    def value(self, node, index):
        if index >= len(node.input) or node.input[index] == "":
            return None
        found = self.values.get(node.input[index])
        if found is None:
            raise Refusal(node, "its input %s is not known" % node.input[index])
        return found

    def constant(self, node, index, default=None):
        """A constant input as an array; `default` when there is none."""
        found = self.value(node, index)
        if found is None:
            return default
        if not isinstance(found, np.ndarray):
            raise Refusal(node, "its input %s is not a constant" % node.input[index])
        return found

    def attribute(self, node, name, default=None):
        for one in node.attribute:
            if one.name == name:
                return get_attribute_value(one)
        return default

    # ---- codes ----

    def quantized(self, node, value, scale, zero, ends=(0, 255)):
        """The codes of a value that QuantizeLinear with these parameters gives, and a Clip to `ends`. They are counted from the lower end."""
        low, high = ends if ends[0] <= zero <= ends[1] else (0, 255)
        scale, zero, most = np.float32(scale), int(zero) - low, high - low
        key = (float(scale), zero, most, low)
        if isinstance(value, Port):
            return self.fed(node, value, scale, zero, most, low)
        if isinstance(value, Pending):
            if key not in value.made:
                bounds = (min(int(code_of(end, scale, zero)), most) for end in value.bounds)
                value.made[key] = value.emit(scale, zero, *bounds)
                value.made[key].most, value.made[key].below = most, low
            return value.made[key]
        if not isinstance(value, Real):
            raise Refusal(node, "it takes a constant")
        codes = value.codes
        if value.linear and (float(codes.scale), codes.zero, codes.below) == (key[0], zero, low) and codes.most <= most:
            return codes
        return self.looked_up(node, codes, np.minimum(code_of(value.worth, scale, zero), most), scale, zero, most, low)

    def looked_up(self, node, codes, table, scale, zero, most, below):
        made = self.network.layer(TABLE, name_of(node), [codes.value], self.network.tensor(count(codes.shape)), [table.astype(np.uint8).tobytes()])
        return Codes(made, codes.shape, codes.order, scale, zero, most, below)

    def fed(self, node, port, scale, zero, most, below):
        order = channels_last(len(port.shape))
        how = loops(port.shape, row_major(port.shape), order)
        if how is None:
            raise Refusal(node, "an input of so many dimensions")
        bits = int(scale.view(np.uint32))
        made = self.network.layer(QUANTIZE, name_of(node), [("input", port.index)], self.network.tensor(count(port.shape)), [bits, zero, *how])
        codes = Codes(made, port.shape, order, scale, zero)
        return codes if most == 255 else self.looked_up(node, codes, np.minimum(np.arange(256), most), scale, zero, most, below)

    def codes(self, node, index):
        """The codes of an input, whether or not something quantizes it."""
        return self.rounded(node, self.value(node, index), node.input[index])

    def rounded(self, node, value, name):
        """The codes that a value has, those that a taker wants of it, or codes for all that can come."""
        if not isinstance(value, (Real, Pending)):
            raise Refusal(node, "%s is not quantized" % name)
        if value.rounded is None:
            wanted = self.wanted(name)
            if wanted is None:
                if value.range is None:
                    raise Refusal(value.node, "nothing quantizes what it gives, and nobody has measured its range: 8-bit activations are needed")
                wanted = spread(*value.range)
            value.rounded = self.quantized(node, value, *wanted)
        return value.rounded

    def wanted(self, name, depth=0):
        """(scale, zero) of a QuantizeLinear that takes this tensor, or what moves it."""
        takers = self.takers.get(name, []) if depth < 16 else []
        for node in takers:
            if node.op_type == "QuantizeLinear":
                return self.parameters(node)
        for node in takers:
            if node.op_type in MOVING and node.output:
                found = self.wanted(node.output[0], depth + 1)
                if found is not None:
                    return found
        return None

    def parameters(self, node):
        """(scale, zero) of QuantizeLinear or DequantizeLinear, for codes without sign."""
        scale, zero = self.constant(node, 1), self.constant(node, 2, np.zeros((), np.uint8))
        if scale.size != 1 or zero.size != 1 or scale.dtype != np.float32:
            raise Refusal(node, "activations with several scales, or scales of another type than float32")
        if zero.dtype not in (np.uint8, np.int8):
            raise Refusal(node, "activations of %s; those of 8 bits are known" % zero.dtype)
        if not (np.isfinite(scale) & (scale > 0)).all():
            raise Refusal(node, "a scale of %g" % float(scale.reshape(())))
        return np.float32(scale.reshape(())), int(zero.reshape(())) + (128 if zero.dtype == np.int8 else 0)


def name_of(node):
    return node.name or (node.output[0] if node.output else node.op_type)


def quantize(reader, node):
    """A Clip behind it says how many bits the codes have (QCDQ)."""
    scale, zero = reader.parameters(node)
    takers = reader.takers.get(node.output[0], [])
    if takers and all(taker.op_type == "Clip" for taker in takers):
        return Unclipped(reader.value(node, 0), scale, zero)
    return reader.quantized(node, reader.value(node, 0), scale, zero)


def dequantize(reader, node):
    value = reader.value(node, 0)
    if isinstance(value, Codes):
        scale, zero = reader.parameters(node)
        if (scale, zero) == value.parameters:
            return linear(value)
        return Real(value, linear(Codes(value.value, value.shape, value.order, scale, zero - value.below)).worth)
    if not isinstance(value, np.ndarray):
        raise Refusal(node, "what it takes is not quantized")
    scale, zero = reader.constant(node, 1), reader.constant(node, 2)
    if reader.attribute(node, "block_size", 0):
        raise Refusal(node, "scales for blocks of weights")
    axis = reader.attribute(node, "axis", 1) if scale.size > 1 else None
    numbers = value.astype(np.int64)
    if zero is not None and np.any(zero.astype(np.int64)):
        shape = [1] * numbers.ndim
        if zero.size > 1:
            shape[axis] = zero.size
        numbers = numbers - zero.astype(np.int64).reshape(shape)
    return Weights(numbers, scale.astype(np.float64).reshape(-1), None if axis is None else axis % max(numbers.ndim, 1))


def give(reader, index, port):
    """The layer that writes an output of the model."""
    node = next((one for one in reader.graph.node if port.name in one.output), None)
    value = reader.values.get(port.name)
    if node is None or isinstance(value, Port) or value is None:
        raise SystemExit("error: the output %s is none that a layer computes" % port.name)
    if isinstance(value, Codes):
        raise Refusal(node, "the output %s is of whole numbers; those of float32 are known" % port.name)
    output = ("output", index)
    if getattr(value, "floats", None) is not None:
        value.floats(output)
        return
    if not isinstance(value, (Real, Pending)):
        raise Refusal(node, "the output %s is constant" % port.name)
    real = value if isinstance(value, Real) else linear(reader.rounded(node, value, port.name))
    codes = real.codes
    how = loops(codes.shape, codes.order, row_major(codes.shape))
    if how is None:
        raise Refusal(node, "an output of so many dimensions")
    reader.network.layer(DEQUANTIZE, port.name, [codes.value], output, [real.worth.astype("<f4").tobytes(), *how])


def port_shape(port):
    kind = port.type.tensor_type
    sizes = [size.dim_value for size in kind.shape.dim]
    if kind.elem_type != TensorProto.FLOAT or any(size < 1 for size in sizes) or len(sizes) > 8:
        raise SystemExit("error: %s is not of float32 and one shape" % port.name)
    return sizes


def imported(model, network):
    reader = Reader(model, network)
    graph = model.graph
    given = [port for port in graph.input if port.name not in reader.values]
    for index, port in enumerate(given):
        shape = port_shape(port)
        network.inputs.append((port.name, shape))
        reader.values[port.name] = Port(index, shape)
    rules = {**RULES, "QuantizeLinear": quantize, "DequantizeLinear": dequantize}
    for node in graph.node:
        rule = rules.get(node.op_type) if node.domain in ("", "ai.onnx") else None
        if rule is None:
            raise Refusal(node, "this operator is not known")
        if len([name for name in node.output if name]) != 1:
            raise Refusal(node, "only its first result is known")
        reader.values[node.output[0]] = rule(reader, node)
    for index, port in enumerate(graph.output):
        network.outputs.append((port.name, port_shape(port)))
        give(reader, index, port)
