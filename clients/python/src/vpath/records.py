"""What the other methods give: the daemon, cases, tools, reports, the trace."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Optional

from .evidence import Evidence, SlideRecord
from .wire import JSONObject, WireObject, extra_members


@dataclass(frozen=True)
class Discovery(WireObject):
    """Name, version, methods and limits of the daemon."""

    name: str
    version: str
    supported_versions: tuple[str, ...]
    methods: tuple[str, ...]
    limits: dict[str, Any]
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class Health(WireObject):
    """Whether the daemon is well; `state` is `ok`, `degraded` or `draining`."""

    state: str
    sandbox: bool
    problems: tuple[str, ...]
    connections: int
    running_turns: int
    queued_turns: int
    policy_digest: str
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class Model(WireObject):
    """A language model of the daemon's machine; `problem` says what keeps it from being used."""

    name: str
    used: bool
    built_in: bool
    title: Optional[str] = None
    licence: Optional[str] = None
    vision: Optional[bool] = None
    context_tokens: Optional[int] = None
    tool_choice_accuracy: Optional[float] = None
    problem: Optional[str] = None
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class ModelList(WireObject):
    """The language models of the daemon's machine."""

    models: tuple[Model, ...]
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class ModelStatus(WireObject):
    """What plans; `state` is `none`, `not_started`, `starting`, `ready`, `failing`, `stopped` or `endpoint`."""

    state: str
    planning: str
    remote: bool
    vision: bool
    context_tokens: int
    name: Optional[str] = None
    server: Optional[str] = None
    problem: Optional[str] = None
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class CaseDescription(WireObject):
    """What a person stated about the specimen."""

    organ: Optional[str] = None
    stain: Optional[str] = None
    stated_microns_per_pixel: Optional[float] = None
    notes: Optional[str] = None
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class Case(WireObject):
    """A case; `case` is its id, `state` is `open` or `closed`."""

    case: str
    state: str
    description: CaseDescription
    slides: tuple[SlideRecord, ...]
    turns: tuple[str, ...]
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class CaseRow(WireObject):
    """A row of case/list; times are RFC 3339 in UTC."""

    case: str
    state: str
    opened_at: str
    changed_at: str
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class CasePage(WireObject):
    """A page of cases, the last changed first; `next` is the cursor of the following one."""

    cases: tuple[CaseRow, ...]
    next: Optional[str] = None
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class EvidenceSet(WireObject):
    """Evidence by id."""

    evidence: dict[str, Evidence]
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class ArtefactPiece(WireObject):
    """A piece of bytes in base 64, of `size_bytes` in all; `next` is the following piece's offset."""

    data: str
    size_bytes: int
    media_type: str
    sha256: str
    next: Optional[int] = None
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class Tool(WireObject):
    """An installed tool, MCP's tool object; what it says of itself is a stranger's claim."""

    name: str
    input_schema: Any
    title: Optional[str] = None
    description: Optional[str] = None
    output_schema: Any = None
    annotations: Any = None
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class ToolList(WireObject):
    """The installed tools, by name."""

    tools: tuple[Tool, ...]
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class ToolResult(WireObject):
    """What a call gave: MCP's result, and the turn it is in the trace."""

    turn: str
    content: tuple[Any, ...]
    structured_content: Any
    is_error: bool
    extra: JSONObject = extra_members()

    @property
    def evidence(self) -> dict[str, Evidence]:
        """The evidence the call gave, by id."""
        given = self.structured_content.get("evidence") if isinstance(self.structured_content, dict) else None
        return EvidenceSet.from_json({"evidence": given or {}}).evidence


@dataclass(frozen=True)
class Report(WireObject):
    """A drafted report as JSON, with the ids of its JSON, Markdown and HTML files."""

    turn: str
    template: str
    report: Any
    artefacts: tuple[str, ...]
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class TurnRow(WireObject):
    """A row of trace/list."""

    turn: str
    case: str
    state: str
    queued_at: str
    first_seq: int
    last_seq: int
    stop: Optional[str] = None
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class TurnPage(WireObject):
    """A page of turns, newest first."""

    turns: tuple[TurnRow, ...]
    next: Optional[str] = None
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class TraceEvent(WireObject):
    """A recorded event; `payload` is None after redaction."""

    case: str = field(metadata={"member": "caseID"})
    seq: int
    kind: str
    time: str
    payload: Any
    hash: str
    turn: Optional[str] = None
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class EventPage(WireObject):
    """Events in order; `next` is the seq to ask after."""

    events: tuple[TraceEvent, ...]
    next: Optional[int] = None
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class TraceFault(WireObject):
    """The first thing that is wrong in a trace; `what` is a stable word of docs/trace-format.md."""

    what: str
    message: str
    case: Optional[str] = None
    seq: Optional[int] = None
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class Verification(WireObject):
    """What verification found."""

    ok: bool
    cases: int
    events: int
    checkpoints: int
    fault: Optional[TraceFault] = None
    #: What is not wrong but worth knowing, such as events that are not signed yet.
    notes: Optional[tuple[str, ...]] = None
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class Replay(WireObject):
    """What replay found; `verdict` is `identical`, `other build` or `diverged`."""

    turn: str
    verdict: str
    events: int
    seq: Optional[int] = None
    message: Optional[str] = None
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class Explanation(WireObject):
    """Where statements come from (measurement, tool, region, pixels, policy decision), and reasons from whom."""

    turn: str
    findings: tuple[Any, ...]
    #: One object a part that is not assessable.
    not_assessable: Optional[tuple[Any, ...]] = None
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class ExportPiece(WireObject):
    """A piece of an export in base 64."""

    data: str
    next: Optional[str] = None
    extra: JSONObject = extra_members()


@dataclass(frozen=True)
class Nothing(WireObject):
    """An empty result."""

    extra: JSONObject = extra_members()
