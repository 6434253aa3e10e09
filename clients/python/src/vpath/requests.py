"""Every method of docs/rpc.md as a value: its parameters, how its result is read, how long it may take.

What must stay true: a request that makes a case or a turn carries a key, so that sending it twice makes one; one that is
not safe to repeat is never sent twice.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, Optional, TypeVar, Union

from . import answer, records
from .evidence import Rect
from .wire import JSONObject, to_json

R = TypeVar("R")

#: Seconds for what needs no tool.
SHORT = 60.0
#: Seconds for what reads a slide.
SLIDE = 180.0
#: Seconds for what runs a tool or reads the whole trace: a turn's own budget and its place in the queue.
LONG = 900.0


@dataclass(frozen=True)
class Request(Generic[R]):
    """A call of one method."""

    method: str
    params: JSONObject
    read: Callable[[Any], R]
    #: Limit for all tries together, in seconds.
    seconds: float = SHORT
    #: Whether it may be sent again when the connection ended before its answer.
    repeatable: bool = True


@dataclass(frozen=True)
class DrawnRegion:
    """A region you drew: a rectangle or QuPath GeoJSON in level-0 pixels; `slide` when the case has several."""

    rect: Optional[Rect] = None
    geojson: Optional[JSONObject] = None
    slide: Optional[str] = None

    def to_json(self) -> JSONObject:
        """As the daemon reads it."""
        return _params(rect=to_json(self.rect), geojson=self.geojson, slide=self.slide)


#: A region as you may give it: `(x, y, width, height)`, a Rect, a GeoJSON object, or a DrawnRegion.
RegionLike = Union[tuple[int, int, int, int], Rect, JSONObject, DrawnRegion]
#: A case or its id.
CaseLike = Union[str, records.Case]
#: A turn or its id.
TurnLike = Union[str, answer.Turn, answer.TurnStarted]


def new_key() -> str:
    """A fresh idempotency key."""
    return f"py-{uuid.uuid4().hex}"


def case_id(case: CaseLike) -> str:
    """The id of a case."""
    return case if isinstance(case, str) else case.case


def turn_id(turn: TurnLike) -> str:
    """The id of a turn."""
    return turn if isinstance(turn, str) else turn.turn


def region(given: RegionLike) -> DrawnRegion:
    """A region in the form the daemon reads."""
    if isinstance(given, DrawnRegion):
        return given
    if isinstance(given, Rect):
        return DrawnRegion(rect=given)
    if isinstance(given, dict):
        return DrawnRegion(geojson=given)
    x, y, width, height = given
    return DrawnRegion(rect=Rect(x, y, width, height))


def _params(**members: Any) -> JSONObject:
    return {key: value for key, value in members.items() if value is not None}


def discover() -> Request[records.Discovery]:
    return Request("server/discover", {}, records.Discovery.from_json)


def health() -> Request[records.Health]:
    return Request("server/health", {}, records.Health.from_json)


def list_models() -> Request[records.ModelList]:
    return Request("model/list", {}, records.ModelList.from_json)


def model_status() -> Request[records.ModelStatus]:
    return Request("model/status", {}, records.ModelStatus.from_json)


def open_case(
    slides: Iterable[str],
    organ: Optional[str],
    stain: Optional[str],
    microns_per_pixel: Optional[float],
    notes: Optional[str],
    key: Optional[str],
) -> Request[records.Case]:
    params = _params(
        slides=list(slides), organ=organ, stain=stain, micronsPerPixel=microns_per_pixel, notes=notes,
        key=key or new_key(),
    )
    return Request("case/open", params, records.Case.from_json, SLIDE)


def get_case(case: CaseLike) -> Request[records.Case]:
    return Request("case/get", {"case": case_id(case)}, records.Case.from_json)


def list_cases(limit: Optional[int], cursor: Optional[str]) -> Request[records.CasePage]:
    return Request("case/list", _params(limit=limit, cursor=cursor), records.CasePage.from_json)


def close_case(case: CaseLike) -> Request[records.Nothing]:
    return Request("case/close", {"case": case_id(case)}, records.Nothing.from_json, SHORT, repeatable=False)


def start_turn(
    case: CaseLike, question: str, regions: Iterable[RegionLike], key: Optional[str]
) -> Request[answer.TurnStarted]:
    drawn = [region(given).to_json() for given in regions]
    params = _params(case=case_id(case), question=question, regions=drawn or None, key=key or new_key())
    return Request("turn/start", params, answer.TurnStarted.from_json)


def get_turn(turn: TurnLike) -> Request[answer.Turn]:
    return Request("turn/get", {"turn": turn_id(turn)}, answer.Turn.from_json)


def interrupt(turn: TurnLike) -> Request[answer.Interrupted]:
    return Request("turn/interrupt", {"turn": turn_id(turn)}, answer.Interrupted.from_json)


def subscribe(turn: TurnLike, after: int) -> Request[records.Nothing]:
    return Request("turn/subscribe", {"turn": turn_id(turn), "after": after}, records.Nothing.from_json)


def get_evidence(case: CaseLike, ids: Iterable[str]) -> Request[records.EvidenceSet]:
    params = {"case": case_id(case), "ids": list(ids)}
    return Request("evidence/get", params, records.EvidenceSet.from_json)


def read_artefact(case: CaseLike, id: str, offset: int) -> Request[records.ArtefactPiece]:
    params = {"case": case_id(case), "id": id, "offset": offset}
    return Request("artefact/read", params, records.ArtefactPiece.from_json)


def list_tools() -> Request[records.ToolList]:
    return Request("tools/list", {}, records.ToolList.from_json)


def call_tool(
    case: CaseLike, name: str, arguments: Optional[JSONObject], key: Optional[str]
) -> Request[records.ToolResult]:
    params = {"case": case_id(case), "name": name, "arguments": to_json(arguments or {}), "key": key or new_key()}
    return Request("tools/call", params, records.ToolResult.from_json, LONG)


def draft_report(case: CaseLike, template: str, key: Optional[str]) -> Request[records.Report]:
    params = {"case": case_id(case), "template": template, "key": key or new_key()}
    return Request("report/draft", params, records.Report.from_json, LONG)


def get_report(turn: TurnLike) -> Request[records.Report]:
    return Request("report/get", {"turn": turn_id(turn)}, records.Report.from_json)


def list_turns(case: Optional[CaseLike], limit: Optional[int], cursor: Optional[str]) -> Request[records.TurnPage]:
    params = _params(case=None if case is None else case_id(case), limit=limit, cursor=cursor)
    return Request("trace/list", params, records.TurnPage.from_json)


def get_events(
    case: CaseLike, turn: Optional[TurnLike], after: Optional[int], limit: Optional[int]
) -> Request[records.EventPage]:
    of = None if turn is None else turn_id(turn)
    params = _params(case=case_id(case), turn=of, after=after, limit=limit)
    return Request("trace/get", params, records.EventPage.from_json)


def verify(case: Optional[CaseLike]) -> Request[records.Verification]:
    params = _params(case=None if case is None else case_id(case))
    return Request("trace/verify", params, records.Verification.from_json, LONG)


def replay(turn: TurnLike) -> Request[records.Replay]:
    return Request("trace/replay", {"turn": turn_id(turn)}, records.Replay.from_json, LONG)


def explain(turn: TurnLike, finding: Optional[int]) -> Request[records.Explanation]:
    params = _params(turn=turn_id(turn), finding=finding)
    return Request("trace/explain", params, records.Explanation.from_json, SLIDE)


def export(case: CaseLike, cursor: Optional[str]) -> Request[records.ExportPiece]:
    params = _params(case=case_id(case), cursor=cursor)
    return Request("trace/export", params, records.ExportPiece.from_json, LONG)
