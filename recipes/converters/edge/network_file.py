"""Writes a network as one file: recipes/engines/edge/net.h says what is where."""

import struct
import zlib

from integer_graph import ALIGNMENT, placed

VERSION = 2
HEADER = 64


class Data:
    """The file's bytes behind the header; each array once."""

    def __init__(self):
        self.bytes = bytearray()
        self.known = {}

    def add(self, data, alignment=4):
        key = (bytes(data), alignment)
        if key not in self.known:
            self.bytes += bytes(-(HEADER + len(self.bytes)) % alignment)
            self.known[key] = HEADER + len(self.bytes)
            self.bytes += data
        return self.known[key]


def words(numbers):
    return b"".join(struct.pack("<i" if number < 0 else "<I", number) for number in numbers)


def written(network):
    data = Data()
    offsets, arena = placed(network)
    starts = {"tensor": 0, "input": len(network.tensors), "output": len(network.tensors) + len(network.inputs)}

    def place(value):
        return starts[value[0]] + value[1]

    def text(name):
        encoded = name.encode("utf-8")[:255]
        return [data.add(encoded, 1), len(encoded)]

    layers = []
    for layer in network.layers:
        inputs = data.add(words(place(value) for value in layer.inputs))
        params = [one if isinstance(one, int) else data.add(one, ALIGNMENT) for one in layer.params]
        layers += [layer.kind, *text(layer.name), inputs, len(layer.inputs), place(layer.output), data.add(words(params)), len(params)]
    ports = [
        [number for name, shape in side for number in [*text(name), len(shape), *shape, *[0] * (8 - len(shape))]]
        for side in (network.inputs, network.outputs)
    ]
    tensors = [number for offset, size in zip(offsets, network.tensors) for number in (offset, size)]
    at = [data.add(words(table)) for table in (tensors, layers, *ports)]
    size = HEADER + len(data.bytes)
    rest = words(
        [size, arena, len(network.tensors), at[0], len(network.layers), at[1], len(network.inputs), at[2], len(network.outputs), at[3], 0, 0]
    ) + bytes(data.bytes)
    return b"EDGENET\0" + words([VERSION, zlib.crc32(rest)]) + rest
