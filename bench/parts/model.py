"""The hosted model: start, the demo question, its share of a step, a cancel, memory, and threads against analyzers.

What must stay true: every figure of a turn comes from the turn's own record; the bare server is started with the words
that the daemon gives its own.
"""

import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import threading
import time

from harness.http import get
from harness.programs import ROOT, Failure, run
from harness.servers import Daemon

PRODUCTS = []
NAME = "smollm2-135m-instruct"
QUESTION = "Where is this tissue most cellular, how many nuclei per mm² are there, and is any part of it tumour?"
# Words that rules do not know, so that a free model writes whole steps of its own.
FREE_QUESTION = "Tell me in which order you would look at the parts of this slide."
START_SECONDS = 60
WALL_AIM_SECONDS, CACHE_AIM, STEP_AIM_MS, CANCEL_AIM_MS = 30, 0.9, 5, 1000
ROUNDS = 3


def skip(bench):
    return None if NAME in bench.assets else "the language model is not pinned for this processor"


def measure(bench, table):
    slide = bench.assets["demo-slide"]
    server = run(ROOT / "packaging/build-llama-server", "--print").strip()
    bare = statistics.median(bare_start(server, bench.assets[NAME]) for _ in range(ROUNDS))
    starts, turns = [], []
    for index in range(ROUNDS):
        with Daemon(os.path.dirname(slide), model=NAME) as daemon:
            starts.append(wait_until_ready(daemon))
            asked = time.monotonic()
            answer = ask(daemon, slide, QUESTION)
            turns.append(Turn(daemon, answer, time.monotonic() - asked))
            if index == ROUNDS - 1:
                memory(table, daemon)
    table.add(
        "model: daemon's start until it is ready", statistics.median(starts) * 1e3, "ms", bare * 1e3,
        "the bare server, until healthy")
    middle = sorted(turns, key=lambda turn: turn.wall)[ROUNDS // 2]
    table.add(
        f"demo question, planned {middle.planning}", middle.wall, "s", aim=f"below {WALL_AIM_SECONDS} s",
        is_met=middle.wall < WALL_AIM_SECONDS)
    table.add("  of it the model server", middle.model, "s", middle.wall, "the whole turn")
    table.add("    of that computing, as it says", middle.computed, "s", middle.model, "its replies, whole")
    table.add("  of it the tools", middle.tools, "s", middle.wall, "the whole turn")
    own = statistics.median((turn.length - turn.model - turn.tools) * 1e3 / turn.steps for turn in turns)
    table.add(
        "daemon's own time a step, beside the model's", own, "ms", middle.model * 1e3 / middle.steps, "the model's a step",
        f"below {STEP_AIM_MS} ms", own < STEP_AIM_MS)
    table.add("  tokens of prompts", middle.prompt, "tokens")
    table.add("  tokens written", middle.written, "tokens")
    free(table, slide)
    threads(table, slide)


class Turn:
    """What a turn took, by its own record."""

    def __init__(self, daemon, answer, wall):
        self.wall = wall
        usage = answer["usage"]
        self.steps, self.planning, self.length = usage["steps"], usage.get("planning", "rules"), usage["seconds"]
        self.exchanges, self.tools = [], 0.0
        planned = 0.0
        for line in daemon.vpath("trace", "get", answer["case"], "--turn", answer["turn"], "--json").splitlines():
            event = json.loads(line)
            payload = event["payload"]
            if event["kind"] == "model.responded":
                planned = payload["elapsedSeconds"]
                self.exchanges += payload["reply"].get("exchanges", [])
            elif event["kind"] in ("tool.returned", "tool.failed"):
                self.tools += payload["elapsedSeconds"] - planned
        # From each request to the end of its reply; what the server says it computed is less, by its own work around
        # the model: template, grammar, HTTP.
        self.model = sum(each.get("elapsedSeconds") or 0 for each in self.exchanges)
        self.computed = sum(
            (each.get("promptSeconds") or 0) + (each.get("generationSeconds") or 0) for each in self.exchanges)
        self.prompt = sum(each["promptTokens"] for each in self.exchanges)
        self.written = sum(each["completionTokens"] for each in self.exchanges)

    def rate(self):
        """Tokens written a second."""
        seconds = sum(each.get("generationSeconds") or 0 for each in self.exchanges)
        return self.written / seconds if seconds else 0

    def cache_share(self):
        """Share of the prompts' tokens after the first request that came from the server's cache."""
        later = self.exchanges[1:]
        tokens = sum(each["promptTokens"] for each in later)
        return sum(each["cachedTokens"] for each in later) / tokens if tokens else None


def ask(daemon, slide, question, *more):
    where = ["--case", slide] if slide.startswith("case-") else [slide, "--organ", "skin", "--stain", "H&E"]
    return json.loads(daemon.vpath("ask", *where, question, "--json", *more))


def wait_until_ready(daemon):
    """Seconds from the daemon's start until its model is ready."""
    while True:
        status = json.loads(daemon.vpath("model", "status", "--json"))
        if status["state"] == "ready":
            return time.monotonic() - daemon.started
        if status["state"] not in ("not_started", "starting") or time.monotonic() - daemon.started > START_SECONDS:
            raise Failure(f"the model is {status['state']}: {status.get('problem', 'not ready in time')}")
        time.sleep(0.005)


def bare_start(server, weights):
    """Seconds until a server that nothing hosts is healthy."""
    with tempfile.TemporaryDirectory(prefix="vpath-bench-") as folder:
        path = folder + "/s.sock"
        begun = time.monotonic()
        process = subprocess.Popen(
            [server, "-m", weights, "--host", path, "--offline", "--no-ui", "-c", "8192", "-t", "1", "-b", "64", "-ub",
             "64", "-np", "1", "--jinja", "--cache-ram", "0"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while get(path, "/health") != 200:
                if process.poll() is not None or time.monotonic() - begun > START_SECONDS:
                    raise Failure("the bare model server did not start")
                time.sleep(0.005)
            return time.monotonic() - begun
        finally:
            process.terminate()
            process.wait(10)


def memory(table, daemon):
    """The proportional memory of the daemon and everything it started."""
    shares = daemon.memory_of_all_mib()
    table.add("memory after the question, of all processes", sum(shares.values()), "MiB")
    for name, share in sorted(shares.items()):
        table.add(f"  of it {name}", share, "MiB")


def free(table, slide):
    """A model that plans freely writes whole steps: the cache, and what a cancel takes."""
    with Daemon(os.path.dirname(slide), model=NAME, VPATH_MODEL_PLANNING="free") as daemon:
        wait_until_ready(daemon)
        answer = ask(daemon, slide, FREE_QUESTION)
        turn = Turn(daemon, answer, 0)
        share = turn.cache_share()
        if share is not None:
            table.add(
                "prompt tokens from the cache, after a turn's first request", share * 100, "%",
                aim=f"at least {CACHE_AIM:.0%}", is_met=share >= CACHE_AIM)
        process = daemon.children("llama-server")[0]
        took = []
        for _ in range(ROUNDS):
            asking = subprocess.Popen(
                daemon.vpath_command("ask", "--case", answer["case"], FREE_QUESTION, "--json"),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            before = ticks(process)
            while ticks(process) < before + 10:
                if asking.poll() is not None:
                    raise Failure("the turn ended before it could be cancelled")
                time.sleep(0.005)
            # Ctrl-C interrupts the turn.
            asking.send_signal(2)
            begun = last = time.monotonic()
            known = ticks(process)
            while time.monotonic() - last < 0.25:
                if ticks(process) != known:
                    known, last = ticks(process), time.monotonic()
                time.sleep(0.005)
            took.append(last - begun)
            asking.wait(60)
        table.add(
            "from a cancel until the model's processor is free, longest", max(took) * 1e3, "ms",
            aim=f"below {CANCEL_AIM_MS:,} ms", is_met=max(took) * 1e3 < CANCEL_AIM_MS)


def ticks(process):
    """Processor time of a process, in ticks."""
    fields = pathlib.Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def threads(table, slide):
    """Tokens a second, alone and while nuclei are counted on as many cases as there are cores; with one thread, as it
    ships, and with as many as cores."""
    cores = os.cpu_count() or 1
    for count in sorted({1, cores}):
        with Daemon(
            os.path.dirname(slide), model=NAME, VPATH_MODEL_PLANNING="free", VPATH_MODEL_THREADS=str(count)) as daemon:
            wait_until_ready(daemon)
            case = ask(daemon, slide, "How large is the tissue?")["case"]
            alone = Turn(daemon, ask(daemon, case, FREE_QUESTION), 0).rate()
            with Counting(daemon, slide, cores) as counting:
                beside = Turn(daemon, ask(daemon, case, FREE_QUESTION), 0).rate()
            name = f"tokens written a second, {count} thread{'s' if count > 1 else ''}"
            table.add(f"{name}, beside {cores} counters", beside, "/s", alone, "the same, alone")
            table.add("  counts a second meanwhile", counting.rate(), "/s")


class Counting:
    """Counts nuclei on so many cases at once, on new ones over and over."""

    def __init__(self, daemon, slide, count):
        self.daemon, self.slide, self.count = daemon, slide, count
        self.stopped, self.done, self.failed = threading.Event(), [], []

    def work(self):
        try:
            while not self.stopped.is_set():
                case = self.daemon.call("case/open", {"slides": [self.slide], "organ": "skin", "stain": "H&E"})["case"]
                self.daemon.call("tools/call", {"case": case, "name": "cell_counter", "arguments": {"slide": "s1"}})
                self.daemon.call("case/close", {"case": case})
                self.done.append(time.monotonic())
        except (Failure, OSError, ValueError) as error:
            self.failed.append(error)

    def __enter__(self):
        self.begun = time.monotonic()
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(self.count)]
        for thread in self.threads:
            thread.start()
        time.sleep(1)
        return self

    def rate(self):
        if self.failed:
            raise Failure(f"a counter failed: {self.failed[0]}")
        return sum(moment <= self.ended for moment in self.done) / (self.ended - self.begun)

    def __exit__(self, *_):
        self.ended = time.monotonic()
        self.stopped.set()
        for thread in self.threads:
            thread.join(120)
