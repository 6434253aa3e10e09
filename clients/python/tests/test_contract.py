"""The client against docs/rpc.md and schemas/: nothing of the API is missing or misread here."""

from __future__ import annotations

import dataclasses
import glob
import inspect
import json
import os
import re
import typing
import unittest
from typing import Any

from vpath import AsyncClient, Client, answer, errors, evidence, records, requests
from vpath.wire import WireObject, member_name

from .support import ROOT

#: Which class reads the result, or the parameters of a notification.
CLASSES: dict[str, type[WireObject]] = {
    "server/discover": records.Discovery, "server/health": records.Health,
    "model/list": records.ModelList, "model/status": records.ModelStatus, "case/open": records.Case,
    "case/get": records.Case, "case/list": records.CasePage, "case/close": records.Nothing,
    "turn/start": answer.TurnStarted, "turn/get": answer.Turn, "turn/interrupt": answer.Interrupted,
    "turn/subscribe": records.Nothing, "evidence/get": records.EvidenceSet, "artefact/read": records.ArtefactPiece,
    "tools/list": records.ToolList, "tools/call": records.ToolResult, "report/draft": records.Report,
    "report/get": records.Report, "trace/list": records.TurnPage, "trace/get": records.EventPage,
    "trace/verify": records.Verification, "trace/replay": records.Replay, "trace/explain": records.Explanation,
    "trace/export": records.ExportPiece, "turn/started": answer.TurnNote, "item/started": answer.TurnNote,
    "item/completed": answer.TurnNote, "turn/completed": answer.TurnNote, "item/progress": answer.Progress,
    "subscription/ended": answer.SubscriptionEnded,
}
#: Sent by this client, never read.
SENT = {"notifications/cancelled"}
#: Comes only to a call that asks for it by `_meta.progressToken`; this client asks for none.
NEVER_ASKED_FOR = {"notifications/progress"}
NEVER_SENT = {"tools/call": {"_meta"}}


def schemas() -> dict[str, Any]:
    """Every schema by its title."""
    found = {}
    for path in glob.glob(os.path.join(ROOT, "schemas", "*", "*.json")):
        with open(path, encoding="utf-8") as file:
            schema = json.load(file)
        if "result" in schema.get("$defs", {}) or "params" in schema.get("$defs", {}):
            found[schema["title"]] = schema["$defs"]
    return found


class ContractTests(unittest.TestCase):
    def test_every_method_and_notification_is_read_by_a_class(self) -> None:
        self.assertEqual(set(schemas()), set(CLASSES) | SENT | NEVER_ASKED_FOR)

    def test_every_member_of_a_result_is_a_field_and_none_is_needed_that_may_be_absent(self) -> None:
        for name, definitions in schemas().items():
            if name in SENT | NEVER_ASKED_FOR:
                continue
            with self.subTest(name):
                self.compare(CLASSES[name], definitions.get("result", definitions.get("params")), name)

    def compare(self, cls: type[WireObject], schema: Any, place: str) -> None:
        hints = typing.get_type_hints(cls)
        fields = {
            item.metadata.get("member", member_name(item.name)): item
            for item in dataclasses.fields(cls)
            if item.name not in ("extra", "method") and not (cls is evidence.Evidence and item.name == "body")
        }
        properties = schema.get("properties", {})
        self.assertLessEqual(set(properties), set(fields), place)
        needed = {member for member, item in fields.items() if item.default is dataclasses.MISSING}
        self.assertLessEqual(needed, set(schema.get("required", [])), place)
        for member, inner in properties.items():
            self.compare_value(hints[fields[member].name], inner, f"{place}/{member}")

    def compare_value(self, hint: Any, schema: Any, place: str) -> None:
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin is typing.Union:
            return self.compare_value(next(kind for kind in arguments if kind is not type(None)), schema, place)
        if origin is tuple:
            self.assertEqual(schema["type"], "array", place)
            return self.compare_value(arguments[0], schema["items"], f"{place}/0")
        if origin is dict:
            self.assertEqual(schema["type"], "object", place)
            if isinstance(schema.get("additionalProperties"), dict):
                self.compare_value(arguments[1], schema["additionalProperties"], f"{place}/*")
            return None
        if isinstance(hint, type) and issubclass(hint, WireObject):
            self.assertEqual(schema["type"], "object", place)
            return self.compare(hint, schema, place)
        plain = {str: "string", bool: "boolean", int: "integer", float: "number"}
        if hint is not Any:
            self.assertEqual(schema.get("type"), plain[hint], place)
        return None

    def test_every_parameter_of_every_method_can_be_sent(self) -> None:
        made: list[requests.Request[Any]] = [
            requests.discover(), requests.health(), requests.list_models(), requests.model_status(),
            requests.open_case(["/a.svs"], "skin", "H&E", 0.5, "n", None), requests.get_case("case-1"),
            requests.list_cases(5, "c"), requests.close_case("case-1"),
            requests.start_turn("case-1", "q", [(1, 2, 3, 4)], None), requests.get_turn("turn-1"),
            requests.interrupt("turn-1"), requests.subscribe("turn-1", 0), requests.get_evidence("case-1", ["m1"]),
            requests.read_artefact("case-1", "a1", 0), requests.list_tools(),
            requests.call_tool("case-1", "t", None, None), requests.draft_report("case-1", "skin_excision", None),
            requests.get_report("turn-1"), requests.list_turns("case-1", 5, "c"),
            requests.get_events("case-1", "turn-1", 0, 5), requests.verify("case-1"), requests.replay("turn-1"),
            requests.explain("turn-1", 0), requests.export("case-1", "c"),
        ]
        known = schemas()
        methods = {name for name, definitions in known.items() if "result" in definitions}
        self.assertEqual({request.method for request in made}, methods)
        for request in made:
            with self.subTest(request.method):
                properties = set(known[request.method]["params"].get("properties", {}))
                self.assertLessEqual(properties - NEVER_SENT.get(request.method, set()), set(request.params))

    def test_the_error_table_is_that_of_the_reference_page(self) -> None:
        with open(os.path.join(ROOT, "docs", "rpc.md"), encoding="utf-8") as file:
            text = file.read().split("## Errors", 1)[1]
        rows = re.findall(r"^\| `([a-z_.]+)` \| (-?\d+|–) \| (\d+) \| (yes|no) \|", text, re.MULTILINE)
        stated = {
            id: errors.ErrorRow(None if code == "–" else int(code), int(status), retry == "yes")
            for id, code, status, retry in rows
        }
        self.assertEqual(stated, errors.TABLE)

    def test_both_clients_have_the_same_calls(self) -> None:
        def calls(cls: type[Any]) -> dict[str, list[str]]:
            return {
                name: list(inspect.signature(member).parameters)
                for name, member in inspect.getmembers(cls, inspect.isfunction)
                if not name.startswith("_")
            }

        self.assertEqual(calls(Client), calls(AsyncClient))


if __name__ == "__main__":
    unittest.main()
