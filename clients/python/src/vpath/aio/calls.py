"""How the asyncio client carries out a request: over a few connections, within limits of time and tries.

What must stay true: a request is sent again only when that is safe; every wait has a limit; a task that is cancelled
leaves no connection behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Generator
from typing import Any, Optional, TypeVar

from .. import places
from ..errors import Busy, TimedOut, Unreachable, VPathError
from ..messages import MAX_LINE_BYTES
from ..pieces import Path
from ..requests import Request
from ..waiting import Deadline, Patience
from .connection import AsyncConnection

R = TypeVar("R")


class AsyncCaller:
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
        self._idle: list[AsyncConnection] = []
        self._connections = connections
        self._free: Optional[asyncio.Semaphore] = None
        self._closed = False

    def close(self) -> None:
        """Ends the connections; turns that run go on."""
        self._closed = True
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    async def run(self, request: Request[R], timeout: Optional[float] = None) -> R:
        """Carries out a request, within its limits of time and tries."""
        deadline = Deadline(timeout or self.timeout or request.seconds, request.method)
        patience = Patience(deadline, tries=self.retries)
        while True:
            problem: VPathError
            is_sent = False
            try:
                async with self._connection(deadline) as connection:
                    is_sent = True
                    result = await connection.request(request, deadline)
                return request.read(result)
            except Unreachable as found:
                if is_sent and not request.repeatable:
                    raise
                problem = found
            except Busy as found:
                problem = found
            await asyncio.sleep(patience.pause(problem))

    async def _drive(self, steps: Generator[Request[Any], Any, R], timeout: Optional[float]) -> R:
        try:
            request = next(steps)
            while True:
                request = steps.send(await self.run(request, timeout))
        except StopIteration as end:
            result: R = end.value
            return result

    @contextlib.asynccontextmanager
    async def _connection(self, deadline: Deadline) -> AsyncIterator[AsyncConnection]:
        """An idle connection or a new one; kept when nothing went wrong on it."""
        if self._free is None:
            self._free = asyncio.Semaphore(self._connections)
        free = self._free
        try:
            await asyncio.wait_for(free.acquire(), deadline.left())
        except asyncio.TimeoutError:
            raise deadline.passed() from None
        try:
            connection = await self._taken(deadline)
            try:
                yield connection
            finally:
                if connection.in_doubt or self._closed:
                    connection.close()
                else:
                    self._idle.append(connection)
        finally:
            free.release()

    async def _taken(self, deadline: Deadline) -> AsyncConnection:
        if self._closed:
            raise Unreachable("server.unreachable", "This client is closed. Make another.", retryable=False)
        while self._idle:
            connection = self._idle.pop()
            is_good = False
            try:
                is_good = connection.check_idle()
            finally:
                if not is_good:
                    connection.close()
            if is_good:
                return connection
        return await self.connect(deadline)

    async def connect(self, deadline: Deadline) -> AsyncConnection:
        """A new connection, outside the pool."""
        try:
            return await AsyncConnection.connect(
                self.socket, deadline.sooner(self.connect_timeout), self.max_line_bytes
            )
        except TimedOut as problem:
            raise Unreachable("server.unreachable", str(problem.message)) from None
