"""Reading regions of the demo slide against OpenSlide called from C: the same regions in the same order, in turn."""

import statistics

from harness.programs import RELEASE, Failure, compile_c, lines

PRODUCTS = ["vpath-bench"]
ROUNDS = 3
SIZE, PASSES = 256, 5


def measure(bench, table):
    plain = compile_c("region_read/openslide_read.c", bench.scratch / "openslide_read", "-ldl")
    for how, words in (("fresh", "decoded"), ("cached", "from OpenSlide's cache")):
        arguments = [bench.assets["openslide"], bench.assets["demo-slide"], SIZE, PASSES, how]
        ours, theirs = [], []
        for _ in range(ROUNDS):
            theirs += lines(plain, *arguments)
            ours += lines(RELEASE / "vpath-bench", "read", *arguments)
        if len({row["check"] for row in ours + theirs}) != 1:
            raise Failure("the two sides did not read the same pixels")
        peer = statistics.median(row["millisecondsPerRegion"] for row in theirs)
        for key, what in (
                ("millisecondsPerRegion", "read"),
                ("digestedMillisecondsPerRegion", "read, resampled and hashed")):
            table.add(
                f"region of {SIZE} px {words}: {what}", statistics.median(row[key] for row in ours), "ms", peer,
                "OpenSlide from C, read alone")
