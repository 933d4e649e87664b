"""Makes of a LiteRT file one that ARM NN 23.08 reads: convert.py MODEL RESULT.

Its parser knows the operators below. One that is newer, and easily said with them, is: values held between 0 and 1. A file with any other is
refused here, with all of their names; the parser would name the first.
"""

import sys

import flatbuffers
import numpy
from ai_edge_litert import schema_py_generated as schema

KNOWN = set(
    """
    ABS ADD ARG_MAX ARG_MIN AVERAGE_POOL_2D BATCH_MATMUL BATCH_TO_SPACE_ND CAST CEIL CONCATENATION CONV_2D CONV_3D CUSTOM DEPTH_TO_SPACE
    DEPTHWISE_CONV_2D DEQUANTIZE DIV ELU EQUAL EXP EXPAND_DIMS FLOOR_DIV FULLY_CONNECTED GATHER GATHER_ND GREATER GREATER_EQUAL HARD_SWISH
    L2_NORMALIZATION LEAKY_RELU LESS LESS_EQUAL LOCAL_RESPONSE_NORMALIZATION LOG LOG_SOFTMAX LOGICAL_NOT LOGISTIC MAX_POOL_2D MAXIMUM MEAN
    MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL PACK PAD PADV2 POW PRELU QUANTIZE REDUCE_MAX REDUCE_MIN REDUCE_PROD RELU RELU6 RESHAPE
    RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR REVERSE_V2 RSQRT SHAPE SIN SLICE SOFTMAX SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V SQRT
    SQUARE SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM TANH TILE TRANSPOSE TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK
    """.split()
)
OPERATORS = schema.BuiltinOperator
NAMES = {number: name for name, number in vars(OPERATORS).items() if isinstance(number, int)}


def code_of(model, operator):
    """An operator's number; older files have it in a field of 8 bits."""
    code = model.operatorCodes[operator.opcodeIndex]
    return max(code.builtinCode, code.deprecatedBuiltinCode)


def opcode_index(model, number):
    """The place of an operator in the model's table of operators."""
    for index, code in enumerate(model.operatorCodes):
        if max(code.builtinCode, code.deprecatedBuiltinCode) == number and code.customCode is None:
            return index
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = number
    code.version = 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def new_tensor(model, graph, like, name, shape, data=None):
    """Adds a tensor of another one's type, and gives its number. One with data is a constant."""
    tensor = schema.TensorT()
    tensor.name, tensor.type, tensor.hasRank = name, like.type, True
    tensor.shape = numpy.array(shape, numpy.int32)
    tensor.buffer = len(model.buffers)
    buffer = schema.BufferT()
    if data is not None:
        buffer.data = numpy.frombuffer(data.tobytes(), numpy.uint8)
    model.buffers.append(buffer)
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def made(model, number, tensors, target):
    operator = schema.OperatorT()
    operator.opcodeIndex = opcode_index(model, number)
    operator.inputs, operator.outputs = numpy.array(tensors, numpy.int32), numpy.array([target], numpy.int32)
    return operator


def held_between_0_and_1(model, graph, operator):
    """What is not below 0, and then the smaller of that and 1."""
    source, target = int(operator.inputs[0]), int(operator.outputs[0])
    result = graph.tensors[target]
    sizes = [] if result.shape is None else [int(size) for size in result.shape]
    between = new_tensor(model, graph, result, result.name + b"_relu", sizes)
    # Of the same rank: the parser puts a reshape before any other.
    one = new_tensor(model, graph, result, result.name + b"_one", [1] * len(sizes), numpy.array([1], numpy.float32))
    smaller = made(model, OPERATORS.MINIMUM, [between, one], target)
    smaller.builtinOptionsType, smaller.builtinOptions = (
        schema.BuiltinOptions.MaximumMinimumOptions,
        schema.MaximumMinimumOptionsT(),
    )
    return [made(model, OPERATORS.RELU, [source], between), smaller]


def rewritten(model, graph, operator):
    if code_of(model, operator) != OPERATORS.RELU_0_TO_1:
        return [operator]
    if graph.tensors[int(operator.inputs[0])].type != schema.TensorType.FLOAT32:
        return [operator]
    return held_between_0_and_1(model, graph, operator)


def unknown(model, graph):
    """The operators that the parser does not know, each with the first of its results."""
    found = {}
    for operator in graph.operators:
        name = NAMES.get(code_of(model, operator), "number %d" % code_of(model, operator))
        if name not in KNOWN and name not in found:
            found[name] = graph.tensors[int(operator.outputs[0])].name.decode()
    return ["%s (%s)" % one for one in sorted(found.items())]


def main():
    source, target = sys.argv[1:]
    with open(source, "rb") as file:
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(file.read()))
    if len(model.subgraphs) != 1:
        sys.exit("ARM NN reads networks of one graph, without branches and loops; this one has %d" % len(model.subgraphs))
    graph = model.subgraphs[0]
    graph.operators = [one for operator in graph.operators or [] for one in rewritten(model, graph, operator)]
    lacking = unknown(model, graph)
    if lacking:
        sys.exit("ARM NN 23.08 has no operator for: %s" % ", ".join(lacking))
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    with open(target, "wb") as file:
        file.write(builder.Output())


main()
