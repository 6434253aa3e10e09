"""Durable events, verification and lists of the trace; appends against plain SQLite in C with the same grouping."""

import json
import shutil
import statistics
import subprocess
import sys
import time

from harness.programs import RELEASE, ROOT, Failure, compile_c, lines

PRODUCTS = ["vpath-bench-trace"]
ROUNDS = 3
WRITERS, SECONDS, PAYLOAD_BYTES, WAL_PAGES = 200, 4, 400, 4000
TURNS = 100_000
LIST_AIM_MS = 200


def measure(bench, table):
    program = RELEASE / "vpath-bench-trace"
    plain = compile_c("trace/sqlite_grouped.c", bench.scratch / "sqlite_grouped", "-lsqlite3", "-lpthread")
    load = [WRITERS, SECONDS, PAYLOAD_BYTES, WAL_PAGES]
    ours, theirs = [], []
    for number in range(ROUNDS):
        theirs += lines(plain, bench.scratch / f"plain-{number}.db", *load)
        ours += lines(program, "append", bench.scratch / f"trace-{number}", *load)
    peer_is = "plain SQLite in C, the same columns and grouping"
    for key, name, unit in (
            ("eventsPerSecond", f"durable events a second, {WRITERS} writers", "/s"),
            ("p99Milliseconds", f"append p99, {WRITERS} writers", "ms"),
            ("p50Milliseconds", f"append p50, {WRITERS} writers", "ms")):
        here, peer = (statistics.median(row[key] for row in rows) for rows in (ours, theirs))
        table.add(name, here, unit, peer, peer_is)
    verify(bench, table, program)
    listing = bench.scratch / "list"
    for row in lines(program, "list", listing, TURNS):
        if row["measure"] == "list" and row["page"] in (100, 1000):
            took = row["longestPageMilliseconds"]
            table.add(
                f"list of {TURNS:,} turns: its slowest page of {row['page']:,.0f}", took, "ms",
                aim=f"below {LIST_AIM_MS} ms", is_met=took < LIST_AIM_MS)


def verify(bench, table, program):
    """The last trace, by the daemon's verifier and by the independent one."""
    folder = bench.scratch / f"trace-{ROUNDS - 1}"
    row, = lines(program, "verify", folder)
    if not row["isOK"]:
        raise Failure("the trace that was just written does not verify")
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, ROOT / "tools/verify-trace/verify.py", folder, "--json"], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=900, check=False)
    if done.returncode != 0:
        raise Failure(f"the independent verifier ended with status {done.returncode}: {done.stderr.strip()[-300:]}")
    took = time.monotonic() - began
    if json.loads(done.stdout).get("events") != row["events"]:
        raise Failure("the two verifiers did not read the same events")
    table.add(
        f"verified events a second, of {row['events']:,}", row["eventsPerSecond"], "/s", row["events"] / took,
        "tools/verify-trace in Python")
    for number in range(ROUNDS):
        shutil.rmtree(bench.scratch / f"trace-{number}", ignore_errors=True)
