"""Translates an ONNX file of a single shape for LiteRT: convert.py MODEL RESULT WORK.

onnx2tf turns pictures' channels last wherever that is faster. Here the result's inputs and outputs are those of the ONNX file: their order,
types, shapes and layout. They are called edge_inN and edge_outN, since onnx2tf does not keep every name.
"""

import math
import os
import sys

import flatbuffers
import numpy
import onnx
from ai_edge_litert import schema_py_generated as schema

INPUT, OUTPUT = "edge_in%d", "edge_out%d"
# Numbers of element types: in ONNX, in LiteRT's schema.
TYPES = {
    onnx.TensorProto.FLOAT: schema.TensorType.FLOAT32,
    onnx.TensorProto.INT8: schema.TensorType.INT8,
    onnx.TensorProto.UINT8: schema.TensorType.UINT8,
    onnx.TensorProto.INT32: schema.TensorType.INT32,
    onnx.TensorProto.INT64: schema.TensorType.INT64,
}


def sizes_of(port):
    """The dimensions of an input or output, which must be known."""
    shape = port.type.tensor_type.shape
    if not port.type.tensor_type.HasField("shape") or not all(dim.HasField("dim_value") for dim in shape.dim):
        sys.exit("%s: its shape depends on values, and the result of this converter has fixed shapes" % port.name)
    return [dim.dim_value for dim in shape.dim]


def name_ports(model):
    """Gives inputs and outputs names that onnx2tf keeps, and the outputs one dimension: their elements then stay in the order of the model."""
    graph = model.graph
    first, last = [], []
    for index, port in enumerate(graph.input):
        name = INPUT % index
        first.append(onnx.helper.make_node("Identity", [name], [port.name]))
        port.name = name
    for index, port in enumerate(graph.output):
        name, sizes = OUTPUT % index, sizes_of(port)
        flat = "%s_sizes" % name
        graph.initializer.append(onnx.numpy_helper.from_array(numpy.array([math.prod(sizes)], numpy.int64), flat))
        last.append(onnx.helper.make_node("Reshape", [port.name, flat], [name]))
        port.CopyFrom(onnx.helper.make_tensor_value_info(name, port.type.tensor_type.elem_type, [math.prod(sizes)]))
    nodes = first + list(graph.node) + last
    del graph.node[:]
    graph.node.extend(nodes)


def shape_of(tensor):
    """A scalar has none in the file."""
    return [] if tensor.shape is None else [int(size) for size in tensor.shape]


def code_of(result, operator):
    """The place of an operator in the result's table of operators."""
    for index, code in enumerate(result.operatorCodes):
        if code.builtinCode == operator and code.customCode is None:
            return index
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = operator
    code.version = 1
    result.operatorCodes.append(code)
    return len(result.operatorCodes) - 1


def new_tensor(result, name, kind, sizes, data=None):
    """Adds a tensor, and gives its number. One with data is a constant."""
    graph = result.subgraphs[0]
    tensor = schema.TensorT()
    tensor.name = name.encode()
    tensor.type = kind
    tensor.shape = numpy.array(sizes, numpy.int32)
    # Scalars have no shape; this says that it is no shape that is unknown.
    tensor.hasRank = True
    tensor.buffer = len(result.buffers)
    buffer = schema.BufferT()
    if data is not None:
        buffer.data = numpy.frombuffer(data.tobytes(), numpy.uint8)
    result.buffers.append(buffer)
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def operator(result, code, kind, options, tensors, target):
    """An operator of one result; it is not yet in the graph."""
    made = schema.OperatorT()
    made.opcodeIndex = code_of(result, code)
    made.inputs, made.outputs = numpy.array(tensors, numpy.int32), numpy.array([target], numpy.int32)
    made.builtinOptionsType, made.builtinOptions = kind, options
    return made


def reshape(result, source, target, name):
    """Gives the elements of `source` the shape of `target`."""
    sizes = numpy.array(shape_of(result.subgraphs[0].tensors[target]), numpy.int32)
    options = schema.ReshapeOptionsT()
    # A scalar is asked for with a single 0, as in LiteRT's oldest files.
    options.newShape = sizes if len(sizes) > 0 else numpy.array([0], numpy.int32)
    given = [source] if len(sizes) == 0 else [source, new_tensor(result, name + "_shape", schema.TensorType.INT32, [len(sizes)], sizes)]
    return operator(result, schema.BuiltinOperator.RESHAPE, schema.BuiltinOptions.ReshapeOptions, options, given, target)


