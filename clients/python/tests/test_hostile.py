"""A daemon that breaks the protocol, is busy, or goes away: each a typed error, within its time."""

from __future__ import annotations

import base64
import hashlib
import os
import pickle
import socket
import tempfile
from typing import Any
from unittest import mock

from vpath import BadReply, Busy, NotFound, TimedOut, Unreachable, VPathError
from vpath.records import Health

from .bridge import Asyncio, Blocking, Cases
from .support import FakeDaemon, Peer, reply, short_folder

HEALTH = {
    "connections": 1, "policyDigest": "0" * 64, "problems": [], "queuedTurns": 0, "runningTurns": 0, "sandbox": True,
    "state": "ok",
}


def sending(*lines: bytes) -> Any:
    """A script that reads a request and sends bytes."""

    def script(peer: Peer) -> None:
        peer.read()
        peer.send(*lines)
        peer.wait_for_end()

    return script


def failing(code: int, **data: Any) -> Any:
    """A script that answers every request with an error."""

    def script(peer: Peer) -> None:
        while (request := peer.read()) is not None:
            if "id" in request:
                error = {"code": code, "message": "It failed.", "data": data}
                peer.send({"jsonrpc": "2.0", "id": request["id"], "error": error})

    return script


def closed(ends: list[socket.socket]) -> None:
    for end in ends:
        end.close()


