"""Errors, by the one table of docs/rpc.md.

What must stay true: an error keeps the daemon's id, also one that is not in this table; an id never changes its
meaning; whatever goes wrong on the wire is a VPathError.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Optional


class ErrorRow(NamedTuple):
    """A row of the table."""

    #: JSON-RPC code; None where the id never travels as an error.
    code: Optional[int]
    #: Exit status a program should end with (sysexits(3) where it has a word for it).
    exit_code: int
    #: Whether the same call may succeed later.
    retryable: bool


#: Every id this client knows.
TABLE: dict[str, ErrorRow] = {
    "protocol.parse": ErrorRow(-32700, 65, False),
    "protocol.request": ErrorRow(-32600, 65, False),
    "protocol.method": ErrorRow(-32601, 65, False),
    "protocol.params": ErrorRow(-32602, 65, False),
    "cli.usage": ErrorRow(None, 64, False),
    "server.overloaded": ErrorRow(1001, 75, True),
    "server.draining": ErrorRow(1002, 75, True),
    "server.unreachable": ErrorRow(None, 69, True),
    "case.not_found": ErrorRow(1051, 66, False),
    "turn.not_found": ErrorRow(1052, 66, False),
    "evidence.not_found": ErrorRow(1053, 66, False),
    "slide.not_found": ErrorRow(1101, 66, False),
    "slide.unsupported": ErrorRow(1102, 65, False),
    "slide.damaged": ErrorRow(1103, 65, False),
    "slide.not_allowed": ErrorRow(1104, 77, False),
    "slide.no_scale": ErrorRow(1105, 65, False),
    "region.out_of_bounds": ErrorRow(1111, 65, False),
    "region.too_large": ErrorRow(1112, 65, False),
    "tool.not_found": ErrorRow(1201, 66, False),
    "tool.bad_manifest": ErrorRow(1202, 78, False),
    "tool.failed": ErrorRow(1211, 70, False),
    "tool.timed_out": ErrorRow(1212, 75, False),
    "tool.limit": ErrorRow(1213, 70, False),
    "tool.bad_output": ErrorRow(1214, 76, False),
    "policy.denied": ErrorRow(1301, 77, False),
    "sandbox.unavailable": ErrorRow(1401, 71, False),
    "model.unavailable": ErrorRow(1501, 69, True),
    "model.context_full": ErrorRow(1502, 65, False),
    "trace.write_failed": ErrorRow(1601, 74, True),
    "trace.tampered": ErrorRow(1602, 65, False),
    "cancelled": ErrorRow(1701, 130, False),
    "internal.bug": ErrorRow(-32603, 70, False),
}


class VPathError(Exception):
    """Something went wrong; `id` is what a program should look at, `str()` is for people."""

    def __init__(
        self,
        id: str,
        message: str,
        *,
        subject: Optional[str] = None,
        retryable: Optional[bool] = None,
        trace_id: Optional[str] = None,
        data: Optional[dict[str, Any]] = None,
    ) -> None:
        super().__init__(f"{id}: {message}")
        row = TABLE.get(id)
        #: The stable id of the table.
        self.id = id
        #: What happened, the value met, and what to do.
        self.message = message
        #: What it is about: an id, a key, a file's last name.
        self.subject = subject
        #: Whether the same call may succeed later without a change.
        self.retryable = retryable if retryable is not None else (row.retryable if row else False)
        #: The turn or case whose record tells more.
        self.trace_id = trace_id
        #: The table's JSON-RPC code, None for an id that has none or is unknown here.
        self.code = row.code if row else None
        #: The table's exit status, 70 for an id that is unknown here.
        self.exit_code = row.exit_code if row else 70
        #: The error's `data` as it came, with keys this client does not know.
        self.data: dict[str, Any] = data or {}

    def __reduce__(self) -> tuple[Any, ...]:
        values = (self.id, self.message, self.subject, self.retryable, self.trace_id, self.data)
        return (_rebuilt, (type(self), *values))


class Unreachable(VPathError, ConnectionError):
    """`server.unreachable`: nobody answers on the socket, or the connection ended before the answer."""


class TimedOut(VPathError, TimeoutError):
    """`cancelled`, by this client: a wait reached its limit. The daemon may go on with a turn."""


class BadReply(VPathError):
    """`protocol.parse` or `protocol.request`, by this client: what came from the other end breaks the protocol."""


class NotFound(VPathError):
    """`case.not_found`, `turn.not_found`, `evidence.not_found`, `slide.not_found`, `tool.not_found`."""


class Denied(VPathError):
    """`policy.denied` or `slide.not_allowed`."""


class Busy(VPathError):
    """`server.overloaded` or `server.draining`: nothing was done; the same call may succeed later."""


def error(id: str, message: str, **rest: Any) -> VPathError:
    """The error of an id that the daemon gave, as the class for it."""
    kind: type[VPathError] = VPathError
    if id == "server.unreachable":
        kind = Unreachable
    elif id in ("server.overloaded", "server.draining"):
        kind = Busy
    elif id in ("policy.denied", "slide.not_allowed"):
        kind = Denied
    elif id.endswith(".not_found"):
        kind = NotFound
    return kind(id, message, **rest)


def from_rpc(value: Any) -> VPathError:
    """A JSON-RPC error object as an exception; BadReply when it is none."""
    if not isinstance(value, dict):
        return BadReply("protocol.request", "The error in the reply is no object. Is this vpathd's socket?")
    code, message, data = value.get("code"), value.get("message"), value.get("data")
    if not isinstance(code, int) or isinstance(code, bool) or not isinstance(message, str):
        return BadReply("protocol.request", "The error in the reply has no code and message. Is this vpathd's socket?")
    data = data if isinstance(data, dict) else {}
    id = data.get("id")
    if not isinstance(id, str):
        id = next((name for name, row in TABLE.items() if row.code == code), "internal.bug")
    subject, trace_id, retryable = data.get("subject"), data.get("traceId"), data.get("retryable")
    return error(
        id,
        message,
        subject=subject if isinstance(subject, str) else None,
        retryable=retryable if isinstance(retryable, bool) else None,
        trace_id=trace_id if isinstance(trace_id, str) else None,
        data=data,
    )


def _rebuilt(
    kind: type[VPathError],
    id: str,
    message: str,
    subject: Optional[str],
    retryable: bool,
    trace_id: Optional[str],
    data: dict[str, Any],
) -> VPathError:
    return kind(id, message, subject=subject, retryable=retryable, trace_id=trace_id, data=data)
