"""The notes of a turn, as they come, over as many connections as it takes.

What must stay true: no durable note is lost or given twice; it ends with turn/completed or an error; the turn itself
does not depend on it.
"""

from __future__ import annotations

import time
from collections import deque
from types import TracebackType
from typing import Optional

from . import requests
from .answer import Note, Turn
from .calls import Caller
from .connection import Connection
from .errors import BadReply, Busy, Unreachable, VPathError
from .follow import Detached, Follower
from .messages import Message
from .waiting import Deadline, Patience


class TurnStream:
    """Iterate over it for the notes; `result()` waits for the end. Made by `Client.start` and `Client.follow`."""

    def __init__(self, client: Caller, follower: Follower, deadline: Deadline) -> None:
        self._client = client
        self._follower = follower
        self._deadline = deadline
        self._held: deque[Message] = deque()
        self._connection: Optional[Connection] = None
        self._attach(Patience(deadline, tries=client.retries))
        self._patience = Patience(deadline, seconds=client.reconnect_seconds)

    @property
    def turn(self) -> str:
        """The turn's id."""
        return self._follower.turn

    @property
    def position(self) -> int:
        """How many turns of the case came before it when it was started."""
        return self._follower.position

    @property
    def last_seq(self) -> int:
        """The seq of the last durable note; `Client.follow(turn, after=…)` goes on from there."""
        return self._follower.last_seq

    def __iter__(self) -> TurnStream:
        return self

    def __next__(self) -> Note:
        while not self._follower.has_ended:
            try:
                if self._connection is None:
                    self._attach(self._patience)
                note = self._follower.take(self._next_message())
            except (Unreachable, Detached) as problem:
                self._drop()
                time.sleep(self._patience.pause(problem.problem if isinstance(problem, Detached) else problem))
                continue
            except BaseException:
                self._drop()
                raise
            if note is not None:
                self._patience.reset()
                return note
        self._drop()
        raise StopIteration

    def result(self) -> Turn:
        """Waits for the end, dropping notes, and gives the turn with answer and evidence."""
        for _ in self:
            pass
        return self._client.run(requests.get_turn(self.turn))

    def interrupt(self) -> bool:
        """Ends the turn; its last notes still come. False when it had ended already."""
        return self._client.run(requests.interrupt(self.turn)).accepted

    def close(self) -> None:
        """Stops following; the turn goes on."""
        self._drop()

    def __enter__(self) -> TurnStream:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], value: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def _next_message(self) -> Message:
        if self._held:
            return self._held.popleft()
        if self._connection is None:
            raise BadReply("protocol.request", "The stream has no connection.", subject=self.turn)
        return self._connection.receive(self._deadline)

    def _attach(self, patience: Patience) -> None:
        while True:
            problem: VPathError
            try:
                self._connection = self._client.connect(self._deadline)
                self._held.clear()
                request = self._follower.attaching()
                self._follower.attached(request.read(self._connection.request(request, self._deadline, self._held)))
                return
            except (Unreachable, Busy) as found:
                problem = found
                self._drop()
            except BaseException:
                self._drop()
                raise
            time.sleep(patience.pause(problem))

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
