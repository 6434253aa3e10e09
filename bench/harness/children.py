"""Sees that no process outlives the benchmark, not even one whose parent has ended.

What must stay true: only descendants of this process are ended, each by its id.
"""

import ctypes
import os
import signal
import time

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans():
    """From here on, a descendant whose parent ends becomes this process's child; SIGTERM ends it like control-C."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def stop(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)


def living():
    """This process's children that still run: id and name."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                name, _, rest = file.read().partition("(")[2].rpartition(")")
        except OSError:
            continue
        state, parent = rest.split()[:2]
        if int(parent) == os.getpid() and state != "Z":
            found.append((int(entry), name))
    return found


def reap():
    """Waits for children that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def end_all(seconds=3):
    """Ends what is left, orphans too. Gives the names of those that did not end by themselves in time."""
    deadline = time.monotonic() + seconds
    while living() and time.monotonic() < deadline:
        reap()
        time.sleep(0.02)
    left = []
    while running := living():
        for pid, name in running:
            left.append(name)
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.1)
        reap()
    reap()
    return left
