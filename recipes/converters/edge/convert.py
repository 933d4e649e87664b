"""Makes of a quantized ONNX file of one shape a network of whole numbers for the engine `edge`: convert.py MODEL RESULT.

The same model gives the same bytes. What cannot be translated ends with the operator and the layer.
"""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import onnx
from integer_graph import Network
from network_file import written
from onnx_import import imported
from refusal import Refusal


def main():
    source, target = sys.argv[1:]
    network = Network()
    try:
        imported(onnx.load(source), network)
        data = written(network)
    except Refusal as refusal:
        sys.exit("error: %s" % refusal)
    with open(target, "wb") as file:
        file.write(data)


main()
