"""The tile classifier against OpenVINO's Python runtime, on the same tiles in turn; and with reading from the slide.

What must stay true: both sides find the same probabilities, or nothing is shown.
"""

import statistics

from harness.programs import RELEASE, ROOT, Failure, lines
from harness.python_peers import interpreter

PRODUCTS = ["vpath-bench"]
ROUNDS, TILES = 3, 96
PEER_AIM, READING_AIM = 1.05, 0.9


def skip(bench):
    return None if "openvino" in bench.assets else "OpenVINO is not pinned for this processor"


def measure(bench, table):
    python = interpreter()
    folder = ROOT / "models/tile_classifier_oral"
    tiles = bench.scratch / "tiles.rgb"
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours += lines(
            RELEASE / "vpath-bench", "classify", bench.assets["openvino"], bench.assets["openslide"], folder,
            bench.assets["demo-slide"], TILES, ROUNDS, tiles)
        theirs += lines(python, ROOT / "bench/tile_classifier/peer.py", folder, tiles, ROUNDS)
    checks = [row["check"] for row in ours + theirs]
    if max(checks) - min(checks) > 1e-3 * TILES:
        raise Failure("the two sides did not find the same probabilities")
    here = statistics.median(row["millisecondsPerTile"] for row in ours)
    reading = statistics.median(row["withReadingMillisecondsPerTile"] for row in ours)
    peer = statistics.median(row["millisecondsPerTile"] for row in theirs)
    table.add(
        "tile classified", here, "ms", peer, "OpenVINO's Python runtime", f"at most {PEER_AIM} of the peer",
        here <= PEER_AIM * peer)
    table.add(
        "tile classified, reading included", reading, "ms", here, "the same without reading",
        f"at least {READING_AIM:.0%} of the rate without", here >= READING_AIM * reading)
