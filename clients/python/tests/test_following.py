"""Following a turn over cuts, duplicates and ended subscriptions, against a scripted daemon."""

from __future__ import annotations

from typing import Any

from vpath import BadReply, Busy, TimedOut, TurnNote, Unreachable, VPathError

from .bridge import Asyncio, Blocking, Cases
from .support import FakeDaemon, Peer, note

FIRST = note("turn/started", seq=3)
SECOND = note("item/started", seq=5, item="step-1", type="step")
THIRD = note("item/completed", seq=7, item="step-1", type="step")
LAST = note("turn/completed", seq=9, detail={"stop": "answered"})
PROGRESS = {
    "jsonrpc": "2.0", "method": "item/progress",
    "params": {"turn": "turn-1", "item": "call-1", "message": "m", "fraction": 0.5},
}
DONE = {"turn": "turn-1", "case": "case-1", "state": "completed", "stop": "answered", "evidence": {}}


class Script:
    """Serves one stream connection, remembering what was asked."""

    def __init__(self, asked: list[Any], *sent: Any, keeps: bool = False) -> None:
        self.asked, self.sent, self.keeps = asked, sent, keeps

    def __call__(self, peer: Peer) -> None:
        request = peer.read()
        if request is None:
            return
        self.asked.append(request)
        is_start = request["method"] == "turn/start"
        result = {"turn": "turn-1", "position": 2} if is_start else DONE if request["method"] == "turn/get" else {}
        peer.send({"jsonrpc": "2.0", "id": request["id"], "result": result}, *self.sent)
        if self.keeps:
            peer.wait_for_end()


def ended(id: str) -> Any:
    return {
        "jsonrpc": "2.0", "method": "subscription/ended",
        "params": {"turn": "turn-1", "case": "case-1", "error": {"code": 1601, "message": "m", "data": {"id": id}}},
    }


class FollowingCases(Cases):
    def test_each_durable_note_is_given_once_and_in_order_over_cuts(self) -> None:
        asked: list[Any] = []
        scripts = (
            Script(asked, FIRST, PROGRESS, SECOND, b'{"jsonrpc":"2.0","meth'),
            Script(asked, SECOND, THIRD),
            Script(asked),
            Script(asked, THIRD, note("item/started", turn="turn-2", seq=8), LAST, keeps=True),
            Script(asked),
        )
        with FakeDaemon(*scripts) as fake:
            with self.client(fake.path).start("case-1", "q") as stream:
                self.assertEqual(stream.position, 2)
                notes = list(stream)
                self.assertEqual(stream.last_seq, 9)
                self.assertEqual(stream.result().stop, "answered")
        self.assertEqual([item.seq for item in notes if isinstance(item, TurnNote)], [3, 5, 7, 9])
        self.assertEqual([item.fraction for item in notes if not isinstance(item, TurnNote)], [0.5])
        self.assertEqual(
            [(request["method"], request["params"].get("after")) for request in asked],
            [("turn/start", None), *[("turn/subscribe", after) for after in (5, 7, 7)], ("turn/get", None)],
        )

    def test_a_subscription_that_ends_is_taken_up_again_unless_the_trace_cannot_be_written(self) -> None:
        asked: list[Any] = []
        with FakeDaemon(Script(asked, FIRST, ended("server.overloaded"), keeps=True), Script(asked, LAST)) as fake:
            with self.client(fake.path).follow("turn-1", after=1) as stream:
                self.assertEqual([item.seq for item in stream], [3, 9])
        self.assertEqual([request["params"]["after"] for request in asked], [1, 3])
        with FakeDaemon(Script(asked, FIRST, ended("trace.write_failed"), keeps=True)) as fake:
            with self.client(fake.path).follow("turn-1") as stream:
                next(stream)
                problem = self.error(VPathError, "trace.write_failed", lambda: next(stream))
                self.assertTrue(problem.retryable)

    def test_a_busy_daemon_is_asked_again_for_the_stream(self) -> None:
        asked: list[Any] = []
        busy = {
            "jsonrpc": "2.0", "id": None,
            "error": {"code": 1001, "message": "64 turns.", "data": {"id": "server.overloaded", "retryable": True}},
        }
        with FakeDaemon(Script(asked, busy, keeps=True), Script(asked, FIRST, LAST)) as fake:
            with self.client(fake.path).follow("turn-1") as stream:
                self.assertEqual([item.seq for item in stream], [3, 9])

    def test_a_daemon_that_does_not_come_back_is_unreachable_within_the_bound(self) -> None:
        with FakeDaemon(Script([], FIRST), lambda peer: None) as fake:
            with self.client(fake.path, reconnect_seconds=0.3).follow("turn-1") as stream:
                next(stream)
                self.error(Unreachable, "server.unreachable", lambda: next(stream))

    def test_a_stream_without_notes_ends_in_time(self) -> None:
        with FakeDaemon(Script([], FIRST, keeps=True)) as fake:
            with self.client(fake.path).follow("turn-1", timeout=0.3) as stream:
                next(stream)
                self.error(TimedOut, "cancelled", lambda: next(stream))

    def test_a_broken_note_ends_the_stream(self) -> None:
        lines = {
            "no seq": note("turn/started"),
            "a second answer": {"jsonrpc": "2.0", "id": 1, "result": {}},
            "an error for an id": {"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": "m"}},
            "no JSON": b"[1,\n",
        }
        for name, line in lines.items():
            with self.subTest(name), FakeDaemon(Script([], line, keeps=True)) as fake:
                with self.client(fake.path).follow("turn-1") as stream:
                    id = "protocol.parse" if name == "no JSON" else "protocol.request"
                    self.error(BadReply, id, lambda: next(stream))

    def test_notes_instead_of_an_answer_are_bounded(self) -> None:
        def flood(peer: Peer) -> None:
            peer.read()
            while True:
                peer.send(*[FIRST] * 1000)

        with FakeDaemon(flood) as fake:
            self.error(BadReply, "protocol.request", lambda: self.client(fake.path).follow("turn-1"))

    def test_giving_up_the_wait_interrupts_the_turn(self) -> None:
        asked: list[Any] = []

        def interrupting(peer: Peer) -> None:
            asked.append(peer.answer({"accepted": True}))
            peer.wait_for_end()

        def refuse(_: Any) -> None:
            raise KeyError("enough")

        with FakeDaemon(Script(asked, FIRST, keeps=True), interrupting) as fake:
            client = self.client(fake.path)
            with self.assertRaises(KeyError):
                client.ask("case-1", "q", on_note=refuse)
        self.assertEqual([request["method"] for request in asked], ["turn/start", "turn/interrupt"])

    def test_a_start_that_stays_refused_is_the_daemon_s_error(self) -> None:
        def full(peer: Peer) -> None:
            request = peer.read()
            error = {"code": 1001, "message": "Full.", "data": {"id": "server.overloaded", "retryable": True}}
            peer.send({"jsonrpc": "2.0", "id": request["id"], "error": error})
            peer.wait_for_end()

        with FakeDaemon(full) as fake:
            client = self.client(fake.path, retries=2)
            self.error(Busy, "server.overloaded", lambda: client.start("case-1", "q"))
            self.assertEqual(fake.count, 3)


class BlockingFollowingTests(Blocking, FollowingCases):
    pass


class AsyncioFollowingTests(Asyncio, FollowingCases):
    pass


del Cases, FollowingCases