class HostileCases(Cases):
    def test_a_line_that_breaks_the_protocol_is_a_typed_error(self) -> None:
        ok = b'{"jsonrpc":"2.0","id":1,"result":{}}\n'
        lines = {
            "no JSON": (b"hello\n", "protocol.parse"),
            "half an object": (b'{"jsonrpc":"2.0",\n', "protocol.parse"),
            "no UTF-8": (b'{"jsonrpc":"2.0","id":1,"result":"\xff"}\n', "protocol.parse"),
            "UTF-16": ('{"jsonrpc":"2.0"}'.encode("utf-16") + b"\n", "protocol.parse"),
            "NaN": (b'{"jsonrpc":"2.0","id":1,"result":NaN}\n', "protocol.parse"),
            "a member twice": (b'{"jsonrpc":"2.0","id":1,"id":1,"result":{}}\n', "protocol.parse"),
            "a number without end": (b'{"jsonrpc":"2.0","id":1,"result":' + b"9" * 20000 + b"}\n", "protocol.parse"),
            "a deep array": (b"[" * 200000 + b"\n", "protocol.request"),
            "a batch": (b"[" + ok.strip() + b"]\n", "protocol.request"),
            "no version": (b'{"id":1,"result":{}}\n', "protocol.request"),
            "another id": (b'{"jsonrpc":"2.0","id":7,"result":{}}\n', "protocol.request"),
            "an id of text": (b'{"jsonrpc":"2.0","id":"1","result":{}}\n', "protocol.request"),
            "an id that is true": (b'{"jsonrpc":"2.0","id":true,"result":{}}\n', "protocol.request"),
            "a request": (b'{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage"}\n', "protocol.request"),
            "nothing": (b'{"jsonrpc":"2.0","id":1}\n', "protocol.request"),
            "an error of text": (b'{"jsonrpc":"2.0","id":1,"error":"bad"}\n', "protocol.request"),
            "an empty result": (ok, "protocol.request"),
            "a result of text": (b'{"jsonrpc":"2.0","id":1,"result":"ok"}\n', "protocol.request"),
            "a huge line": (b"x" * 100_000, "protocol.request"),
        }
        for name, (line, id) in lines.items():
            with self.subTest(name), FakeDaemon(sending(line)) as fake:
                client = self.client(fake.path, max_line_bytes=65536 if "huge" in name else 1 << 20)
                self.error(BadReply, id, client.health)
                self.assertEqual(fake.count, 1)

    def test_a_wrong_member_is_named_by_its_place_and_not_shown(self) -> None:
        with FakeDaemon(lambda peer: peer.answer({**HEALTH, "problems": ["fine", {"secret": 1}]})) as fake:
            problem = self.error(BadReply, "protocol.request", self.client(fake.path).health)
        self.assertIn("/problems/1", str(problem))
        self.assertNotIn("secret", str(problem))

    def test_a_second_answer_is_found_before_the_connection_is_used_again(self) -> None:
        def script(peer: Peer) -> None:
            request = peer.read()
            peer.send(reply(request, HEALTH), reply(request, HEALTH))
            peer.wait_for_end()

        with FakeDaemon(script) as fake:
            client = self.client(fake.path)
            self.assertEqual(client.health().state, "ok")
            self.error(BadReply, "protocol.request", client.health)
            self.assertEqual(client.health().state, "ok")

    def test_a_connection_that_ends_in_the_middle_of_a_line_is_unreachable_after_its_retries(self) -> None:
        def script(peer: Peer) -> None:
            peer.read()
            peer.send(b'{"jsonrpc":"2.0","id"')

        with FakeDaemon(script) as fake:
            problem = self.error(Unreachable, "server.unreachable", self.client(fake.path, retries=2).health)
            self.assertIn("in the middle of a line", str(problem))
            self.assertTrue(problem.retryable)
            self.assertEqual((problem.exit_code, fake.count), (69, 3))

    def test_what_is_not_safe_to_repeat_is_sent_once(self) -> None:
        seen = []
        with FakeDaemon(lambda peer: seen.append(peer.read())) as fake:
            client = self.client(fake.path)
            self.error(Unreachable, "server.unreachable", lambda: client.close_case("case-1"))
        self.assertEqual([request["method"] for request in seen], ["case/close"])

    def test_a_turn_is_started_again_with_the_same_key(self) -> None:
        seen = []

        def answering(peer: Peer) -> None:
            seen.append(peer.answer({"turn": "turn-1", "position": 0}))
            peer.wait_for_end()

        with FakeDaemon(lambda peer: seen.append(peer.read()), answering) as fake:
            with self.client(fake.path).start("case-1", "q") as stream:
                self.assertEqual(stream.turn, "turn-1")
        self.assertEqual([request["method"] for request in seen], ["turn/start", "turn/start"])
        self.assertEqual(seen[0]["params"], seen[1]["params"])
        self.assertTrue(seen[0]["params"]["key"])

    def test_a_busy_daemon_is_asked_again_and_then_believed(self) -> None:
        def busy_once(peer: Peer) -> None:
            request = peer.read()
            error = {"code": 1001, "message": "Full.", "data": {"id": "server.overloaded", "retryable": True}}
            peer.send({"jsonrpc": "2.0", "id": request["id"], "error": error})
            peer.answer(HEALTH)
            peer.wait_for_end()

        with FakeDaemon(busy_once) as fake:
            self.assertIsInstance(self.client(fake.path).health(), Health)
            self.assertEqual(fake.count, 1)
        with FakeDaemon(failing(1002, id="server.draining", retryable=True)) as fake:
            problem = self.error(Busy, "server.draining", self.client(fake.path, retries=1).health)
            self.assertEqual(problem.exit_code, 75)

    def test_no_answer_ends_in_time_and_tells_the_daemon(self) -> None:
        seen = []

        def silent(peer: Peer) -> None:
            while (message := peer.read()) is not None:
                seen.append(message)

        with FakeDaemon(silent) as fake:
            client = self.client(fake.path, timeout=0.2)
            problem = self.error(TimedOut, "cancelled", client.health)
            self.assertIsInstance(problem, TimeoutError)
            client.close()
        self.assertEqual([message["method"] for message in seen], ["server/health", "notifications/cancelled"])
        self.assertEqual(seen[1]["params"]["requestId"], seen[0]["id"])

    def test_errors_keep_what_the_daemon_says(self) -> None:
        data = {"id": "case.not_found", "retryable": False, "subject": "case-9", "traceId": "turn-2", "new": 1}
        with FakeDaemon(failing(1051, **data)) as fake:
            problem = self.error(NotFound, "case.not_found", lambda: self.client(fake.path).get_case("case-9"))
        self.assertEqual((problem.subject, problem.trace_id, problem.exit_code), ("case-9", "turn-2", 66))
        self.assertEqual((problem.code, problem.data["new"]), (1051, 1))
        again = pickle.loads(pickle.dumps(problem))
        self.assertEqual((type(again), again.id, str(again), again.data), (NotFound, problem.id, str(problem), data))

    def test_an_error_of_a_newer_daemon_keeps_its_id(self) -> None:
        with FakeDaemon(failing(1999, id="license.expired", retryable=True)) as fake:
            problem = self.error(VPathError, "license.expired", self.client(fake.path).health)
        self.assertEqual((problem.exit_code, problem.retryable), (70, True))

    def test_members_of_a_newer_daemon_are_kept(self) -> None:
        with FakeDaemon(lambda peer: peer.answer({**HEALTH, "mood": {"good": True}})) as fake:
            health = self.client(fake.path).health()
        self.assertEqual(health.extra, {"mood": {"good": True}})
        self.assertEqual(health.to_json(), {**HEALTH, "mood": {"good": True}})

    def test_notes_between_request_and_answer_are_passed_over(self) -> None:
        def script(peer: Peer) -> None:
            request = peer.read()
            peer.send(*[{"jsonrpc": "2.0", "method": "x/y", "params": {}}] * 5000, reply(request, HEALTH))
            peer.wait_for_end()

        with FakeDaemon(script) as fake:
            self.assertEqual(self.client(fake.path).health().state, "ok")

    def test_the_reason_for_being_cut_is_the_error(self) -> None:
        error = b'{"code":-32600,"message":"Too long.","data":{"id":"protocol.request"}}'
        line = b'{"jsonrpc":"2.0","id":null,"error":' + error + b"}"
        with FakeDaemon(sending(line + b"\n")) as fake:
            problem = self.error(VPathError, "protocol.request", self.client(fake.path).health)
        self.assertEqual(problem.message, "Too long.")

    def test_nobody_there_is_unreachable(self) -> None:
        folder = short_folder()
        self.addCleanup(os.rmdir, folder)
        client = self.client(os.path.join(folder, "no.sock"), retries=1)
        problem = self.error(Unreachable, "server.unreachable", client.health)
        self.assertNotIn(folder, str(problem))
        self.error(Unreachable, "server.unreachable", self.client("/tmp/" + "x" * 200).health)

    def test_a_full_backlog_is_tried_again_until_there_is_room(self) -> None:
        folder = short_folder()
        path = os.path.join(folder, "b.sock")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path)
            listening.listen(0)
            waiting = []
            while True:
                end = socket.socket(socket.AF_UNIX)
                end.setblocking(False)
                self.addCleanup(end.close)
                try:
                    end.connect(path)
                    waiting.append(end)
                except BlockingIOError:
                    break
            stuck = self.client(path, connect_timeout=0.1, retries=0)
            self.assertIn("stayed full", str(self.error(Unreachable, "server.unreachable", stuck.health)))
            # The first connection below meets the full backlog; its pause makes room, and the next try gets in.
            pauses = self.room_is_made_in_pauses(listening)
            problem = self.error(TimedOut, "cancelled", self.client(path, timeout=0.3).health)
            self.assertIn("server/health", str(problem))
            self.assertGreater(pauses.call_count, 0)
        os.unlink(path)
        os.rmdir(folder)

    def room_is_made_in_pauses(self, listening: socket.socket) -> mock.Mock:
        raise NotImplementedError

    def test_a_request_over_the_daemon_s_limit_is_not_sent(self) -> None:
        seen = []
        with FakeDaemon(lambda peer: seen.append(peer.read())) as fake:
            client = self.client(fake.path)
            self.error(VPathError, "protocol.request", lambda: client.open_case(["/a.svs"], notes="x" * (9 << 20)))
            self.error(VPathError, "protocol.params", lambda: client.open_case(["/a"], microns_per_pixel=float("nan")))
            client.close()
        self.assertEqual(set(seen), {None})

    def test_a_closed_client_says_so(self) -> None:
        with FakeDaemon(lambda peer: peer.answer(HEALTH)) as fake:
            client = self.client(fake.path)
            client.close()
            self.assertIn("closed", str(self.error(Unreachable, "server.unreachable", client.health)))


