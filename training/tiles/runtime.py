"""Runs a model over tiles through OpenVINO.

What must stay true: 32-bit floats, as the daemon runs it.
"""

import numpy as np
import openvino


class Runner:
    """A model compiled for the processor."""

    def __init__(self, model, threads):
        core = openvino.Core()
        self.compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", {
            "INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1})
        self.request = self.compiled.create_infer_request()

    def __call__(self, pictures):
        """Rows of numbers for pictures N x H x W x 3 in 0...1."""
        rows = []
        for picture in pictures:
            tile = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)
            rows.append(np.array(self.request.infer([tile])[0][0]))
        return np.stack(rows)
