"""Functions of one number, as ONNX computes them in 32 bits: what tables are made of."""

import math

import numpy as np


def exact(function):
    """Of one number in 64 bits, whatever the processor: rounded well before the last bit, in which libraries differ."""

    def apply(numbers):
        return np.array([np.float32(float("%.12g" % function(float(one)))) for one in numbers], np.float32)

    return apply


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def hard_sigmoid(numbers, alpha, beta):
    return np.clip(np.float32(alpha) * numbers + np.float32(beta), np.float32(0), np.float32(1))


def plain(function):
    return lambda attribute: function


# Operator -> attributes -> function. `attribute(name, default)` is a number of the node.
FUNCTIONS = {
    "Abs": plain(np.abs),
    "Neg": plain(np.negative),
    "Relu": plain(lambda x: np.maximum(x, np.float32(0))),
    "LeakyRelu": lambda attribute: lambda x: np.where(x < 0, x * np.float32(attribute("alpha", 0.01)), x),
    "HardSigmoid": lambda attribute: lambda x: hard_sigmoid(x, attribute("alpha", 0.2), attribute("beta", 0.5)),
    "HardSwish": plain(lambda x: x * hard_sigmoid(x, 1 / 6, 0.5)),
    "Sigmoid": plain(exact(sigmoid)),
    "Tanh": plain(exact(math.tanh)),
    "Elu": lambda attribute: exact(lambda x: x if x >= 0 else attribute("alpha", 1.0) * math.expm1(x)),
    "Softplus": plain(exact(lambda x: max(x, 0.0) + math.log1p(math.exp(-abs(x))))),
    "Erf": plain(exact(math.erf)),
}

# Operator of two numbers -> function.
PAIRS = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide, "Max": np.maximum, "Min": np.minimum}
