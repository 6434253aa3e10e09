"""Everything of docs/rpc.md against the real daemon, its tools in their sandbox, and the demo slide."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import unittest
from typing import Any, Optional

from vpath import (
    Artefact, AsyncClient, Client, Denied, Measurement, NotFound, Progress, Rect, Turn, TurnNote, View, VPathError,
    geojson, new_key,
)
from vpath.evidence import BODIES

from .bridge import Asyncio, Blocking, Cases
from .support import ROOT, CuttingProxy, Daemon, demo_slide, programs

QUESTION = "Where is this tissue most cellular, how many nuclei per mm² are there, and is any part of it tumour?"

daemon: Daemon
#: The demo question's turn, asked once for the tests that read.
asked: Turn
notes: list[Any]


def setUpModule() -> None:
    global daemon, asked, notes
    daemon = Daemon()
    try:
        notes = []
        with Client(daemon.socket) as client:
            case = client.open_case([demo_slide()], organ="skin", stain="H&E")
            asked = client.ask(case, QUESTION, on_note=notes.append, timeout=300)
    except BaseException:
        daemon.stop()
        raise


def tearDownModule() -> None:
    daemon.stop()


class DaemonCases(Cases):
    def opened(self, client: Any, **stated: Any) -> Any:
        return client.open_case([demo_slide()], **{"organ": "skin", "stain": "H&E", **stated})

    def test_the_daemon_says_what_it_is(self) -> None:
        client = self.client(daemon.socket)
        found = client.discover()
        self.assertEqual((found.name, found.limits["lineBytes"]), ("vpathd", 8 << 20))
        self.assertIn("turn/subscribe", found.methods)
        health = client.health()
        self.assertEqual((health.state, health.sandbox, health.problems), ("ok", True, ()))
        self.assertIn("smollm2-135m-instruct", [model.name for model in client.list_models()])
        status = client.model_status()
        self.assertEqual((status.state, status.planning, status.name), ("none", "rules", None))

    def test_the_demo_question_is_answered_with_evidence(self) -> None:
        client = self.client(daemon.socket)
        case = self.opened(client)
        seen: list[Any] = []
        turn = client.ask(case, QUESTION, on_note=seen.append, timeout=300)
        self.assertEqual((turn.state, turn.stop), ("completed", "answered"))
        self.assertEqual([part.part for part in turn.answer.parts], [1, 2, 3])
        self.assertIn("not assessable", str(turn.answer))
        for finding in turn.answer.findings:
            self.assertEqual(finding.kind, "measured")
            self.assertLessEqual(set(finding.evidence), set(turn.evidence))
        density = next(
            item.body for item in turn.evidence.values()
            if isinstance(item.body, Measurement) and item.body.unit == "/mm2" and item.body.interval
        )
        self.assertGreater(density.value, 1000)
        self.assertFalse(density.validity.within)
        durable = [item for item in seen if isinstance(item, TurnNote)]
        self.assertEqual((durable[0].method, durable[-1].method), ("turn/started", "turn/completed"))
        self.assertEqual(durable[-1].detail["answer"], turn.answer.to_json())
        self.assertIn(turn.turn, client.get_case(case).turns)

    def test_every_kind_of_evidence_keeps_every_member(self) -> None:
        client = self.client(daemon.socket)
        events = client.get_events(asked.case, turn=asked.turn, limit=1000).events
        ids = [event.payload["evidence"]["id"] for event in events if event.kind == "evidence.recorded"]
        raw = client.run(_raw("evidence/get", {"case": asked.case, "ids": ids}))["evidence"]
        found = client.get_evidence(asked.case, ids)
        self.assertEqual({id: item.to_json() for id, item in found.items()}, raw)
        for item in found.values():
            self.assertIn(item.kind, BODIES)
            self.assertEqual((item.extra, item.body.extra), ({}, {}), item.id)
        self.assertGreaterEqual({item.kind for item in found.values()}, {"region", "view", "measurement", "artefact"})

    def test_whole_results_keep_every_member(self) -> None:
        client = self.client(daemon.socket)
        for method, params, read in (
            ("turn/get", {"turn": asked.turn}, client.get_turn(asked)),
            ("case/get", {"case": asked.case}, client.get_case(asked.case)),
            ("tools/list", {}, None),
            ("trace/get", {"case": asked.case, "turn": asked.turn}, client.get_events(asked.case, turn=asked)),
        ):
            with self.subTest(method):
                raw = client.run(_raw(method, params))
                made = {"tools": [tool.to_json() for tool in client.list_tools()]} if read is None else read.to_json()
                self.assertEqual(made, raw)

    def test_artefacts_and_pictures_come_whole(self) -> None:
        client = self.client(daemon.socket)
        files = {
            id: item.body for id, item in asked.evidence.items()
            if isinstance(item.body, Artefact) or isinstance(item.body, View) and item.body.image_sha256
        }
        self.assertTrue(files)
        with tempfile.TemporaryDirectory() as folder:
            for id, body in files.items():
                bytes_ = client.read_artefact(asked.case, id)
                sha256 = body.sha256 if isinstance(body, Artefact) else body.image_sha256
                self.assertEqual(hashlib.sha256(bytes_.data).hexdigest(), sha256)
                saved = client.save_artefact(asked.case, id, os.path.join(folder, id))
                self.assertEqual((saved.size_bytes, saved.sha256), (len(bytes_.data), sha256))
                with open(saved.path, "rb") as file:
                    self.assertEqual(file.read(), bytes_.data)
            self.error(NotFound, "evidence.not_found", lambda: client.read_artefact(asked.case, "a999"))

    def test_a_picture_over_a_mebibyte_comes_in_several_pieces(self) -> None:
        client = self.client(daemon.socket)
        case = self.opened(client)
        given = client.call_tool(
            case, "region_zoom", {"rect": {"x": 0, "y": 0, "width": 2220, "height": 2967}, "micronsPerPixel": 0.65}
        )
        self.assertFalse(given.is_error, given.content)
        view = next(id for id, item in given.evidence.items() if isinstance(item.body, View))
        picture = client.read_artefact(case, view)
        self.assertEqual(picture.media_type, "image/png")
        self.assertGreater(len(picture.data), 1 << 20)

    def test_errors_have_their_ids_and_classes(self) -> None:
        client = self.client(daemon.socket)
        case = asked.case
        self.error(NotFound, "case.not_found", lambda: client.get_case("case-none"))
        self.error(NotFound, "turn.not_found", lambda: client.get_turn("turn-none"))
        self.error(NotFound, "turn.not_found", lambda: client.follow("turn-none"))
        self.error(NotFound, "evidence.not_found", lambda: client.get_evidence(case, ["m9999"]))
        self.error(NotFound, "evidence.not_found", lambda: client.get_report(asked))
        self.error(NotFound, "tool.not_found", lambda: client.call_tool(case, "crystal_ball"))
        missing = os.path.join(os.path.dirname(demo_slide()), "none.svs")
        self.error(NotFound, "slide.not_found", lambda: client.open_case([missing]))
        self.error(Denied, "slide.not_allowed", lambda: client.open_case(["/etc/hostname"]))
        outside = [(9999, 0, 5, 5)]
        self.error(VPathError, "region.out_of_bounds", lambda: client.start(case, "How many?", regions=outside))
        self.error(VPathError, "protocol.params", lambda: client.start(case, "x" * 70_000))
        self.error(VPathError, "protocol.params", lambda: client.list_cases(limit=0))
        problem = self.error(VPathError, "protocol.method", lambda: client.run(_raw("turn/undo", {})))
        self.assertEqual((problem.code, problem.exit_code, problem.subject), (-32601, 65, "turn/undo"))

    def test_a_tool_that_fails_gives_a_result(self) -> None:
        client = self.client(daemon.socket)
        whole = {"x": 0, "y": 0, "width": 2220, "height": 2967}
        given = client.call_tool(asked.case, "region_zoom", {"rect": whole, "micronsPerPixel": 0.5})
        self.assertTrue(given.is_error)
        self.assertEqual(given.structured_content["error"]["data"]["id"], "region.too_large")

    def test_a_key_makes_one_turn(self) -> None:
        client = self.client(daemon.socket)
        with client.start(asked.case, "How many nuclei per mm² are there?", key="k1") as stream:
            first = stream.result()
        with client.start(asked.case, "How many nuclei per mm² are there?", key="k1") as stream:
            self.assertEqual(stream.result(), first)
        self.error(VPathError, "protocol.params", lambda: client.start(asked.case, "Is it tumour?", key="k1"))

    def test_a_key_makes_one_case(self) -> None:
        client = self.client(daemon.socket)
        key = new_key()
        self.assertEqual(self.opened(client, key=key).case, self.opened(client, key=key).case)
        self.assertNotEqual(self.opened(client).case, self.opened(client).case)

    def test_drawn_regions_are_measured(self) -> None:
        client = self.client(daemon.socket)
        ring = [[1100, 690], [1500, 690], [1500, 1090], [1100, 1090], [1100, 690]]
        square = {"type": "Polygon", "coordinates": [ring]}
        for drawn in ((1100, 690, 400, 400), Rect(1100, 690, 400, 400), square):
            turn = client.ask(asked.case, "How many nuclei per mm² are there?", regions=[drawn], timeout=300)
            self.assertEqual(turn.stop, "answered")
            rects = [region.rect for region in turn.cited_regions().values()]
            self.assertIn(Rect(1100, 690, 400, 400), rects)

    def test_an_interrupted_turn_ends_and_says_so(self) -> None:
        client, other = self.client(daemon.socket), self.client(daemon.socket)
        case = self.opened(client)
        with client.start(case, QUESTION, timeout=300) as stream:
            first = next(stream)
            self.assertEqual(first.method, "turn/started")
            accepted = other.interrupt(stream.turn)
            turn = stream.result()
            self.assertEqual((accepted, turn.stop), (True, "interrupted"))
            self.assertFalse(client.interrupt(stream.turn))

    def test_giving_up_the_wait_interrupts_the_turn(self) -> None:
        client = self.client(daemon.socket)
        case = self.opened(client)

        def refuse(_: Any) -> None:
            raise KeyError("enough")

        with self.assertRaises(KeyError):
            client.ask(case, QUESTION, on_note=refuse, timeout=300)
        (turn,) = client.get_case(case).turns[-1:]
        with client.follow(turn, timeout=300) as stream:
            self.assertEqual(stream.result().stop, "interrupted")

    def test_two_clients_follow_one_turn_and_read_the_same(self) -> None:
        one, two = self.client(daemon.socket), self.client(daemon.socket)
        with one.start(asked.case, "How many nuclei per mm² are there?", timeout=300) as first:
            with two.follow(first.turn, timeout=300) as second:
                for ours, theirs in zip(_durable(first), _durable(second)):
                    self.assertEqual(ours, theirs)
            self.assertEqual(first.result(), two.get_turn(first.turn))

    def test_a_cut_stream_goes_on_without_a_gap(self) -> None:
        for lines in (2, 3, 5):
            with self.subTest(lines):
                proxy = CuttingProxy(daemon.socket, lines)
                self.addCleanup(proxy.close)
                direct, cut = self.client(daemon.socket), self.client(proxy.path)
                with cut.follow(asked.turn, timeout=120) as stream:
                    self.assertEqual(list(_durable(stream)), _durable(notes))
                # Of a connection's lines the first is the answer to turn/subscribe.
                self.assertEqual(proxy.cuts, (len(_durable(notes)) - 1) // (lines - 1))
                with direct.follow(asked.turn, after=_durable(notes)[2].seq) as stream:
                    self.assertEqual(_durable(stream), _durable(notes)[3:])

    def test_a_turn_that_runs_while_its_stream_is_cut_is_told_whole(self) -> None:
        proxy = CuttingProxy(daemon.socket, 3)
        self.addCleanup(proxy.close)
        direct, cut = self.client(daemon.socket), self.client(proxy.path)
        with cut.start(asked.case, QUESTION, timeout=300) as stream:
            heard = _durable(stream)
            with direct.follow(stream.turn) as again:
                self.assertEqual(heard, _durable(again))
        self.assertGreater(proxy.cuts, 0)

    def test_lists_come_page_by_page(self) -> None:
        client = self.client(daemon.socket)
        self.opened(client)
        rows, cursor = [], None
        while True:
            page = client.list_cases(limit=1, cursor=cursor)
            rows += page.cases
            cursor = page.next
            if cursor is None:
                break
        self.assertIn(asked.case, [row.case for row in rows])
        self.assertEqual(len({row.case for row in rows}), len(rows))
        self.assertIn(asked.turn, [row.turn for row in client.list_turns(asked.case, limit=1000).turns])
        events, after = [], 0
        while True:
            found = client.get_events(asked.case, after=after, limit=7)
            events += found.events
            if found.next is None:
                break
            after = found.next
        self.assertEqual([event.seq for event in events], list(range(1, len(events) + 1)))

    def test_the_trace_is_verified_replayed_and_explained(self) -> None:
        client = self.client(daemon.socket)
        verified = client.verify(asked.case)
        self.assertEqual((verified.ok, verified.fault), (True, None))
        self.assertGreater(verified.events, 10)
        self.assertEqual(client.replay(asked).verdict, "identical")
        explained = client.explain(asked)
        self.assertEqual(len(explained.findings), len(asked.answer.findings) if asked.answer else 0)
        self.assertEqual(client.explain(asked, finding=0).findings, explained.findings[:1])

    def test_an_export_verifies_with_the_independent_verifier(self) -> None:
        client = self.client(daemon.socket)
        case = asked.case
        with tempfile.TemporaryDirectory() as folder:
            saved = client.save_export(case, os.path.join(folder, "case.jsonl"))
            with open(saved.path, "rb") as file:
                data = file.read()
            self.assertEqual((saved.size_bytes, saved.sha256), (len(data), hashlib.sha256(data).hexdigest()))
            verifier = os.path.join(ROOT, "tools", "verify-trace", "verify.py")
            done = subprocess.run([sys.executable, verifier, saved.path], capture_output=True, text=True, timeout=120)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertGreaterEqual(len(client.export(case)), len(data))

    def test_a_closed_case_takes_no_questions_and_keeps_its_trace(self) -> None:
        client = self.client(daemon.socket)
        case = self.opened(client)
        client.close_case(case)
        self.assertEqual(client.get_case(case).state, "closed")
        with self.assertRaises(VPathError):
            client.start(case, "How many?")
        self.assertTrue(client.verify(case).ok)

    def test_a_report_is_drafted_and_read_again(self) -> None:
        client = self.client(daemon.socket)
        report = client.draft_report(asked.case, "skin_excision")
        self.assertEqual(report.template, "skin_excision")
        self.assertEqual(client.get_report(report.turn), report)
        media = {client.read_artefact(asked.case, id).media_type for id in report.artefacts}
        self.assertIn("application/json", media)

    def test_the_tools_are_listed_with_their_schemas(self) -> None:
        tools = {tool.name: tool for tool in self.client(daemon.socket).list_tools()}
        self.assertLessEqual({"slide_overview", "cell_counter", "region_zoom", "report_template_filler"}, set(tools))
        self.assertEqual(tools["region_zoom"].input_schema["type"], "object")


class BlockingDaemonTests(Blocking, DaemonCases):
    def test_one_client_serves_several_threads(self) -> None:
        client = self.client(daemon.socket, connections=2)
        problems: list[BaseException] = []

        def work() -> None:
            try:
                for _ in range(5):
                    self.assertEqual(client.get_turn(asked), asked)
            except BaseException as problem:
                problems.append(problem)

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(problems, [])
        self.assertLessEqual(len(client._idle), 2)

    def test_the_regions_are_those_that_vpath_writes(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "regions.geojson")
            done = subprocess.run(
                [os.path.join(programs(), "vpath"), "ask", "--case", asked.case, "Where is this tissue most cellular?",
                 "--geojson", path, "--socket", daemon.socket],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(path, encoding="utf-8") as file:
                written = json.load(file)
        client = self.client(daemon.socket)
        turn = client.get_turn(client.list_turns(asked.case, limit=1).turns[0].turn)
        made = json.loads(json.dumps(geojson.answer_regions(turn)))
        self.assertEqual(made, written)
        self.assertGreater(len(made["features"]), 1)


class AsyncioDaemonTests(Asyncio, DaemonCases):
    def test_many_calls_run_side_by_side(self) -> None:
        async def work() -> None:
            async with AsyncClient(daemon.socket, connections=4) as client:
                found = await asyncio.gather(*[client.get_turn(asked) for _ in range(40)])
                self.assertEqual(set(turn.turn for turn in found), {asked.turn})
                self.assertLessEqual(len(client._idle), 4)

        asyncio.run(work())

    def test_a_cancelled_task_interrupts_its_turn(self) -> None:
        async def work() -> Optional[str]:
            async with AsyncClient(daemon.socket) as client:
                case = await client.open_case([demo_slide()], organ="skin", stain="H&E")
                began = asyncio.Event()
                task = asyncio.ensure_future(client.ask(case, QUESTION, on_note=lambda _: began.set(), timeout=300))
                await asyncio.wait_for(began.wait(), 60)
                task.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await task
                turn = (await client.get_case(case)).turns[-1]
                return (await (await client.follow(turn, timeout=300)).result()).stop

        self.assertEqual(asyncio.run(work()), "interrupted")

    def test_a_cancelled_call_interrupts_its_tool(self) -> None:
        async def work() -> Optional[str]:
            async with AsyncClient(daemon.socket) as client:
                case = await client.open_case([demo_slide()], organ="skin", stain="H&E")
                task = asyncio.ensure_future(client.call_tool(case, "cell_counter", {"slide": "s1"}))
                while not (turns := (await client.get_case(case)).turns):
                    await asyncio.sleep(0)
                task.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await task
                return (await (await client.follow(turns[0], timeout=300)).result()).stop

        self.assertEqual(asyncio.run(work()), "interrupted")


class RestartTests(unittest.TestCase):
    def test_a_stream_outlives_a_daemon_that_is_killed_and_started_again(self) -> None:
        own = Daemon()
        self.addCleanup(own.stop)
        with Client(own.socket) as client:
            case = client.open_case([demo_slide()], organ="skin", stain="H&E")
            with client.start(case, QUESTION, timeout=300) as stream:
                heard = [next(stream)]
                own.kill()
                restart = threading.Thread(target=own.start)
                restart.start()
                heard += list(stream)
                restart.join()
                turn = stream.result()
            self.assertEqual((turn.state, turn.stop), ("completed", "failed"))
            with client.follow(turn) as again:
                self.assertEqual(_durable(heard), _durable(again))


def _durable(notes: Any) -> list[Any]:
    return [note for note in notes if not isinstance(note, Progress)]


def _raw(method: str, params: Any) -> Any:
    from vpath.requests import Request

    return Request(method, params, lambda value: value)


del Cases, DaemonCases
