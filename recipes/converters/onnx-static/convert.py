"""Makes of an ONNX file one of a single shape, for programs that know no other: convert.py MODEL RESULT WORK SHAPES.

SHAPES has the sizes of each input, in the model's order: `1,3,48,192;1,16`; those of a scalar are none. The result has operators of ONNX's own
domain only, of operator set 13 or newer, what is known beforehand computed, and the shapes of all values that follow. The same model and
shapes give the same bytes.
"""

import os
import sys

import onnx
import onnxruntime
from onnx import version_converter

OLDEST = 13
# The first version of the format in which weights need not be listed among the inputs.
FREE_WEIGHTS = 4
OWN = ("", "ai.onnx")


def graphs(graph):
    """A graph and all that lie within its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                yield from graphs(inner)


def sizes_of(text):
    return [[int(size) for size in shape.split(",") if size != ""] for shape in text.split(";")]


def state_dims(port, sizes):
    """Gives an input or output these dimensions; None is one that is not known."""
    shape = port.type.tensor_type.shape
    # What is set exists, even without dimensions: a scalar.
    shape.SetInParent()
    del shape.dim[:]
    for size in sizes:
        dimension = shape.dim.add()
        if size is not None:
            dimension.dim_value = size


def fix_inputs(model, shapes):
    graph = model.graph
    weights = {tensor.name for tensor in graph.initializer} | {tensor.values.name for tensor in graph.sparse_initializer}
    # Nobody gives other weights when the model runs, so they are constants.
    inputs = [port for port in graph.input if port.name not in weights]
    model.ir_version = max(model.ir_version, FREE_WEIGHTS)
    if len(inputs) != len(shapes):
        sys.exit("the model has %d inputs, and shapes of %d were given" % (len(inputs), len(shapes)))
    for port, sizes in zip(inputs, shapes):
        state_dims(port, sizes)
    kept = [onnx.ValueInfoProto.FromString(port.SerializeToString()) for port in inputs]
    del graph.input[:]
    graph.input.extend(kept)


def forget_shapes(model):
    """Takes away what files state of values within: it was true of other sizes, or of none."""
    for graph in graphs(model.graph):
        del graph.value_info[:]
    for port in model.graph.output:
        port.type.tensor_type.ClearField("shape")


def version_of(model):
    for entry in model.opset_import:
        if entry.domain in OWN:
            return entry.version
    sys.exit("the model names no set of ONNX's operators")


def raised(model):
    """The model with operators of set 13, where its own are older."""
    version = version_of(model)
    if version >= OLDEST:
        return model
    try:
        return version_converter.convert_version(model, OLDEST)
    except Exception as error:
        sys.exit(
            "onnx %s cannot raise the model from opset %d to %d: %s" % (onnx.__version__, version, OLDEST, str(error).strip())
        )


def folded(model, work):
    """What ONNX Runtime writes of the model at its basic level: the next one would add operators of its own."""
    source, target = os.path.join(work, "fixed.onnx"), os.path.join(work, "folded.onnx")
    onnx.save(model, source)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = target
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        sys.exit("ONNX Runtime %s does not take the model with these shapes: %s" % (onnxruntime.__version__, str(error).strip()))
    return onnx.load(target)


def refuse_foreign(model):
    foreign = {
        "%s of %s (%s)" % (node.op_type, node.domain, node.name)
        for graph in graphs(model.graph)
        for node in graph.node
        if node.domain not in OWN
    }
    if foreign:
        sys.exit("the folded model has operators of other domains than ONNX's own: " + ", ".join(sorted(foreign)))
    if model.functions:
        sys.exit("the folded model has functions of its own: " + ", ".join(sorted(one.name for one in model.functions)))


def refuse_other_ports(model, wanted):
    def names(ports):
        return [port.name for port in ports]

    if names(model.graph.input) != names(wanted.input) or names(model.graph.output) != names(wanted.output):
        sys.exit("the folded model takes %s and gives %s" % (names(model.graph.input), names(model.graph.output)))


def put_in_order(model):
    """Sorts what has no order of its own, and is written in that of a table in memory; drops what was not used."""
    for graph in graphs(model.graph):
        made = {name for node in graph.node for name in node.output}
        values = [value for value in graph.value_info if value.name in made]
        del graph.value_info[:]
        graph.value_info.extend(sorted(values, key=lambda value: value.name))
        graph.initializer.sort(key=lambda tensor: tensor.name)
    own = [entry for entry in model.opset_import if entry.domain in OWN]
    del model.opset_import[:]
    model.opset_import.add().version = own[0].version
    for field in ("producer_name", "producer_version", "doc_string"):
        model.ClearField(field)
    del model.metadata_props[:]


def main():
    source, target, work, shapes = sys.argv[1:]
    model = onnx.load(source)
    ranks = {port.name: len(port.type.tensor_type.shape.dim) for port in model.graph.output if port.type.tensor_type.HasField("shape")}
    fix_inputs(model, sizes_of(shapes))
    forget_shapes(model)
    wanted = onnx.GraphProto()
    wanted.input.extend(model.graph.input)
    wanted.output.extend(model.graph.output)
    # ONNX Runtime writes no shape that it did not need.
    result = onnx.shape_inference.infer_shapes(folded(raised(model), work), data_prop=True)
    refuse_foreign(result)
    refuse_other_ports(result, wanted)
    for port in result.graph.output:
        # Where values decide on it, readers still want the number of dimensions.
        if not port.type.tensor_type.HasField("shape") and port.name in ranks:
            state_dims(port, [None] * ranks[port.name])
    put_in_order(result)
    with open(target, "wb") as file:
        file.write(result.SerializeToString(deterministic=True))


main()
