"""Servers on a Unix socket: vpathd, and the bare NIO echo that is its peer. Both are started, asked and ended alike.

What must stay true: a server is ended and its folder removed, whatever happens; ready means that it has answered a line.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from harness.programs import RELEASE, Failure, run

LINE = b'{"id":1,"jsonrpc":"2.0","method":"server/health","params":{}}\n'
START_SECONDS = 30


class Server:
    """A program that answers lines on a socket."""

    def __init__(self, name):
        self.name = name
        # A socket's path is short by rule, so it does not lie in the cache.
        self.folder = tempfile.mkdtemp(prefix="vpath-bench-")
        self.socket = self.folder + "/s.sock"
        self.process = None
        self.environment = {}

    def command(self):
        raise NotImplementedError

    def __enter__(self):
        self.started = time.monotonic()
        try:
            self.process = subprocess.Popen(
                [str(word) for word in self.command()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                env={**os.environ, **self.environment})
            while not self.answers():
                if self.process.poll() is not None:
                    raise Failure(f"{self.name} ended at its start, with status {self.process.returncode}")
                if time.monotonic() - self.started > START_SECONDS:
                    raise Failure(f"{self.name} gave no answer within {START_SECONDS} s")
                time.sleep(0.001)
        except BaseException:
            self.__exit__()
            raise
        self.ready_seconds = time.monotonic() - self.started
        return self

    def answers(self):
        """Whether a line is answered by a line."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(5)
            try:
                link.connect(self.socket)
                link.sendall(LINE)
                return link.recv(65536).endswith(b"\n")
            except OSError:
                return False

    def memory_mib(self):
        """Resident memory, and the part of it that is its own (anonymous)."""
        found = {}
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            for line in file:
                key, _, value = line.partition(":")
                if key in ("VmRSS", "RssAnon"):
                    found[key] = int(value.split()[0]) / 1024
        return found["VmRSS"], found["RssAnon"]

    def processor_seconds(self):
        """Processor time used so far by all of its threads."""
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Daemon(Server):
    """vpathd with a state of its own; `slides` is the folder it may read from. Rules plan where no model is named."""

    def __init__(self, slides, model="rules", **environment):
        super().__init__("vpathd")
        self.slides = slides
        self.environment = {"VPATH_MODEL_USE": model, **environment}

    def command(self):
        return [
            RELEASE / "vpathd", "--socket", self.socket, "--state", self.folder + "/state", "--slides", self.slides,
            "--log-level", "error"]

    def vpath_command(self, *command):
        """The words of a call of the command line client."""
        return [str(word) for word in (RELEASE / "vpath", *command, "--socket", self.socket)]

    def vpath(self, *command):
        """The output of the command line client."""
        return run(*self.vpath_command(*command), timeout=300)

    def call(self, method, params):
        """The result of a method, asked on a connection of its own."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(300)
            link.connect(self.socket)
            link.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n")
            with link.makefile("rb") as lines:
                for line in lines:
                    answer = json.loads(line)
                    if "result" in answer:
                        return answer["result"]
                    if "error" in answer:
                        raise Failure(f"{method} gave {answer['error']['message']}")
        raise Failure(f"vpathd hung up on {method}")

    def family(self):
        """The process ids and names of the daemon and everything below it."""
        parents, names = {}, {}
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8") as file:
                    head, _, tail = file.read().rpartition(")")
            except OSError:
                continue
            names[int(entry)], parents[int(entry)] = head.partition("(")[2], int(tail.split()[1])
        found, queue = {}, [self.process.pid]
        while queue:
            process = queue.pop()
            found[process] = names.get(process, "")
            queue += [child for child, parent in parents.items() if parent == process]
        return found

    def children(self, name):
        """The process ids of that name below the daemon."""
        if found := [process for process, known in self.family().items() if known == name[:15]]:
            return found
        raise Failure(f"vpathd runs no {name}")

    def memory_of_all_mib(self):
        """Proportional memory of the daemon and everything below it, by name."""
        shares = {}
        for process, name in self.family().items():
            try:
                with open(f"/proc/{process}/smaps_rollup", encoding="ascii") as file:
                    pss = next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
            except (OSError, StopIteration):
                continue
            shares[name] = shares.get(name, 0) + pss / 1024
        return shares


class Echo(Server):
    """The bare NIO echo."""

    def __init__(self):
        super().__init__("the NIO echo")

    def command(self):
        return [RELEASE / "vpath-bench-rpc", "echo", "--socket", self.socket]