def cast(result, source, target):
    options = schema.CastOptionsT()
    options.inDataType, options.outDataType = (result.subgraphs[0].tensors[one].type for one in (source, target))
    return operator(result, schema.BuiltinOperator.CAST, schema.BuiltinOptions.CastOptions, options, [source], target)


def connect(result, source, target, name):
    """The operators that make `target` of `source`: of another type, of another shape with the same elements, of both."""
    tensors = result.subgraphs[0].tensors
    made = []
    if tensors[source].type != tensors[target].type:
        between = new_tensor(result, name + "_cast", tensors[target].type, shape_of(tensors[source]))
        made.append(cast(result, source, between))
        source = between
    made.append(reshape(result, source, target, name))
    return made


def find(graph, numbers, name):
    """The number of the tensor of this name among these."""
    for number in numbers:
        if graph.tensors[number].name == name.encode():
            return int(number)
    sys.exit("onnx2tf's result has no %s" % name)


def restore_ports(result, inputs, outputs):
    """Gives the result's inputs and outputs the order, types and shapes that the ONNX file has."""
    graph = result.subgraphs[0]
    signature = result.signatureDefs[0]
    graph.operators = graph.operators or []
    for wanted, form, side in ((inputs, INPUT, "inputs"), (outputs, OUTPUT, "outputs")):
        numbers, maps = [], []
        for index, (kind, shape) in enumerate(wanted):
            name = form % index
            own = find(graph, getattr(graph, side), name)
            if math.prod(shape_of(graph.tensors[own])) != math.prod(shape):
                sys.exit("onnx2tf made %s of shape %s, not %s" % (name, shape_of(graph.tensors[own]), shape))
            if (graph.tensors[own].type, shape_of(graph.tensors[own])) != (kind, shape):
                graph.tensors[own].name = (name + "_inner").encode()
                port = new_tensor(result, name, kind, shape)
                if side == "inputs":
                    graph.operators[:0] = connect(result, port, own, name)
                else:
                    graph.operators += connect(result, own, port, name)
                own = port
            numbers.append(own)
            maps.append(schema.TensorMapT())
            maps[-1].name, maps[-1].tensorIndex = name.encode(), own
        if len(numbers) != len(getattr(graph, side)):
            sys.exit("onnx2tf's result has %d %s, not %d" % (len(getattr(graph, side)), side, len(numbers)))
        setattr(graph, side, numpy.array(numbers, numpy.int32))
        setattr(signature, side, maps)


def refuse_foreign(result, model):
    """LiteRT has no operators but its own: onnx2tf writes those that it cannot translate as ones of a name of its own."""
    custom = {code.customCode.decode() for code in result.operatorCodes if code.customCode is not None}
    nodes = [node for node in model.graph.node if "ONNX_" + node.op_type.upper() in custom]
    if custom:
        lacking = ["%s (%s)" % (node.op_type, node.name or node.output[0]) for node in nodes] or sorted(custom)
        sys.exit("LiteRT and onnx2tf do not have: " + ", ".join(lacking[:8]))


def convert(model, work):
    """onnx2tf's result, as objects."""
    source = os.path.join(work, "model.onnx")
    onnx.save(model, source)
    import onnx2tf

    onnx2tf.convert(
        input_onnx_file_path=source,
        output_folder_path=os.path.join(work, "made"),
        keep_shape_absolutely_input_names=[port.name for port in model.graph.input],
        non_verbose=True,
    )
    with open(os.path.join(work, "made", "model_float32.tflite"), "rb") as file:
        return schema.ModelT.InitFromObj(schema.Model.GetRootAs(file.read()))


def main():
    source, target, work = sys.argv[1:]
    # What the converter prints is for people: it belongs into the log.
    os.dup2(2, 1)
    model = onnx.load(source)
    inputs, outputs = (
        [(TYPES[port.type.tensor_type.elem_type], sizes_of(port)) for port in ports]
        for ports in (model.graph.input, model.graph.output)
    )
    name_ports(model)
    result = convert(model, work)
    refuse_foreign(result, model)
    restore_ports(result, inputs, outputs)
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(result.Pack(builder), b"TFL3")
    with open(target, "wb") as file:
        file.write(builder.Output())


main()
