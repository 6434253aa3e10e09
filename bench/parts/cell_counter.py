"""The nucleus counter against the scikit-image recipe on the same images: speed, F1 and the error of the count.

What must stay true: the evaluation images are opened only when it was asked for by name.
"""

import json
import sys

from harness.programs import RELEASE, ROOT, Failure, run
from harness.python_peers import interpreter

PRODUCTS = ["vpath-bench"]
SPEED_AIM = 5


def skip(bench):
    return None if bench.data else "it needs labelled images: DATA=DIR with nuclei/ (bench/cell_counter/README.md)"


def measure(bench, table):
    if not (bench.data / "nuclei").is_dir():
        raise Failure("--data DIR has no folder nuclei/; bench/cell_counter/README.md says what it holds")
    python = interpreter()
    sets = ["validation"]
    if bench.evaluation:
        print("  opening the evaluation images (monuseg30): once per release, and log it", file=sys.stderr)
        sets.append("monuseg30")
    for name in sets:
        figures = bench.scratch / f"{name}.json"
        run(
            python, ROOT / "bench/cell_counter/bench.py", "--data", bench.data, "--driver", RELEASE / "vpath-bench",
            "--set", name, "--json", figures, timeout=3600)
        found = json.loads(figures.read_text(encoding="utf-8"))
        add(table, name, found["cell_counter"], found["scikit-image"])


def add(table, name, ours, theirs):
    peer_is = "scikit-image: rgb2hed, Otsu, watershed"
    images = ours["images"]
    table.add(
        f"cell_counter: processor time, {images} {name} images", ours["seconds"] * 1e3 / images, "ms/image",
        theirs["seconds"] * 1e3 / images, peer_is, aim=f"at most 1/{SPEED_AIM} of the peer's",
        is_met=theirs["seconds"] >= SPEED_AIM * ours["seconds"])
    table.add(
        f"cell_counter: F1 of centres within 3 µm, {name}", ours["f1"], "", theirs["f1"], peer_is,
        aim="no lower than the peer's", is_met=ours["f1"] >= theirs["f1"])
    table.add(f"cell_counter: mean error of the count (MAPE), {name}", ours["mape"], "%", theirs["mape"], peer_is)
