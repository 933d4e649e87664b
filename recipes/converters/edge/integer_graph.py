"""The network as the engine runs it: tensors of 8-bit codes, ports in floating point, and layers, in the order in which they run."""

# Kinds of layers, as recipes/engines/edge/net.h numbers them.
QUANTIZE, CONV, TABLE, ADD, MULTIPLY, MAXIMUM, AVERAGE, CONCAT, RESIZE, GATHER, DEQUANTIZE, SOFTMAX = range(1, 13)

# Of arrays that layers name: bytes that their start is a multiple of.
ALIGNMENT = 64


class Layer:
    """`params` are whole numbers; in their place may stand an array (bytes), which the file then holds and they point at."""

    def __init__(self, kind, name, inputs, output, params):
        self.kind, self.name, self.inputs, self.output, self.params = kind, name, inputs, output, params


class Network:
    def __init__(self):
        self.tensors = []  # bytes of each
        self.inputs = []  # (name, shape)
        self.outputs = []
        self.layers = []

    def tensor(self, size):
        self.tensors.append(size)
        return ("tensor", len(self.tensors) - 1)

    def layer(self, kind, name, inputs, output, params):
        self.layers.append(Layer(kind, name, inputs, output, params))
        return output


def placed(network):
    """(offset of each tensor, bytes of all): tensors that are needed at the same time do not overlap; the largest are placed first."""
    first, last = {}, {}
    for index, layer in enumerate(network.layers):
        for kind, tensor in [layer.output] + layer.inputs:
            if kind == "tensor":
                first.setdefault(tensor, index)
                last[tensor] = index
    offsets = [0] * len(network.tensors)
    done = []
    total = 0
    for tensor in sorted(first, key=lambda one: (-network.tensors[one], one)):
        size = network.tensors[tensor]
        # What lies there while this one does, by place.
        others = sorted(
            (offsets[one], offsets[one] + network.tensors[one])
            for one in done
            if first[one] <= last[tensor] and first[tensor] <= last[one]
        )
        at = 0
        for start, end in others:
            if at + size <= start:
                break
            at = max(at, -(-end // ALIGNMENT) * ALIGNMENT)
        offsets[tensor] = at
        done.append(tensor)
        total = max(total, at + size)
    return offsets, -(-total // ALIGNMENT) * ALIGNMENT
