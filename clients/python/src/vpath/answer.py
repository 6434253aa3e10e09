"""Answers, turns, and what the daemon says while a turn runs.

What must stay true: statements are shown as the daemon rendered them; nothing is worded anew here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional, Union

from .errors import VPathError, from_rpc
from .evidence import Evidence, Measurement, Region, View
from .wire import JSONObject, WireObject, extra_members


@dataclass(frozen=True)
class QuestionPart(WireObject):
    """A part of the question, 1 for the first, in the words that were asked."""

    part: int
    asked: str
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class Finding(WireObject):
    """A statement about one part; `kind` is `measured` (the daemon's words) or `described` (a model's)."""

    part: int
    statement: str
    kind: str
    #: Ids of what it rests on.
    evidence: tuple[str, ...]
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class NotAssessable(WireObject):
    """A part that cannot be answered, and why."""

    part: int
    asked: str
    reason: str
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class LeftOut(WireObject):
    """Something left out of the analysis; `share` is of the tissue found, 0 to 1."""

    what: str
    area_mm2: Optional[float] = None
    share: Optional[float] = None
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class LookedAt(WireObject):
    """How much of the slide stands behind an answer."""

    left_out: tuple[LeftOut, ...]
    tissue_area_mm2: Optional[float] = None
    microns_per_pixel: Optional[float] = None
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class Usage(WireObject):
    """What a turn cost, and who planned it; `planning` says who decided the steps, such as `rules` or `free`."""

    steps: int
    tool_calls: int
    reused_calls: int
    regions: int
    tokens: int
    seconds: float
    planner: str
    planning: str
    #: Prompt tokens that came from the model server's cache.
    cached_tokens: Optional[int] = None
    #: How often a model was asked.
    model_requests: Optional[int] = None
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class Answer(WireObject):
    """The rendered answer of a turn."""

    turn: str
    question: str
    parts: tuple[QuestionPart, ...]
    #: `answered`, `composed`, `budget_exhausted`, `interrupted`, `model_unavailable` or `failed`.
    stop: str
    findings: tuple[Finding, ...]
    not_assessable: tuple[NotAssessable, ...]
    looked_at: LookedAt
    usage: Usage
    extra: JSONObject = extra_members()

    def __str__(self) -> str:
        lines = []
        for part in self.parts:
            lines.append(f"{part.part}. {part.asked}")
            for finding in self.findings:
                if finding.part == part.part:
                    words = "" if finding.kind == "measured" else " (in the model's words)"
                    lines += [f"   {finding.statement}{words}", f"   evidence: {', '.join(finding.evidence)}"]
            for gap in self.not_assessable:
                if gap.part == part.part:
                    lines.append(f"   not assessable: {gap.reason}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Turn(WireObject):
    """A turn as turn/get gives it."""

    turn: str
    case: str
    #: `queued`, `running` or `completed`.
    state: str
    #: What the answer cites, and regions, views and artefacts of the turn, by id.
    evidence: dict[str, Evidence]
    #: Once completed, unless it failed before it had one.
    answer: Optional[Answer] = None
    stop: Optional[str] = None
    #: What ended it where that has an id, as JSON-RPC's error object; `problem` is the same as an exception.
    error: Any = None
    extra: JSONObject = extra_members()

    @property
    def problem(self) -> Optional[VPathError]:
        """What ended it, to look at or to raise; None where nothing with an id did."""
        return None if self.error is None else from_rpc(self.error)

    def cited_regions(self) -> dict[str, Region]:
        """The regions that the findings cite, or that a cited measurement or view is of, by id in order."""
        cited = {id for finding in (self.answer.findings if self.answer else ()) for id in finding.evidence}
        wanted = set(cited)
        for id in cited & set(self.evidence):
            body = self.evidence[id].body
            if isinstance(body, (Measurement, View)) and body.region:
                wanted.add(body.region)
        found = {id: self.evidence[id].body for id in sorted(wanted & set(self.evidence), key=_number)}
        return {id: body for id, body in found.items() if isinstance(body, Region)}


@dataclass(frozen=True)
class TurnStarted(WireObject):
    """What turn/start answers; `position` is how many turns of the case come before it."""

    turn: str
    position: int
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class Interrupted(WireObject):
    """What turn/interrupt answers; False when the turn had ended already."""

    accepted: bool
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class TurnNote(WireObject):
    """A durable event of a turn: `turn/started`, `item/started`, `item/completed` or `turn/completed`."""

    method: str
    turn: str
    case: str
    #: The event's place in the case; it only grows within a turn.
    seq: int
    #: One line for a person.
    title: str
    #: `step-2`, `call-1`.
    item: Optional[str] = None
    type: Optional[str] = None
    #: By method: tool and arguments, evidence ids, the error, or the answer.
    detail: Any = None
    extra: JSONObject = extra_members()

    @property
    def is_last(self) -> bool:
        """Whether the turn ended with it."""
        return self.method == "turn/completed"


@dataclass(frozen=True)
class Progress(WireObject):
    """How far a call is; not recorded, and may be left out."""

    turn: str
    item: str
    message: str
    fraction: Optional[float] = None
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class SubscriptionEnded(WireObject):
    """Nothing more comes for a turn although its end was not sent."""

    turn: str
    case: str
    error: Any
    extra: JSONObject = extra_members()


#: What a stream of a turn gives.
Note = Union[TurnNote, Progress]


def _number(id: str) -> tuple[int, str]:
    digits = id[1:]
    return (int(digits) if digits.isdigit() and len(digits) < 20 else 0, id)
