#!/usr/bin/env python3
# Accuracy and speed of the counter beside the scikit-image recipe, on the same images in the same run.
#
#   bench/cell_counter/bench.py --data DIR --driver .build/release/vpath-bench [--set monuseg30] [--json FILE]
#
# Needs numpy, scipy, scikit-image and Pillow. Times cover counting alone (from pixels in memory to centres): the
# least processor time of --repeat runs for either side, image by image in turn. What must stay true: `--set validation` is what settings may
# be chosen on; the others are only ever evaluated.

import argparse
import json
import os
import tempfile
import time

import numpy as np

import nuclei
import peer

SETS = {
    "validation": ("train/tnbc", lambda row: row["split"] == "val"),
    "monuseg30": ("eval/monuseg30", lambda row: True),
    "crchisto": ("eval/crchisto_points", lambda row: True),
}


def organs(items, rows):
    by_organ = {}
    for item, row in zip(items, rows):
        by_organ.setdefault(item["organ"], []).append(row)
    return {organ: nuclei.score(rows) for organ, rows in sorted(by_organ.items())}


def show(name, items, rows, seconds, megapixels):
    total = nuclei.score(rows)
    by_organ = organs(items, rows)
    macro = float(np.mean([figures["f1"] for figures in by_organ.values()]))
    print(f"{name:13s} F1 {total['f1']:.3f}  macro by organ {macro:.3f}  precision {total['precision']:.3f}  "
          f"recall {total['recall']:.3f}  count MAPE {total['mape']:.1f} %  counted/true {total['ratio']:.2f}  "
          f"{1000 * seconds / megapixels:.0f} ms of processor time a megapixel")
    for organ, figures in by_organ.items():
        print(f"  {organ:11s} F1 {figures['f1']:.3f}  precision {figures['precision']:.3f}  recall {figures['recall']:.3f}"
              f"  ({figures['images']} images)")
    return dict(total, f1MacroByOrgan=macro, seconds=seconds, byOrgan=by_organ)


def main():
    parser = argparse.ArgumentParser(description="The nucleus counter beside the scikit-image recipe.")
    parser.add_argument("--data", required=True, help="directory that holds nuclei/")
    parser.add_argument("--driver", required=True, help="the vpath-bench program, built for release")
    parser.add_argument("--set", choices=SETS, default="validation")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", help="write all figures and each image's counts to this file")
    options = parser.parse_args()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    folder, keep = SETS[options.set]
    items = nuclei.read_set(options.data, folder, keep)
    megapixels = sum(item["image"].shape[0] * item["image"].shape[1] for item in items) / 1e6
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as scratch:
        for item, argument in zip(items, nuclei.write_ppms(scratch, items)):
            ours += nuclei.count(options.driver, [argument], options.repeat)
            least = float("inf")
            for _ in range(options.repeat):
                start = time.process_time()
                found = peer.count(item["image"], item["mpp"])
                least = min(least, time.process_time() - start)
            theirs.append((found, least))
    result = dict(set=options.set, images=[])
    for name, counted in (("cell_counter", ours), ("scikit-image", theirs)):
        rows = [(nuclei.matched(found, item["centres"], item["mpp"]), len(found), len(item["centres"]))
                for item, (found, _) in zip(items, counted)]
        result[name] = show(name, items, rows, sum(seconds for _, seconds in counted), megapixels)
    ratio = result["scikit-image"]["seconds"] / result["cell_counter"]["seconds"]
    print(f"cell_counter is {ratio:.1f} times as fast on {len(items)} images ({megapixels:.1f} megapixels), "
          f"F1 {result['cell_counter']['f1'] - result['scikit-image']['f1']:+.3f}")
    for item, (found, _) in zip(items, ours):
        result["images"].append(dict(name=item["name"], organ=item["organ"], mpp=item["mpp"], human=len(item["centres"]),
                                     counted=len(found)))
    if options.json:
        with open(options.json, "w") as file:
            json.dump(result, file, indent=1)


if __name__ == "__main__":
    main()
