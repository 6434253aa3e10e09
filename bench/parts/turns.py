"""Start, memory, the first answer, and the daemon's own time a step.

A follow-up is answered from evidence that the case has: no tool runs, so all of its time is the daemon's own, with every
event durable before its effect is shown. In the first turn the time between a step's plan and its tool's result is the
tool's; the rest is the daemon's.
"""

import json
import os
import statistics
import time

from harness.programs import Failure
from harness.servers import Daemon, Echo

PRODUCTS = ["vpath-bench-rpc"]
QUESTION = "How many nuclei per mm² are there?"
TURNS = 100
STEP_AIM_MS = 5


def measure(bench, table):
    slide = bench.assets["demo-slide"]
    with Echo() as echo:
        echo_ready, (echo_resident, echo_own) = echo.ready_seconds, echo.memory_mib()
    with Daemon(os.path.dirname(slide)) as daemon:
        table.add(
            "vpathd: start until it answers", daemon.ready_seconds * 1e3, "ms", echo_ready * 1e3, "a bare NIO echo")
        time.sleep(1)
        resident, own = daemon.memory_mib()
        table.add("vpathd: resident memory, idle", resident, "MiB", echo_resident, "a bare NIO echo")
        table.add("  of it its own (anonymous)", own, "MiB", echo_own, "a bare NIO echo")
    # A daemon of its own for the first answer, so that nothing waits between start and question.
    with Daemon(os.path.dirname(slide)) as daemon:
        asked = time.monotonic()
        answer = json.loads(daemon.vpath("ask", slide, QUESTION, "--organ", "skin", "--stain", "H&E", "--json"))
        answered = time.monotonic()
        if answer["stop"] != "answered":
            raise Failure(f"the question was not answered: {answer['stop']}")
        tools, in_turn = tool_seconds(daemon, answer)
        table.add(
            "vpathd: start to first answer", (answered - daemon.started) * 1e3, "ms", tools * 1e3,
            "what its tools took, by the trace")
        table.add(
            "first answer, from asking", (answered - asked) * 1e3, "ms", tools * 1e3, "what its tools took, by the trace")
        steps = answer["usage"]["steps"]
        add_step(table, f"daemon's own time a step, first turn ({steps} steps)", (in_turn - tools) * 1e3 / steps)
        before = daemon.processor_seconds()
        turns = [follow_up(daemon, answer["case"]) for _ in range(TURNS - 1)]
        used = daemon.processor_seconds() - before
        times = [usage["seconds"] * 1e3 / usage["steps"] for usage in turns]
        add_step(table, f"daemon's own time a step, {TURNS - 1} follow-ups, median", statistics.median(times))
        add_step(table, f"daemon's own time a step, {TURNS - 1} follow-ups, longest", max(times))
        table.add(
            "daemon's processor time a step, follow-ups, mean", used * 1e3 / sum(usage["steps"] for usage in turns), "ms")
        resident, own = daemon.memory_mib()
        table.add(f"vpathd: resident memory after {TURNS} turns", resident, "MiB", echo_resident, "a bare NIO echo, idle")
        table.add("  of it its own (anonymous)", own, "MiB", echo_own, "a bare NIO echo, idle")


def add_step(table, figure, milliseconds):
    table.add(figure, milliseconds, "ms", aim=f"below {STEP_AIM_MS} ms", is_met=milliseconds < STEP_AIM_MS)


def follow_up(daemon, case):
    """The usage of one more turn on the case."""
    answer = json.loads(daemon.vpath("ask", "--case", case, QUESTION, "--json"))
    usage = answer["usage"]
    if answer["stop"] != "answered" or usage["toolCalls"] != usage["reusedCalls"]:
        raise Failure(
            f"a follow-up was not answered from evidence: {answer['stop']}, {usage['toolCalls']} tool calls, "
            f"{usage['reusedCalls']} of them reused")
    return usage


def tool_seconds(daemon, answer):
    """Seconds that a turn's tools took, and the turn's own length, by its events."""
    tools = planned = length = 0.0
    for line in daemon.vpath("trace", "get", answer["case"], "--turn", answer["turn"], "--json").splitlines():
        event = json.loads(line)
        payload = event["payload"]
        if event["kind"] == "model.responded":
            planned = payload["elapsedSeconds"]
        elif event["kind"] in ("tool.returned", "tool.failed"):
            tools += payload["elapsedSeconds"] - planned
        elif event["kind"] == "turn.completed":
            length = payload["usage"]["seconds"]
    return tools, length