class PiecesCases(Cases):
    DATA = b"0123456789"

    def pieces(self, *given: tuple[bytes, Any], size: int = 10, sha256: str = "") -> Any:
        """A script that gives these pieces with their `next`."""
        sha256 = sha256 or hashlib.sha256(self.DATA).hexdigest()

        def script(peer: Peer) -> None:
            for data, next in given:
                text = base64.b64encode(data).decode() if data != b"?" else "?!"
                piece = {"data": text, "sizeBytes": size, "mediaType": "text/plain", "sha256": sha256}
                peer.answer({**piece, "next": next} if next is not None else piece)
            peer.wait_for_end()

        return script

    def test_bytes_come_in_pieces_into_memory_or_a_file(self) -> None:
        with tempfile.TemporaryDirectory() as folder, FakeDaemon(self.pieces((b"01234", 5), (b"56789", None))) as fake:
            self.assertEqual(self.client(fake.path).read_artefact("case-1", "a1").data, self.DATA)
        with tempfile.TemporaryDirectory() as folder, FakeDaemon(self.pieces((b"01234", 5), (b"56789", None))) as fake:
            path = os.path.join(folder, "a.txt")
            self.assertEqual(self.client(fake.path).save_artefact("case-1", "a1", path).size_bytes, 10)
            with open(path, "rb") as file:
                self.assertEqual(file.read(), self.DATA)

    def test_pieces_that_do_not_fit_are_refused_and_leave_no_file(self) -> None:
        scripts = {
            "other bytes": self.pieces((b"01234", 5), (b"56780", None)),
            "too few": self.pieces((b"01234", None)),
            "too many": self.pieces((b"01234", 5), (b"56789", 10), (b"0", None)),
            "a gap": self.pieces((b"01234", 6)),
            "no end": self.pieces((b"", 0)),
            "no base 64": self.pieces((b"?", None)),
        }
        for name, script in scripts.items():
            with self.subTest(name), tempfile.TemporaryDirectory() as folder, FakeDaemon(script) as fake:
                path = os.path.join(folder, "a.txt")
                client = self.client(fake.path)
                self.error(BadReply, "protocol.request", lambda: client.save_artefact("case-1", "a1", path))
                self.assertEqual(os.listdir(folder), [])

    def test_more_than_fits_in_memory_is_refused_at_once(self) -> None:
        with FakeDaemon(self.pieces((b"01234", 5), size=1 << 40)) as fake:
            client = self.client(fake.path)
            self.error(VPathError, "protocol.params", lambda: client.read_artefact("case-1", "a1"))

    def test_an_export_whose_cursor_stands_still_is_refused(self) -> None:
        with FakeDaemon(lambda peer: [peer.answer({"data": "QQ==", "next": "c"}) for _ in range(2)]) as fake:
            client = self.client(fake.path)
            self.error(BadReply, "protocol.request", lambda: client.export("case-1"))


class BlockingHostileTests(Blocking, HostileCases):
    def room_is_made_in_pauses(self, listening: socket.socket) -> mock.Mock:
        made: list[socket.socket] = []
        pauses = mock.Mock(side_effect=lambda _: made.append(listening.accept()[0]))
        patch = mock.patch("vpath.connection._pause", pauses)
        patch.start()
        self.addCleanup(patch.stop)
        self.addCleanup(lambda: closed(made))
        return pauses


class AsyncioHostileTests(Asyncio, HostileCases):
    def room_is_made_in_pauses(self, listening: socket.socket) -> mock.Mock:
        made: list[socket.socket] = []
        pauses = mock.AsyncMock(side_effect=lambda _: made.append(listening.accept()[0]))
        patch = mock.patch("vpath.aio.connection._pause", pauses)
        patch.start()
        self.addCleanup(patch.stop)
        self.addCleanup(lambda: closed(made))
        return pauses


class BlockingPiecesTests(Blocking, PiecesCases):
    pass


class AsyncioPiecesTests(Asyncio, PiecesCases):
    pass


del Cases, HostileCases, PiecesCases
