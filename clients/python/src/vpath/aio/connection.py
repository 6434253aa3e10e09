"""One asyncio connection to the daemon: one request at a time.

What must stay true: every wait has a deadline; what is read ahead is bounded; a connection that anything went wrong on
is not used again (`in_doubt`).
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from typing import Any, Optional, cast

from .. import places
from ..connection import MAX_HELD
from ..errors import BadReply, TimedOut, VPathError
from ..messages import Failure, LineReader, Message, Notification, Response, cancel_line, parse, request_line
from ..requests import Request
from ..waiting import BACKLOG_PAUSE, Deadline

#: Lines read ahead before the daemon is made to wait.
MAX_LINES_AHEAD = 256


class _Lines(asyncio.Protocol):
    """Bytes of the socket as lines, read ahead within bounds."""

    def __init__(self, max_line_bytes: int) -> None:
        self._reader = LineReader(max_line_bytes)
        self._transport: Optional[asyncio.Transport] = None
        self._is_paused = False
        self._waiter: Optional[asyncio.Future[None]] = None
        self.lines: deque[bytes] = deque()
        self.ended: Optional[VPathError] = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self.ended is not None:
            return
        try:
            self.lines.extend(self._reader.feed(data))
        except BadReply as problem:
            self._end(problem)
            if self._transport is not None:
                self._transport.abort()
            return
        if len(self.lines) > MAX_LINES_AHEAD and not self._is_paused and self._transport is not None:
            self._transport.pause_reading()
            self._is_paused = True
        self._wake()

    def connection_lost(self, problem: Optional[Exception]) -> None:
        self._end(places.ended(self._reader.is_mid_line, problem if isinstance(problem, OSError) else None))

    def _end(self, problem: VPathError) -> None:
        self.ended = self.ended or problem
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def next(self, deadline: Deadline) -> bytes:
        """The next line. Raises what ended the connection."""
        while not self.lines:
            if self.ended is not None:
                raise self.ended
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await asyncio.wait_for(self._waiter, deadline.left())
            except asyncio.TimeoutError:
                raise deadline.passed() from None
            finally:
                self._waiter = None
        line = self.lines.popleft()
        if self._is_paused and not self.lines and self._transport is not None:
            self._transport.resume_reading()
            self._is_paused = False
        return line


class AsyncConnection:
    """A socket with its lines."""

    def __init__(self, transport: asyncio.Transport, lines: _Lines) -> None:
        self._transport = transport
        self._lines = lines
        self._last_id = 0
        #: Whether it must not be used for a further request.
        self.in_doubt = False

    @classmethod
    async def connect(cls, path: str, deadline: Deadline, max_line_bytes: int) -> AsyncConnection:
        """Connects; a full backlog (EAGAIN) is tried again until the deadline."""
        # Not by the event loop: it takes a full backlog's EAGAIN for a connection under way, and then for one made.
        end = await _connected(path, deadline)
        try:
            transport, lines = await asyncio.get_running_loop().create_unix_connection(
                lambda: _Lines(max_line_bytes), sock=end
            )
        except BaseException:
            end.close()
            raise
        return cls(transport, lines)

    async def request(self, request: Request[Any], deadline: Deadline, held: Optional[deque[Message]] = None) -> Any:
        """Sends a request and gives its result, as JSON. Notifications meanwhile go to `held`."""
        self._last_id += 1
        line = request_line(self._last_id, request.method, request.params)
        self.in_doubt = True
        self._transport.write(line)
        try:
            while True:
                message = await self.receive(deadline)
                if isinstance(message, Notification):
                    if held is not None:
                        held.append(message)
                        if len(held) > MAX_HELD:
                            raise BadReply("protocol.request", "The daemon sends notes instead of an answer.")
                    continue
                if message.id == self._last_id:
                    self.in_doubt = False
                    break
                if isinstance(message, Failure) and message.id is None:
                    raise message.error
                raise BadReply("protocol.request", "A reply came that answers no request, or answers one twice.")
        except (TimedOut, asyncio.CancelledError):
            self._transport.write(cancel_line(self._last_id))
            raise
        if isinstance(message, Failure):
            raise message.error
        return message.result

    async def receive(self, deadline: Deadline) -> Message:
        """The next message. Raises Unreachable at the end of the connection."""
        return parse(await self._lines.next(deadline))

    def check_idle(self) -> bool:
        """Whether it can be used for a further request. Raises BadReply when the daemon answered twice."""
        while self._lines.lines:
            message = parse(self._lines.lines.popleft())
            if isinstance(message, Response) or (isinstance(message, Failure) and message.id is not None):
                raise BadReply("protocol.request", "A reply came that answers no request, or answers one twice.")
            if isinstance(message, Failure):
                return False
        if isinstance(self._lines.ended, BadReply):
            raise self._lines.ended
        return self._lines.ended is None

    def close(self) -> None:
        """Ends it, once what was written is sent or cannot be."""
        if self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._transport.close()


async def _connected(path: str, deadline: Deadline) -> socket.socket:
    while True:
        end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            end.setblocking(False)
            end.connect(path)
            return end
        except BlockingIOError as problem:
            end.close()
            if not deadline.allows(BACKLOG_PAUSE):
                raise places.not_connected(problem, path) from None
        except OSError as problem:
            end.close()
            raise places.not_connected(problem, path) from None
        await _pause(BACKLOG_PAUSE)


async def _pause(seconds: float) -> None:
    await asyncio.sleep(seconds)
