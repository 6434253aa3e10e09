"""The tile network: texture of standardised optical density, by fixed filters on a pyramid, and one learned layer.

What must stay true: features see a tile only after each of its channels is standardised by the tile's own mean and
spread, so that the strength and tint of stains count for nothing; the same graph gives the features for training and,
with the learned layer behind it, is the file that is shipped.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LEVELS = 4
ORIENTATIONS = 6
SIGMA = 1.0
THRESHOLDS = [0.5, 1.0, 2.0, 3.0]


def filters():
    """Kernels on one channel, each with mean 0 and length 1: blobs of two sizes, and edges and bars in every direction.
    Returns them with the indices of blobs, edges and bars."""
    radius = 5
    y, x = np.mgrid[-radius:radius + 1, -radius:radius + 1].astype(float)

    def unit(kernel):
        kernel = kernel - kernel.mean()
        return kernel / np.sqrt((kernel ** 2).sum())
    kernels, blobs, edges, bars = [], [], [], []
    for sigma in (1.0, 1.7):
        square = (x * x + y * y) / (2 * sigma * sigma)
        blobs.append(len(kernels))
        kernels.append(unit((square - 1) * np.exp(-square)))
    for index in range(ORIENTATIONS):
        angle = np.pi * index / ORIENTATIONS
        along, across = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
        envelope = np.exp(-(across ** 2 / (2 * SIGMA ** 2) + along ** 2 / (2 * (2 * SIGMA) ** 2)))
        edges.append(len(kernels))
        kernels.append(unit(across * envelope))
        bars.append(len(kernels))
        kernels.append(unit((across ** 2 / SIGMA ** 2 - 1) * envelope))
    return np.stack(kernels).astype(np.float32), blobs, edges, bars


class Graph:
    """Nodes and constants as they are added."""

    def __init__(self):
        self.nodes, self.constants, self.count, self.names = [], [], 0, set()

    def constant(self, value, name=None):
        array = np.asarray(value)
        name = name or f"c{len(self.constants)}"
        if name not in self.names:
            self.names.add(name)
            self.constants.append(numpy_helper.from_array(array, name))
        return name

    def number(self, value):
        return self.constant(np.array(value, np.float32))

    def node(self, kind, *inputs, **attributes):
        self.count += 1
        output = f"n{self.count}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def mean(self, value, axes, keep=1):
        return self.node("ReduceMean", value, self.constant(np.array(axes, np.int64)), keepdims=keep)

    def standardised(self, value):
        centred = self.node("Sub", value, self.mean(value, [2, 3]))
        variance = self.mean(self.node("Mul", centred, centred), [2, 3])
        return self.node("Div", centred, self.node("Sqrt", self.node("Add", variance, self.number(1e-4))))

    def model(self, output, width, side, description):
        graph = helper.make_graph(
            self.nodes, "tiles", [helper.make_tensor_value_info("tile", TensorProto.FLOAT, [1, 3, side, side])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, width])], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], producer_name="training/tiles")
        model.ir_version = 9
        model.doc_string = description
        onnx.checker.check_model(model, full_check=True)
        return model


def features(graph):
    """Adds the features of the input "tile"; gives their name and number."""
    kernels, blobs, edges, bars = filters()
    light = graph.node("Max", "tile", graph.number(1 / 256))
    density = graph.node("Neg", graph.node("Log", light))
    # Mean density, and red against blue: the amount of stain, and which.
    mixing = np.array([[1 / 3, 1 / 3, 1 / 3], [1, 0, -1]], np.float32).reshape(2, 3, 1, 1)
    picture = graph.standardised(graph.node("Conv", density, graph.constant(mixing)))
    bank = graph.constant(np.concatenate([kernels, kernels])[:, None])
    count = len(kernels)
    pooled = []

    def pool(value, axes=(2, 3)):
        pooled.append(graph.node("Flatten", graph.mean(value, list(axes)), axis=1))

    def pick(value, indices):
        both = [index + channel * count for channel in range(2) for index in indices]
        return graph.node("Gather", value, graph.constant(np.array(both, np.int64)), axis=1)

    for threshold in (-1.0, 0.0, 1.0, 2.0):
        pool(graph.node("Relu", graph.node("Sub", picture, graph.number(threshold))))
    level = picture
    for number in range(LEVELS):
        response = graph.node("Conv", level, bank, group=2, pads=[5] * 4)
        size = graph.node("Abs", response)
        energy = graph.mean(graph.node("Mul", response, response), [2, 3])
        spread = graph.node("Sqrt", graph.node("Add", energy, graph.number(1e-4)))
        # Strength at this scale, by kind of filter; over directions only the mean counts, so turned tiles are alike.
        strength = graph.node("Log", spread)
        pooled.append(graph.node("Flatten", pick(strength, blobs), axis=1))
        for kind in (edges, bars):
            chosen = graph.node("Reshape", pick(strength, kind), graph.constant(np.array([1, 2, len(kind)], np.int64)))
            pooled.append(graph.mean(chosen, [2], keep=0))
            pooled.append(graph.node(
                "Sub", graph.node("ReduceMax", chosen, graph.constant(np.array([2], np.int64)), keepdims=0),
                graph.mean(chosen, [2], keep=0)))
        # Shape of the distribution of blobs: dark ones apart from bright ones.
        relative = graph.node("Div", pick(response, blobs), pick(spread, blobs))
        for threshold in THRESHOLDS:
            pool(graph.node("Relu", graph.node("Sub", relative, graph.number(threshold))))
            pool(graph.node("Relu", graph.node("Sub", graph.node("Neg", relative), graph.number(threshold))))
        # How directed structure is: the strongest direction against the mean of all, place by place.
        for kind in (edges, bars):
            directed = pick(size, kind)
            halves = [graph.node("Slice", directed, graph.constant(np.array([channel * len(kind)], np.int64)),
                                 graph.constant(np.array([(channel + 1) * len(kind)], np.int64)),
                                 graph.constant(np.array([1], np.int64))) for channel in range(2)]
            for half in halves:
                most = graph.node("ReduceMax", half, graph.constant(np.array([1], np.int64)), keepdims=1)
                mean = graph.mean(half, [1])
                share = graph.node("Div", mean, graph.node("Add", most, graph.number(1e-2)))
                pool(share)
                pool(graph.node("Mul", share, share))
                # How evenly structure is spread: the mean strength of patches, and how it varies between them.
                patches = graph.node("AveragePool", most, kernel_shape=[9, 9], strides=[4, 4], pads=[4] * 4)
                centred = graph.node("Sub", patches, graph.mean(patches, [2, 3]))
                variance = graph.mean(graph.node("Mul", centred, centred), [2, 3])
                ratio = graph.node("Div", variance, graph.node(
                    "Add", graph.node("Mul", graph.mean(patches, [2, 3]), graph.mean(patches, [2, 3])),
                    graph.number(1e-3)))
                pooled.append(graph.node("Flatten", graph.node("Sqrt", ratio), axis=1))
        if number + 1 < LEVELS:
            level = graph.node("AveragePool", level, kernel_shape=[2, 2], strides=[2, 2])
    return graph.node("Concat", *pooled, axis=1)


def feature_model(side):
    """The features alone, for training."""
    graph = Graph()
    name = features(graph)
    return graph.model(name, None, side, "features")


def classifier(side, weights, offset, description):
    """The shipped model: features, and behind them logits = features · weights + offset."""
    graph = Graph()
    name = features(graph)
    graph.nodes.append(helper.make_node(
        "Gemm", [name, graph.constant(weights.astype(np.float32)), graph.constant(offset.astype(np.float32))],
        ["logits"]))
    return graph.model("logits", weights.shape[1], side, description)
