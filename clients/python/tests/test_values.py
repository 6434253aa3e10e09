"""Values and what is made of them, without a daemon."""

from __future__ import annotations

import json
import os
import unittest
from unittest import mock

from vpath import BadReply, Evidence, Measurement, Region, Turn, UnknownBody, Unreachable, geojson
from vpath.messages import LineReader, Notification, parse
from vpath.places import default_socket
from vpath.waiting import Deadline

REGION = {
    "id": "r2", "kind": "region", "turn": "turn-1", "call": "call-1", "tool": {"name": "t", "version": "1"},
    "slide": "s1", "rect": {"x": 1, "y": 2, "width": 30, "height": 40}, "label": "candidate", "flags": ["touches ink"],
    "rank": 1, "score": {"name": "hematoxylin", "value": 0.5}, "ofANewerDaemon": [1],
}
VALIDITY = {"organs": [], "stains": [], "micronsPerPixel": [], "imageCount": 0, "within": False, "limits": []}
MEASUREMENT = {
    "id": "m3", "kind": "measurement", "name": "nuclear density", "value": 4900, "unit": "/mm2", "region": "r2",
    "flags": [], "validity": VALIDITY,
}
TURN = {
    "turn": "turn-1", "case": "case-1", "state": "completed", "stop": "answered",
    "evidence": {"r2": REGION, "m3": MEASUREMENT},
    "answer": {
        "turn": "turn-1", "question": "q", "stop": "answered", "lookedAt": {"leftOut": []},
        "parts": [{"part": 1, "asked": "How many"}, {"part": 2, "asked": "tumour"}],
        "findings": [{"part": 1, "statement": "About 4,900.", "kind": "measured", "evidence": ["m3"]}],
        "notAssessable": [{"part": 2, "asked": "tumour", "reason": "no tool"}],
        "usage": {
            "steps": 2, "toolCalls": 1, "reusedCalls": 0, "regions": 1, "tokens": 0, "seconds": 1.5, "planner": "p",
            "planning": "free",
        },
    },
}


class ValueTests(unittest.TestCase):
    def test_evidence_is_read_by_its_kind_and_written_as_it_came(self) -> None:
        found = Evidence.from_json(REGION)
        self.assertIsInstance(found.body, Region)
        self.assertEqual(found.region.rect.width, 30)
        self.assertEqual(found.body.extra, {"ofANewerDaemon": [1]})
        self.assertEqual(found.to_json(), REGION)
        measured = Evidence.from_json(MEASUREMENT)
        self.assertIsInstance(measured.body, Measurement)
        with self.assertRaises(BadReply):
            _ = measured.region

    def test_evidence_of_an_unknown_kind_is_kept_whole(self) -> None:
        given = {"id": "w1", "kind": "waveform", "turn": "turn-1", "samples": [1, 2]}
        found = Evidence.from_json(given)
        self.assertIsInstance(found.body, UnknownBody)
        self.assertEqual(found.to_json(), given)

    def test_a_turn_tells_its_cited_regions_and_prints_its_answer(self) -> None:
        turn = Turn.from_json(TURN)
        self.assertEqual(list(turn.cited_regions()), ["r2"])
        self.assertEqual(
            str(turn.answer),
            "1. How many\n   About 4,900.\n   evidence: m3\n2. tumour\n   not assessable: no tool",
        )
        self.assertEqual(turn.to_json(), TURN)

    def test_regions_become_geojson_that_qupath_reads(self) -> None:
        made = geojson.answer_regions(Turn.from_json(TURN))
        (feature,) = made["features"]
        self.assertEqual(feature["geometry"]["coordinates"], [[[1, 2], [31, 2], [31, 42], [1, 42], [1, 2]]])
        self.assertEqual(feature["properties"]["measurements"], {"nuclear density /mm² (m3)": 4900})
        self.assertEqual(feature["id"], "76706174-6800-4000-8000-000000000002")
        json.dumps(made, allow_nan=False)
        self.assertEqual(geojson.answer_regions(Turn.from_json(TURN), slide="s2")["features"], [])

    def test_lines_are_split_at_lf_alone_in_any_pieces(self) -> None:
        text = b'{"a":1}\r\n\n{"b":"\xe2\x80\xa8"}\n{"c"'
        whole = LineReader()
        lines = [line for index in range(len(text)) for line in whole.feed(text[index : index + 1])]
        self.assertEqual(lines, [b'{"a":1}\r', '{"b":"\u2028"}'.encode()])
        self.assertTrue(whole.is_mid_line)
        self.assertEqual(lines, LineReader().feed(text))
        exact = LineReader(4)
        self.assertEqual(exact.feed(b"1234\n1234\n"), [b"1234", b"1234"])
        with self.assertRaises(BadReply):
            exact.feed(b"12345")

    def test_a_notification_is_told_from_an_answer(self) -> None:
        found = parse(b'{"jsonrpc":"2.0","method":"turn/started","params":{"seq":1}}')
        self.assertEqual(found, Notification("turn/started", {"seq": 1}))

    def test_the_socket_is_the_one_that_is_named_or_the_user_s(self) -> None:
        with mock.patch.dict(os.environ, {"VPATH_SOCKET": "/x/y.sock"}):
            self.assertEqual(default_socket(), "/x/y.sock")
        with mock.patch.dict(os.environ, {"VPATH_SOCKET": "", "XDG_RUNTIME_DIR": "/run/user/5"}):
            with mock.patch("vpath.places.SYSTEM_SOCKET", "/none"):
                self.assertEqual(default_socket(), "/run/user/5/vpath/vpathd.sock")

    def test_a_folder_of_somebody_else_is_not_trusted(self) -> None:
        with mock.patch.dict(os.environ, {"VPATH_SOCKET": "", "XDG_RUNTIME_DIR": ""}):
            with mock.patch("vpath.places.SYSTEM_SOCKET", "/none"), mock.patch("os.path.lexists", return_value=True):
                with mock.patch("os.lstat", return_value=mock.Mock(st_uid=os.getuid() + 1)):
                    with self.assertRaises(Unreachable):
                        default_socket()

    def test_a_time_out_must_be_above_zero(self) -> None:
        for seconds in (0, -1, float("nan"), float("inf")):
            with self.assertRaises(ValueError):
                Deadline(seconds, "it")


if __name__ == "__main__":
    unittest.main()
