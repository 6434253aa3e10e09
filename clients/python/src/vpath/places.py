"""Where the daemon's socket is, and what a failure to connect means."""

from __future__ import annotations

import errno
import os
import socket
from typing import Optional

from .errors import Unreachable

#: The system's daemon.
SYSTEM_SOCKET = "/run/vpath/vpathd.sock"


def default_socket() -> str:
    """`VPATH_SOCKET`, else the system's daemon if there is one, else the user's (Unreachable if not yours)."""
    named = os.environ.get("VPATH_SOCKET")
    if named:
        return named
    if os.path.exists(SYSTEM_SOCKET):
        return SYSTEM_SOCKET
    folder = os.environ.get("XDG_RUNTIME_DIR", "")
    if not os.path.isabs(folder):
        folder = f"/tmp/vpath-{os.getuid()}"
        # Anybody may make a folder there, and would then be told of slides and notes.
        if os.path.lexists(folder) and os.lstat(folder).st_uid != os.getuid():
            raise Unreachable(
                "server.unreachable",
                "The folder of your daemon's socket belongs to somebody else. Set XDG_RUNTIME_DIR or VPATH_SOCKET.",
                retryable=False,
            )
    return os.path.join(folder, "vpath", "vpathd.sock")


def not_connected(problem: OSError, path: str) -> Unreachable:
    """What a failed connect is to a caller."""
    name = os.path.basename(path)
    if problem.errno == errno.EAGAIN or isinstance(problem, socket.timeout):
        return Unreachable("server.unreachable", "The daemon's queue of connections stayed full. Try again later.")
    if isinstance(problem, PermissionError):
        return Unreachable(
            "server.unreachable",
            f"The socket {name} is not yours to use. Ask for the group that may, or start a daemon of your own.",
            subject=name,
            retryable=False,
        )
    if problem.errno is None or problem.errno == errno.ENAMETOOLONG:
        return Unreachable(
            "server.unreachable",
            f"The path of the socket {name} is longer than a Unix socket's may be (107 bytes). Use a shorter one.",
            subject=name,
            retryable=False,
        )
    return Unreachable(
        "server.unreachable",
        f"No daemon answers on the socket {name}. Start one with `vpathd --slides DIR`, or name its socket.",
        subject=name,
    )


def ended(mid_line: bool, problem: Optional[OSError] = None) -> Unreachable:
    """What the end of a connection is to a caller who waits."""
    where = "in the middle of a line" if mid_line else "before it answered"
    return Unreachable("server.unreachable", f"The daemon closed the connection {where}. See its log, and try again.")
