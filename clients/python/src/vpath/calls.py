"""How the blocking client carries out a request: over a few connections, within limits of time and tries.

What must stay true: it may be used from several threads; a request is sent again only when that is safe; every wait
has a limit.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Generator, Iterator
from typing import Any, Optional, TypeVar

from . import places
from .connection import Connection
from .errors import Busy, TimedOut, Unreachable, VPathError
from .messages import MAX_LINE_BYTES
from .pieces import Path
from .requests import Request
from .waiting import Deadline, Patience

R = TypeVar("R")


class Caller:
    """Carries out requests of one daemon."""

    def __init__(
        self,
        socket: Optional[Path] = None,
        *,
        timeout: Optional[float] = None,
        connect_timeout: float = 5.0,
        retries: int = 3,
        reconnect_seconds: float = 30.0,
        connections: int = 8,
        max_line_bytes: int = MAX_LINE_BYTES,
    ) -> None:
        self.socket = os.fspath(socket) if socket is not None else places.default_socket()
        self.timeout = timeout
        self.connect_timeout = connect_timeout
        self.retries = retries
        self.reconnect_seconds = reconnect_seconds
        self.max_line_bytes = max_line_bytes
        self._idle: list[Connection] = []
        self._free = connections
        self._changed = threading.Condition()
        self._closed = False

    def close(self) -> None:
        """Ends the connections; turns that run go on."""
        with self._changed:
            self._closed = True
            idle, self._idle = self._idle, []
            self._changed.notify_all()
        for connection in idle:
            connection.close()

    def run(self, request: Request[R], timeout: Optional[float] = None) -> R:
        """Carries out a request, within its limits of time and tries."""
        deadline = Deadline(timeout or self.timeout or request.seconds, request.method)
        patience = Patience(deadline, tries=self.retries)
        while True:
            problem: VPathError
            is_sent = False
            try:
                with self._connection(deadline) as connection:
                    is_sent = True
                    result = connection.request(request, deadline)
                return request.read(result)
            except Unreachable as found:
                if is_sent and not request.repeatable:
                    raise
                problem = found
            except Busy as found:
                problem = found
            time.sleep(patience.pause(problem))

    def _drive(self, steps: Generator[Request[Any], Any, R], timeout: Optional[float]) -> R:
        try:
            request = next(steps)
            while True:
                request = steps.send(self.run(request, timeout))
        except StopIteration as end:
            result: R = end.value
            return result

    @contextlib.contextmanager
    def _connection(self, deadline: Deadline) -> Iterator[Connection]:
        """An idle connection or a new one; given back when nothing went wrong on it."""
        connection = self._taken(deadline)
        try:
            yield connection
        finally:
            with self._changed:
                self._free += 1
                is_kept = not connection.in_doubt and not self._closed
                if is_kept:
                    self._idle.append(connection)
                self._changed.notify()
            if not is_kept:
                connection.close()

    def _taken(self, deadline: Deadline) -> Connection:
        with self._changed:
            while not self._free and not self._closed:
                if not self._changed.wait(deadline.left()):
                    raise deadline.passed()
            if self._closed:
                raise Unreachable("server.unreachable", "This client is closed. Make another.", retryable=False)
            self._free -= 1
        try:
            while True:
                with self._changed:
                    connection = self._idle.pop() if self._idle else None
                if connection is None:
                    return self.connect(deadline)
                is_good = False
                try:
                    is_good = connection.check_idle()
                finally:
                    if not is_good:
                        connection.close()
                if is_good:
                    return connection
        except BaseException:
            with self._changed:
                self._free += 1
                self._changed.notify()
            raise

    def connect(self, deadline: Deadline) -> Connection:
        """A new connection, outside the pool."""
        try:
            return Connection(self.socket, deadline.sooner(self.connect_timeout), self.max_line_bytes)
        except TimedOut as problem:
            raise Unreachable("server.unreachable", str(problem.message)) from None
