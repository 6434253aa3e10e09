"""One blocking connection to the daemon: one request at a time.

What must stay true: every wait has a deadline; a connection that anything went wrong on is not used again
(`in_doubt`).
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections import deque
from typing import Any, Optional

from . import places
from .errors import BadReply, TimedOut, VPathError
from .messages import Failure, LineReader, Message, Notification, Response, cancel_line, parse, request_line
from .requests import Request
from .waiting import BACKLOG_PAUSE, Deadline

_READ_BYTES = 1 << 18
#: Notes kept that came before the answer they follow.
MAX_HELD = 10_000
#: Reads of what came on an idle connection before it is given up.
MAX_IDLE_READS = 64


class Connection:
    """A socket with its lines."""

    def __init__(self, path: str, deadline: Deadline, max_line_bytes: int) -> None:
        self._socket = _connected(path, deadline)
        self._reader = LineReader(max_line_bytes)
        self._lines: deque[bytes] = deque()
        self._last_id = 0
        #: Whether it must not be used for a further request.
        self.in_doubt = False

    def request(self, request: Request[Any], deadline: Deadline, held: Optional[deque[Message]] = None) -> Any:
        """Sends a request and gives its result, as JSON. Notifications meanwhile go to `held`."""
        self._last_id += 1
        line = request_line(self._last_id, request.method, request.params)
        self.in_doubt = True
        try:
            self._send(line, deadline)
            while True:
                message = self.receive(deadline)
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
        except (TimedOut, KeyboardInterrupt):
            with contextlib.suppress(VPathError, OSError):
                self._send(cancel_line(self._last_id), Deadline(0.5, "cancelling"))
            raise
        if isinstance(message, Failure):
            raise message.error
        return message.result

    def receive(self, deadline: Deadline) -> Message:
        """The next message. Raises Unreachable at the end of the connection."""
        while not self._lines:
            self._socket.settimeout(deadline.left())
            self._read(deadline)
        return parse(self._lines.popleft())

    def check_idle(self) -> bool:
        """Whether it can be used for a further request. Raises BadReply when the daemon answered twice."""
        self._socket.settimeout(0)
        try:
            for _ in range(MAX_IDLE_READS):
                self._read(None)
            return False
        except BlockingIOError:
            pass
        except VPathError:
            return False
        while self._lines:
            message = parse(self._lines.popleft())
            if isinstance(message, Response) or (isinstance(message, Failure) and message.id is not None):
                raise BadReply("protocol.request", "A reply came that answers no request, or answers one twice.")
            if isinstance(message, Failure):
                return False
        return True

    def close(self) -> None:
        """Ends it."""
        self._socket.close()

    def _send(self, line: bytes, deadline: Deadline) -> None:
        self._socket.settimeout(deadline.left())
        try:
            self._socket.sendall(line)
        except socket.timeout:
            raise deadline.passed() from None
        except OSError as problem:
            raise places.ended(False, problem) from None

    def _read(self, deadline: Optional[Deadline]) -> None:
        try:
            data = self._socket.recv(_READ_BYTES)
        except BlockingIOError:
            raise
        except socket.timeout:
            raise (deadline or Deadline(1, "reading")).passed() from None
        except OSError as problem:
            raise places.ended(self._reader.is_mid_line, problem) from None
        if not data:
            raise places.ended(self._reader.is_mid_line)
        self._lines.extend(self._reader.feed(data))


def _connected(path: str, deadline: Deadline) -> socket.socket:
    """Connects; a full backlog (EAGAIN) is tried again until the deadline."""
    while True:
        end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            end.settimeout(deadline.left())
            end.connect(path)
            return end
        except BlockingIOError as problem:
            end.close()
            if not deadline.allows(BACKLOG_PAUSE):
                raise places.not_connected(problem, path) from None
            _pause(BACKLOG_PAUSE)
        except OSError as problem:
            end.close()
            raise places.not_connected(problem, path) from None
        except BaseException:
            end.close()
            raise


def _pause(seconds: float) -> None:
    time.sleep(seconds)
