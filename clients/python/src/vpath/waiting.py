"""How long to wait, and whether to try again. No waiting happens here.

What must stay true: every wait ends; a retry never outlives the time its caller gave.
"""

from __future__ import annotations

import random
import time
from typing import Optional

from .errors import TimedOut, VPathError

#: Seconds before the first retry; each later one waits twice as long, up to LONGEST_PAUSE.
FIRST_PAUSE = 0.05
LONGEST_PAUSE = 2.0
#: Seconds between two tries at a socket whose backlog is full.
BACKLOG_PAUSE = 0.02


class Deadline:
    """A point in time that a wait ends at."""

    def __init__(self, seconds: float, what: str, subject: Optional[str] = None) -> None:
        if not 0 < seconds < 1e9:
            raise ValueError(f"a time-out of {seconds} s: give seconds above 0")
        self.seconds = seconds
        self.what = what
        self.subject = subject
        self._end = time.monotonic() + seconds

    def sooner(self, seconds: float) -> Deadline:
        """The same wait with at most so many seconds from now."""
        return Deadline(max(1e-6, min(seconds, self._end - time.monotonic())), self.what, self.subject)

    def left(self) -> float:
        """Seconds left. Raises TimedOut when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise self.passed()
        return left

    def passed(self) -> TimedOut:
        """The error that says it is over."""
        return TimedOut(
            "cancelled",
            f"{self.what} gave no answer within {self.seconds:g} s. Give it longer with timeout, or look at the "
            "daemon's health.",
            subject=self.subject,
            retryable=True,
        )

    def allows(self, seconds: float) -> bool:
        """Whether more than so many seconds are left."""
        return self._end - time.monotonic() > seconds


class Patience:
    """Says how long to pause before a further try, until tries or seconds run out."""

    def __init__(self, deadline: Deadline, *, tries: Optional[int] = None, seconds: Optional[float] = None) -> None:
        self._deadline = deadline
        self._tries = tries
        self._seconds = seconds
        self._failures = 0
        self._since = time.monotonic()

    def reset(self) -> None:
        """Something went well: count anew."""
        self._failures = 0
        self._since = time.monotonic()

    def pause(self, problem: VPathError) -> float:
        """Seconds to wait before the next try. Raises the problem when there is to be none."""
        if self._failures == 0:
            self._since = time.monotonic()
        self._failures += 1
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self._failures - 1, 10))
        pause = longest * random.uniform(0.5, 1)
        spent = time.monotonic() - self._since
        if (
            not problem.retryable
            or (self._tries is not None and self._failures > self._tries)
            or (self._seconds is not None and spent + pause > self._seconds)
            or not self._deadline.allows(pause)
        ):
            raise problem
        return pause
