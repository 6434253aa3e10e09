#!/usr/bin/env python3
"""The peer of `vpath-bench classify`: OpenVINO's Python runtime over the same tiles.

    bench/tile_classifier/peer.py CLASSIFIER TILES ROUNDS

TILES are the pixels that vpath-bench wrote. Prints {"tiles", "millisecondsPerTile" (least of the rounds), "check"}.
What must stay true: the same settings as ours, two inferences beside each other; loading and the first round are not
timed; each tile is turned from bytes into floats within the time, as ours is.
"""

import json
import pathlib
import sys
import time

import numpy as np
import openvino

WIDTH = 2


def main():
    folder, rounds = pathlib.Path(sys.argv[1]), int(sys.argv[3])
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    side = card["input"]["sidePixels"]
    mean, std = (np.array(card["input"][key], np.float32).reshape(3, 1, 1) for key in ("mean", "std"))
    tiles = np.fromfile(sys.argv[2], np.uint8).reshape(-1, side, side, 3)
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(folder / card["model"]["file"]), "CPU", {
        "INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": WIDTH, "NUM_STREAMS": WIDTH,
        "ENABLE_CPU_PINNING": "NO"})
    queue = openvino.AsyncInferQueue(compiled, WIDTH)
    logits = np.empty((len(tiles), len(card["labels"])))
    queue.set_callback(lambda request, index: logits.__setitem__(index, request.get_output_tensor(0).data[0]))

    def once():
        start = time.perf_counter()
        for index, tile in enumerate(tiles):
            numbers = (tile.transpose(2, 0, 1).astype(np.float32) / 255 - mean) / std
            queue.start_async({0: numbers[None]}, index)
        queue.wait_all()
        return time.perf_counter() - start
    once()
    least = min(once() for _ in range(rounds))
    raised = np.exp(logits - logits.max(1, keepdims=True))
    check = float((raised[:, 0] / raised.sum(1)).sum())
    print(json.dumps({"tiles": len(tiles), "millisecondsPerTile": least * 1e3 / len(tiles), "check": check}))


if __name__ == "__main__":
    main()
