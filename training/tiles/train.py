#!/usr/bin/env python3
"""Trains the oral mucosa tile classifier and writes models/tile_classifier_oral.

    training/tiles/train.py --data DIR [--out models/tile_classifier_oral] [--seed 1] [--threads 1]

DIR holds tiles_train/ and tiles_eval/ with their labels.csv. Minutes on two cores; README.md says what it needs.
What must stay true: only tiles whose `use` lets weights be shipped are trained on; every choice is made on blocks of
tiles_train that were held out; tiles_eval is read once, at the end, for the figures of the card.
"""

import argparse
import hashlib
import json
import os
import sys
import time

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402

import card  # noqa: E402
import linear  # noqa: E402
import network  # noqa: E402
import onnx  # noqa: E402
import runtime  # noqa: E402
import tiles  # noqa: E402

TASK = "oral"
LABELS = {"oral_normal": "normal oral mucosa", "oral_oscc": "oral squamous cell carcinoma"}
SIDE = 224
MICRONS_PER_PIXEL = 1.0
VARIANTS = 3
FOLDS = 4
PENALTIES = [1, 3, 10, 30, 100, 300]


def rows(runner, data, variants, seed, log, what):
    """Features of the tiles as they are, and of `variants` varied copies of each."""
    start = time.time()
    result = [runner(tiles.plain(data.pictures))]
    rng = np.random.default_rng(seed)
    for number in range(variants):
        result.append(np.concatenate([
            runner(tiles.vary(data.pictures[begin:begin + 32], SIDE, rng)) for begin in range(0, len(data), 32)]))
        log(f"features of {what}, varied copy {number + 1}: {time.time() - start:.0f} s")
    return np.stack(result)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", default=os.path.join(
        os.path.dirname(os.path.abspath(__file__)), "..", "..", "models", "tile_classifier_oral"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    os.makedirs(chosen.out, exist_ok=True)
    lines = []

    def log(text):
        lines.append(text)
        print(text, file=sys.stderr, flush=True)

    names = sorted(LABELS)
    train = tiles.read(chosen.data, "tiles_train", TASK, shippable_only=True)
    target = np.array([names.index(label) for label in train.label])
    log(f"seed {chosen.seed}; training tiles {len(train)} of {len(set(train.case))} blocks: "
        + ", ".join(f"{name} {(train.label == name).sum()}" for name in names))
    runner = runtime.Runner(network.feature_model(SIDE), chosen.threads)
    features = rows(runner, train, VARIANTS, chosen.seed, log, "training tiles")
    colour = tiles.colour_statistics(train.pictures)[None]

    # Held-out blocks are runs of neighbouring numbers, as the evaluation blocks are.
    folds = tiles.runs(train.case, np.char.add(train.label, train.source), FOLDS)
    found = {penalty: linear.held_out(features, target, folds, penalty) for penalty in PENALTIES}
    for penalty, value in found.items():
        log(f"held-out blocks, penalty {penalty}: balanced accuracy {value:.3f}")
    penalty = max(found, key=found.get)
    baseline = {p: linear.held_out(colour, target, folds, p) for p in PENALTIES}
    baseline_penalty = max(baseline, key=baseline.get)
    log(f"held-out blocks, colour statistics: {baseline[baseline_penalty]:.3f} (penalty {baseline_penalty})")

    weights, offset = linear.fit(features, target, penalty)
    path = os.path.join(chosen.out, "model.onnx")
    model = network.classifier(SIDE, weights, offset, "training/tiles, oral mucosa, see CARD.md")
    onnx.save(model, path)
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    log(f"model.onnx: {os.path.getsize(path)} bytes, sha256 {digest}")

    evaluation = tiles.read(chosen.data, "tiles_eval", TASK)
    truth = np.array([names.index(label) for label in evaluation.label])
    logits = runtime.Runner(model, chosen.threads)(tiles.plain(evaluation.pictures))
    simple = linear.fit(colour, target, baseline_penalty)
    simple_logits = tiles.colour_statistics(evaluation.pictures) @ simple[0] + simple[1]
    figures = card.figures(truth, logits.argmax(1), simple_logits.argmax(1), evaluation, chosen.seed)
    for key, value in figures.items():
        log(f"tiles_eval {key}: {value}")
    card.write(chosen.out, LABELS, names, train, evaluation, figures, digest, penalty, found[penalty],
               baseline[baseline_penalty], chosen.seed, SIDE, MICRONS_PER_PIXEL)
    with open(os.path.join(chosen.out, "training.log"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    print(json.dumps(figures["balanced accuracy"]))


if __name__ == "__main__":
    main()
