"""Compiles an ONNX file of one fixed shape for a board's core: convert.py MODEL RESULT WORK TRIPLET CPU COMPILER...

TVM makes two objects, of machine code and of weights with a program for its virtual machine, which the board's own compiler links.
"""

import os
import subprocess
import sys
import warnings


def import_model(path):
    """TVM's form of an ONNX file. Ends with the operators that TVM does not know."""
    import onnx
    import tvm
    from tvm.relax.frontend.onnx import from_onnx

    model = onnx.load(path)
    try:
        return from_onnx(model, keep_params_in_input=False)
    except tvm.error.OpNotImplemented as error:
        sys.exit("error: TVM does not translate it: %s" % error)


def compile_model(model, target):
    """The executable of a model: operators that follow one another are fused first, and what has constant values is computed."""
    import tvm
    from tvm import relax, tirx

    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from loops import arranged

    passes = [
        relax.transform.DecomposeOpsForInference(),
        relax.transform.CanonicalizeBindings(),
        relax.get_pipeline("zero"),
    ]
    with target:
        fused = tvm.transform.Sequential(passes)(model)
    for name, function in list(fused.functions_items()):
        if isinstance(function, tirx.PrimFunc):
            fused[name] = arranged(function)
    return tvm.compile(fused, target=target)


def linker(compiler):
    """What TVM calls with the path of the result and those of the objects."""

    def link(result, objects, **_):
        # Without symbols: in them are names of files of the work folder.
        subprocess.run([*compiler, "-shared", "-s", "-Wl,-soname,model.so", "-o", result, *objects, "-lm"], check=True)

    return link


def main():
    source, result, work, triplet, cpu, *compiler = sys.argv[1:]
    # What TVM prints is for people: it belongs into the log.
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    model = import_model(source)
    from tvm.target import Target

    executable = compile_model(model, Target({"kind": "llvm", "mtriple": triplet, "mcpu": cpu}))
    executable.export_library(result, fcompile=linker(compiler), workspace_dir=work)


main()
