"""What the tests share: the real daemon on a state directory of its own, a scripted fake one, and a proxy that cuts.

What must stay true: everything started here ends with its test; nothing outside a temporary folder is written.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Optional

from vpath import Client, Unreachable

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
PROGRAMS = ("vpathd", "vpath", "vpath-tools", "vpath-launch")
#: A wait that takes longer has failed.
PATIENCE = 60.0


def programs() -> str:
    """The folder of the built programs: VPATH_PROGRAMS, else .build/debug, else .build/release."""
    named = os.environ.get("VPATH_PROGRAMS")
    for folder in [named] if named else [os.path.join(ROOT, ".build", kind) for kind in ("debug", "release")]:
        if folder and all(os.access(os.path.join(folder, name), os.X_OK) for name in PROGRAMS):
            return folder
    raise RuntimeError("the programs are not built: `make build`, or set VPATH_PROGRAMS to their folder")


def demo_slide() -> str:
    """The demo slide, where set-up put it."""
    named = os.environ.get("VPATH_DEMO_SLIDE")
    if not named:
        raise RuntimeError("VPATH_DEMO_SLIDE is not set; packaging/run-client-tests sets it")
    return named


def short_folder() -> str:
    """A new folder with a path short enough for a socket in it."""
    return tempfile.mkdtemp(prefix="vp-", dir="/tmp")


class Daemon:
    """The real vpathd."""

    def __init__(self, slides: Optional[str] = None) -> None:
        self.folder = short_folder()
        self.socket = os.path.join(self.folder, "d.sock")
        self.slides = slides or os.path.dirname(demo_slide())
        self._process: Optional[subprocess.Popen[bytes]] = None
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    @property
    def log(self) -> str:
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def start(self) -> None:
        """Starts it and waits until it answers."""
        with open(os.path.join(self.folder, "log"), "ab") as log:
            state = os.path.join(self.folder, "state")
            program = os.path.join(programs(), "vpathd")
            self._process = subprocess.Popen(
                [program, "--socket", self.socket, "--state", state, "--slides", self.slides],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                # Rules alone plan, so that the same question has the same answer.
                env={**os.environ, "VPATH_MODEL_USE": "rules"},
            )
        end = time.monotonic() + PATIENCE
        with Client(self.socket, retries=0) as client:
            while True:
                try:
                    client.health(timeout=PATIENCE)
                    return
                except Unreachable:
                    if self._process.poll() is not None or time.monotonic() > end:
                        raise RuntimeError(f"vpathd does not answer; its log: {self.log}") from None
                    time.sleep(0.02)

    def kill(self) -> None:
        """Ends it at once, as a power cut does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(PATIENCE)

    def stop(self) -> None:
        """Ends it in order and takes its folder away."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Peer:
    """One client of the fake daemon, as its script sees it."""

    def __init__(self, end: socket.socket) -> None:
        end.settimeout(PATIENCE)
        self.socket = end
        self._file = end.makefile("rb")

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *problem: object) -> None:
        self._file.close()

    def read(self) -> Any:
        """The next message; None at the end."""
        line = self._file.readline()
        return json.loads(line) if line else None

    def send(self, *messages: Any) -> None:
        """Sends messages, or bytes as they are, all at once."""
        parts = [part if isinstance(part, bytes) else json.dumps(part).encode() + b"\n" for part in messages]
        self.socket.sendall(b"".join(parts))

    def answer(self, result: Any) -> Any:
        """Reads a request and answers it; gives the request."""
        request = self.read()
        self.send(reply(request, result))
        return request

    def wait_for_end(self) -> None:
        """Reads until the client has gone."""
        while self.read() is not None:
            pass


def reply(request: Any, result: Any) -> Any:
    """The answer to a request."""
    return {"jsonrpc": "2.0", "id": request["id"], "result": result}


def note(method: str, turn: str = "turn-1", **params: Any) -> Any:
    """A notification of a turn."""
    return {"jsonrpc": "2.0", "method": method, "params": {"turn": turn, "case": "case-1", "title": "t", **params}}


class FakeDaemon:
    """Serves connections, each by a script: the n-th by the n-th, later ones by the last."""

    def __init__(self, *scripts: Callable[[Peer], Any]) -> None:
        self._scripts = scripts
        self._folder = short_folder()
        self.path = os.path.join(self._folder, "f.sock")
        #: Connections taken.
        self.count = 0
        #: What scripts raised, the client's going apart.
        self.problems: list[BaseException] = []
        self._ends: list[socket.socket] = []
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listening.bind(self.path)
        self._listening.listen(16)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                end, _ = self._listening.accept()
            except OSError:
                return
            script = self._scripts[min(self.count, len(self._scripts) - 1)]
            self.count += 1
            self._ends.append(end)
            thread = threading.Thread(target=self._serve, args=(end, script), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, end: socket.socket, script: Callable[[Peer], Any]) -> None:
        with Peer(end) as peer:
            try:
                script(peer)
            except (BrokenPipeError, ConnectionResetError):
                pass
            except BaseException as problem:
                self.problems.append(problem)
        _shut(end)

    def __enter__(self) -> FakeDaemon:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], value: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        _shut(self._listening)
        self._threads[0].join(PATIENCE)
        for end in self._ends:
            _shut(end)
        for thread in self._threads:
            thread.join(PATIENCE)
        for end in [self._listening, *self._ends]:
            end.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        if self.problems and kind is None:
            raise self.problems[0]


def _shut(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


class CuttingProxy:
    """Passes connections on to a daemon; each followed connection is cut after so many lines from the daemon."""

    def __init__(self, target: str, lines: int) -> None:
        self._target = target
        self._lines = lines
        #: Connections that were cut.
        self.cuts = 0
        self._folder = short_folder()
        self.path = os.path.join(self._folder, "p.sock")
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listening.bind(self.path)
        self._listening.listen(16)
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def _serve(self) -> None:
        while True:
            try:
                end, _ = self._listening.accept()
            except OSError:
                return
            other = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            other.connect(self._target)
            for work in (self._up, self._down):
                thread = threading.Thread(target=work, args=(end, other), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _up(self, end: socket.socket, other: socket.socket) -> None:
        try:
            while data := end.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _down(self, end: socket.socket, other: socket.socket) -> None:
        passed = 0
        with end, other, other.makefile("rb") as file:
            try:
                for line in file:
                    end.sendall(line[: len(line) // 2] if passed == self._lines else line)
                    passed += 1
                    if passed > self._lines:
                        self.cuts += 1
                        end.shutdown(socket.SHUT_RDWR)
                        return
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self) -> None:
        """Takes no more connections."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        shutil.rmtree(self._folder, ignore_errors=True)
