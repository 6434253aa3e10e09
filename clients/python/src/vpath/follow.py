"""What the messages of a followed turn mean. No input or output happens here.

What must stay true: each durable note is given once and in order, over any number of connections; after a cut the
turn is asked for from the last seq that was given.
"""

from __future__ import annotations

from typing import Any, Optional

from . import requests
from .answer import Note, Progress, SubscriptionEnded, TurnNote, TurnStarted
from .errors import BadReply, Busy, VPathError, from_rpc
from .messages import Failure, Message, Notification
from .requests import Request

DURABLE = ("turn/started", "item/started", "item/completed", "turn/completed")


class Detached(Exception):
    """The stream ended on the daemon's side although the turn goes on: subscribe again."""

    def __init__(self, problem: VPathError) -> None:
        super().__init__(str(problem))
        problem.retryable = True
        self.problem = problem


class Follower:
    """Follows one turn: started with a request, or known by its id."""

    def __init__(self, start: Optional[Request[TurnStarted]] = None, turn: str = "", after: int = 0) -> None:
        self._start = start
        self.turn = turn
        self.position = 0
        #: The seq of the last durable note that was given.
        self.last_seq = after
        self.has_ended = False

    def attaching(self) -> Request[Any]:
        """What to send on a new connection."""
        if not self.turn and self._start is not None:
            return self._start
        return requests.subscribe(self.turn, self.last_seq)

    def attached(self, reply: Any) -> None:
        """Takes in the answer to `attaching`."""
        if isinstance(reply, TurnStarted):
            self.turn, self.position = reply.turn, reply.position

    def take(self, message: Message) -> Optional[Note]:
        """The note in a message, None when there is none. Raises Detached, or the error that ended the stream."""
        if isinstance(message, Failure):
            if message.id is not None:
                raise BadReply("protocol.request", "A reply came that answers no request.", subject=self.turn)
            if isinstance(message.error, Busy):
                raise Detached(message.error)
            raise message.error
        if not isinstance(message, Notification):
            raise BadReply("protocol.request", "A reply came that answers no request.", subject=self.turn)
        if message.params.get("turn") != self.turn:
            return None
        if message.method in DURABLE:
            note = TurnNote.from_json({**message.params, "method": message.method})
            if note.seq <= self.last_seq:
                return None
            self.last_seq = note.seq
            self.has_ended = note.is_last
            return note
        if message.method == "item/progress":
            return Progress.from_json(message.params)
        if message.method == "subscription/ended":
            problem = from_rpc(SubscriptionEnded.from_json(message.params).error)
            if problem.id in ("trace.write_failed", "turn.not_found", "policy.denied"):
                raise problem
            raise Detached(problem)
        return None
