#!/usr/bin/env python3
"""Makes the small networks that the classifier's tests run: needs the package onnx, and nothing else.

    python3 Tests/Fixtures/classifiers/make.py

What must stay true: each file has one thing about it, named by the file; none is larger than a few kilobytes.
"""

import os

import onnx
from onnx import TensorProto, helper, numpy_helper
import numpy as np

FOLDER = os.path.dirname(os.path.abspath(__file__))
SIDE = 32


def save(name, nodes, constants, shape, outputs=("logits", [1, 2])):
    graph = helper.make_graph(
        nodes, name, [helper.make_tensor_value_info("tile", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(outputs[0], TensorProto.FLOAT, outputs[1])], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], producer_name="vpath tests")
    model.ir_version = 9
    with open(os.path.join(FOLDER, name + ".onnx"), "wb") as file:
        file.write(model.SerializeToString())


def constant(name, value, kind=np.float32):
    return numpy_helper.from_array(np.array(value, kind), name)


def node(kind, inputs, output, **more):
    return helper.make_node(kind, inputs, [output], **more)


def redness(after=(), constants=(), shape=(1, 3, SIDE, SIDE), outputs=("logits", [1, 2])):
    """Logits (mean red - mean blue) · ±40: which of the two a tile has more of."""
    nodes = [
        node("ReduceMean", ["tile", "space"], "means", keepdims=0),
        node("Gemm", ["means", "weights"], "logits" if not after else "before"),
        *after,
    ]
    weights = constant("weights", [[40, -40], [0, 0], [-40, 40]])
    return nodes, [constant("space", [2, 3], np.int64), weights, *constants], list(shape), outputs


save("good", *redness())
save("good-batch", *redness(shape=("batch", 3, SIDE, SIDE), outputs=("logits", ["batch", 2])))
save("dynamic-axes", *redness(shape=(1, 3, "height", "width")))
save("wrong-size", *redness(shape=(1, 3, 2 * SIDE, 2 * SIDE)))
save("wrong-channels", [node("ReduceMean", ["tile", "space"], "logits", keepdims=0)],
     [constant("space", [2, 3], np.int64)], [1, 2, SIDE, SIDE])
save("three-labels", [node("ReduceMean", ["tile", "space"], "logits", keepdims=0)],
     [constant("space", [2, 3], np.int64)], [1, 3, SIDE, SIDE], ("logits", [1, 3]))
# log of a number that is below zero for tiles without white in them.
save("nan", *redness(
    after=[node("Log", ["before"], "logits")]))
save("channels-last", [node("ReduceMean", ["tile", "space"], "means", keepdims=0),
                       node("Gemm", ["means", "weights"], "logits")],
     [constant("space", [1, 2], np.int64), constant("weights", [[1, -1], [0, 0], [-1, 1]])], [1, SIDE, SIDE, 3])


def external(name, location):
    nodes, constants, shape, outputs = redness()
    weights = constants[1]
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "24")):
        entry = weights.external_data.add()
        entry.key, entry.value = key, value
    save(name, nodes, constants, shape, outputs)


with open(os.path.join(FOLDER, "weights.bin"), "wb") as file:
    file.write(np.array([[40, -40], [0, 0], [-40, 40]], np.float32).tobytes())
external("external-beside", "weights.bin")
external("external-outside", "../../weights.bin")
external("external-absolute", "/etc/hostname")
external("external-missing", "nowhere.bin")
