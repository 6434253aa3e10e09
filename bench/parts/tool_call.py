"""One tool call through the host, sandbox and checks included, against the same tool called directly, in turn."""

import os

from harness.programs import RELEASE, ROOT, lines

PRODUCTS = ["vpath-bench-call"]
CANCEL_AIM_MS = 1000


def measure(bench, table):
    work = bench.scratch / "call"
    work.mkdir()
    rows = lines(
        RELEASE / "vpath-bench-call", "--programs", RELEASE.resolve(), "--resources", ROOT, "--openslide",
        os.path.realpath(bench.assets["openslide"]), "--slide", os.path.realpath(bench.assets["demo-slide"]), "--plug-ins",
        ROOT / "bench/tool_call", "--scratch", work.resolve())
    for row in rows:
        if not row["peer"]:
            took = row["here"]["longestMilliseconds"]
            table.add(
                f"{row['measure']}, longest", took, "ms", aim=f"below {CANCEL_AIM_MS:,} ms", is_met=took < CANCEL_AIM_MS)
            continue
        for key in ("p50Milliseconds", "p95Milliseconds"):
            table.add(
                f"{row['measure']}, {key[:3]}", row["here"][key], "ms", row["peer"][key], "the tool called directly")
