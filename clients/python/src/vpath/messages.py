"""JSON-RPC 2.0, one message a line: bytes in, messages out. No input or output happens here.

What must stay true: memory is bounded by the longest line; a line that is no message of vpathd is a BadReply, never an
exception of Python's parser; nothing of such a line is quoted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Optional, Union

from .errors import BadReply, VPathError, from_rpc
from .wire import JSONObject

#: Longest line read from the daemon, in bytes. (Its own limit of 8 MiB is for what clients send.)
MAX_LINE_BYTES = 64 << 20
#: Longest line the daemon reads, in bytes (`lineBytes` of server/discover).
MAX_REQUEST_BYTES = 8 << 20


@dataclass(frozen=True)
class Response:
    """An answer to a request."""

    id: int
    result: Any


@dataclass(frozen=True)
class Failure:
    """An error; `id` is None when it answers no request, such as the reason for being cut."""

    id: Optional[int]
    error: VPathError


@dataclass(frozen=True)
class Notification:
    """Something the daemon sent unasked."""

    method: str
    params: JSONObject


Message = Union[Response, Failure, Notification]


class LineReader:
    """Splits bytes into lines at LF, each at most `limit` bytes."""

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self.limit = limit
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Takes bytes in and gives the lines they completed. Raises BadReply for a line over the limit."""
        *ends, rest = data.split(b"\n")
        lines = []
        for end in ends:
            self._add(end)
            if self._pending:
                lines.append(bytes(self._pending))
            self._pending = bytearray()
        self._add(rest)
        return lines

    def _add(self, part: bytes) -> None:
        if len(self._pending) + len(part) > self.limit:
            self._pending = bytearray()
            raise BadReply(
                "protocol.request",
                f"A line of the reply is longer than {self.limit} bytes; the connection is closed. "
                "Is this vpathd's socket? A larger limit is max_line_bytes.",
                subject="line",
            )
        self._pending += part

    @property
    def is_mid_line(self) -> bool:
        """Whether a line has begun and not ended."""
        return bool(self._pending)


def request_line(id: int, method: str, params: JSONObject) -> bytes:
    """A request as a line. Raises `protocol.params` for values that are no JSON, `protocol.request` when too long."""
    return _line({"jsonrpc": "2.0", "id": id, "method": method, "params": params}, method)


def cancel_line(id: int) -> bytes:
    """Tells the daemon to stop working on a request of this connection."""
    params = {"requestId": id, "reason": "The client stopped waiting."}
    return _line({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}, "notifications/cancelled")


def _line(message: JSONObject, method: str) -> bytes:
    try:
        text = json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        line = text.encode("utf-8") + b"\n"
    except (TypeError, ValueError, RecursionError) as problem:
        raise VPathError(
            "protocol.params", f"The parameters of {method} are no JSON: {problem}. Numbers must be finite."
        ) from None
    if len(line) > MAX_REQUEST_BYTES:
        raise VPathError(
            "protocol.request",
            f"The request has {len(line)} bytes; the daemon reads {MAX_REQUEST_BYTES} a line. Send less at a time.",
            subject="line",
        )
    return line


def parse(line: bytes) -> Message:
    """Reads a line. Raises BadReply for anything but a message that a daemon sends."""
    try:
        value = json.loads(line.decode("utf-8"), object_pairs_hook=_members, parse_constant=_refuse)
    except RecursionError:
        raise BadReply("protocol.request", "A line of the reply is nested too deeply. Is this vpathd's?") from None
    except json.JSONDecodeError as problem:
        raise BadReply(
            "protocol.parse", f"A line of the reply is no JSON (character {problem.pos}). Is this vpathd's socket?"
        ) from None
    except ValueError as problem:
        kind = "UTF-8" if isinstance(problem, UnicodeDecodeError) else "acceptable JSON"
        raise BadReply("protocol.parse", f"A line of the reply is no {kind}. Is this vpathd's socket?") from None
    if not isinstance(value, dict) or value.get("jsonrpc") != "2.0":
        raise BadReply("protocol.request", "A line of the reply is no JSON-RPC 2.0 message. Is this vpathd's socket?")
    id = value.get("id")
    if id is not None and (not isinstance(id, int) or isinstance(id, bool)):
        raise BadReply("protocol.request", "A reply has an id that was not given. Is this vpathd's socket?")
    if "method" in value:
        method, params = value["method"], value.get("params", {})
        if id is not None or not isinstance(method, str) or not isinstance(params, dict):
            raise BadReply("protocol.request", "The daemon sent a request; it asks nothing of clients.")
        return Notification(method, params)
    if "error" in value:
        return Failure(id, from_rpc(value["error"]))
    if "result" in value and id is not None:
        return Response(id, value["result"])
    raise BadReply("protocol.request", "A line of the reply is neither answer, error nor notification.")


def _members(pairs: list[tuple[str, Any]]) -> JSONObject:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice in one object")
    return members


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")
