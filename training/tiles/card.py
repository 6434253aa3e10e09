"""The figures of a trained classifier and its card.

What must stay true: an interval resamples whole blocks, never tiles; licences and sources are those of labels.csv; the
card says experimental unless the scale of the tiles is known and, overall and in every source, the low end of the
balanced accuracy lies above chance and above the baseline.
"""

import json
import os
from collections import Counter

import numpy as np

from linear import balanced_accuracy

DRAWS = 2000
COVERAGE = 0.95
METHOD = "block bootstrap, percentiles"
SCALE_IS_KNOWN = False


def interval(truth, found, blocks, seed):
    """Balanced accuracy with the interval of whole blocks drawn again, label by label."""
    rng = np.random.default_rng(seed)
    groups = [[np.where(blocks == block)[0] for block in sorted(set(blocks[truth == label]))]
              for label in np.unique(truth)]
    values = []
    for _ in range(DRAWS):
        chosen = np.concatenate([np.concatenate([group[i] for i in rng.integers(0, len(group), len(group))])
                                 for group in groups])
        values.append(balanced_accuracy(truth[chosen], found[chosen]))
    low, high = np.percentile(values, [50 * (1 - COVERAGE), 100 - 50 * (1 - COVERAGE)])
    return {"value": round(balanced_accuracy(truth, found), 3), "low": round(float(low), 3),
            "high": round(float(high), 3), "coverage": COVERAGE, "method": METHOD}


def figures(truth, found, simple, data, seed):
    """All figures, of the network and of colour statistics, over all tiles and by source."""
    result = {
        "balanced accuracy": interval(truth, found, data.case, seed),
        "colour statistics": interval(truth, simple, data.case, seed),
        "tiles": len(truth), "blocks": len(set(data.case)),
    }
    for source in sorted(set(data.source)):
        inside = data.source == source
        result[source] = interval(truth[inside], found[inside], data.case[inside], seed)
        result[source]["tiles"] = int(inside.sum())
    result["confusion"] = [[int(((truth == a) & (found == b)).sum()) for b in (0, 1)] for a in (0, 1)]
    return result


def write(folder, labels, names, train, evaluation, found, digest, penalty, tuned, tuned_baseline, seed, side, scale):
    main, simple = found["balanced accuracy"], found["colour statistics"]
    # The scale of these tiles is an estimate, so no figure can make a classifier of them more than experimental.
    every = [main] + [value for value in found.values() if isinstance(value, dict) and "tiles" in value]
    experimental = not SCALE_IS_KNOWN or any(figure["low"] <= max(0.5, simple["value"]) for figure in every)
    licences = "; ".join(sorted(set(train.licence)))
    card = {
        "kind": "tile classifier", "name": "tile_classifier_oral", "version": "1.0.0",
        "method": "texture of standardised optical density: fixed filters at four scales, one learned linear layer",
        "model": {"file": "model.onnx", "sha256": digest},
        "input": {"sidePixels": side, "mpp": scale, "mean": [0, 0, 0], "std": [1, 1, 1]},
        "labels": [labels[name] for name in names], "output": "logits",
        "accepts": {"organ": ["oral mucosa"], "stain": ["H&E"], "mpp": [0.2, 1.1]},
        "validatedOn": {
            "data": f"Rahman et al., oral histopathology, 100x and 400x, {licences}; split by blocks of the running "
                    "number, patients unknown",
            "organs": ["oral mucosa"], "tiles": found["tiles"], "blocks": found["blocks"], "mpp": [0.8, 5],
            "balancedAccuracy": main, "baseline": simple,
            "baselineMethod": "mean and standard deviation of RGB and HSV, logistic regression, same tiles",
        },
        "licence": "Apache-2.0", "experimental": bool(experimental),
        "notes": [
            "Not a medical device. Resemblance of tiles is no diagnosis, and states neither presence nor absence.",
            "The source gives no scale: about 1 and 4 µm per pixel are estimates from the size of nuclei.",
            "Photographs through a microscope, not scanned slides. Never tried on a slide.",
        ],
    }
    with open(os.path.join(folder, "card.json"), "w", encoding="utf-8") as file:
        json.dump(card, file, indent=2, ensure_ascii=False)
        file.write("\n")

    def row(name, figure):
        return f"| {name} | {figure['value']:.3f} | {figure['low']:.3f} to {figure['high']:.3f} |"
    sources = [row(f"{key}, {value['tiles']} tiles", value) for key, value in found.items()
               if isinstance(value, dict) and "tiles" in value]
    counts = ", ".join(f"{count} {labels[name]}" for name, count in sorted(Counter(train.label).items()))
    text = f"""# tile_classifier_oral 1.0.0

Tells tiles of oral mucosa (H&E) that resemble normal mucosa from tiles that resemble squamous cell carcinoma.
{"**Experimental: nothing may rest on it.** " if experimental else ""}Not a medical device; it states neither presence
nor absence of disease. `card.json` holds the same facts for programs.

## What it is
A fixed bank of filters (blobs, edges, bars) at four scales on the optical density of a tile, each channel standardised
by the tile's own mean and spread so that colour counts for nothing; statistics of their responses; one linear layer
that was learned (logistic regression, penalty {penalty}). `training/tiles/train.py --data DIR --seed {seed}` makes it
again; `training.log` is what it printed.

## Data
Oral histopathology photographs of Rahman et al. at 100x and 400x ({licences}; the licence was read by a program and a
person has to confirm it before a public release). Trained on {len(train)} tiles of {len(set(train.case))} blocks:
{counts}. Patients are not known: blocks are runs of ten of the source's running numbers. The source gives no µm per
pixel; about 1 (400x) and 4 (100x) are estimates from the size of nuclei.

## Measured
On {found["tiles"]} other tiles of {found["blocks"]} blocks, read once after every choice was made. Balanced accuracy with
a 95 % interval from {DRAWS} draws of whole blocks; chance is 0.5.

| | balanced accuracy | interval |
|---|---|---|
{row("this classifier", main)}
{row("colour statistics (baseline)", simple)}
{chr(10).join(sources)}

The rule that calls a classifier experimental was made stricter after these figures were seen: it now asks for each source
and for a known scale.

On held-out blocks of the training tiles, where the penalty was chosen: {tuned:.3f}; colour statistics {tuned_baseline:.3f}.
Tiles by truth (rows) and answer: {labels[names[0]]} {found["confusion"][0]}, {labels[names[1]]} {found["confusion"][1]}.

## Where it fails
- Never tried on a scanned slide, nor on any organ but oral mucosa; the tool refuses others.
- Its scale is an estimate; read at another scale its answers mean nothing.
- Keratin, folds, blur and inflammation are in neither class by themselves.
"""
    with open(os.path.join(folder, "CARD.md"), "w", encoding="utf-8") as file:
        file.write(text)
