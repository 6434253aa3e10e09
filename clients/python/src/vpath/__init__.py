"""Asks vpathd, the virtual pathologist's daemon.

    from vpath import Client

    with Client() as client:
        case = client.open_case(["/slides/a.svs"], organ="skin", stain="H&E")
        turn = client.ask(case, "How many nuclei per mm² are there?")
        print(turn.answer)

`AsyncClient` is the same for asyncio. Not a medical device; see the project's intended use.
"""

from . import geojson
from .aio import AsyncClient, AsyncTurnStream
from .answer import (
    Answer, Finding, LeftOut, LookedAt, NotAssessable, Note, Progress, QuestionPart, Turn, TurnNote, TurnStarted, Usage,
)
from .client import Client
from .errors import TABLE, BadReply, Busy, Denied, ErrorRow, NotFound, TimedOut, Unreachable, VPathError
from .evidence import (
    Artefact, Comparison, Description, Evidence, EvidenceBody, Interval, Measurement, PixelDigest, Point, Quote, Ratio,
    Rect, Region, Score, SlideProperties, SlideRecord, SlideScale, ToolReference, UnknownBody, Validity, View,
)
from .pieces import ArtefactBytes, SavedFile
from .records import (
    Case, CaseDescription, CasePage, CaseRow, Discovery, EventPage, Explanation, Health, Model, ModelStatus, Replay,
    Report, Tool, ToolResult, TraceEvent, TraceFault, TurnPage, TurnRow, Verification,
)
from .requests import DrawnRegion, new_key
from .stream import TurnStream

__version__ = "0.1.0"

__all__ = [
    "TABLE", "Answer", "Artefact", "ArtefactBytes", "AsyncClient", "AsyncTurnStream", "BadReply", "Busy", "Case",
    "CaseDescription", "CasePage", "CaseRow", "Client", "Comparison", "Denied", "Description", "Discovery",
    "DrawnRegion", "ErrorRow", "EventPage", "Evidence", "EvidenceBody", "Explanation", "Finding", "Health", "Interval",
    "LeftOut", "LookedAt", "Measurement", "Model", "ModelStatus", "NotAssessable", "NotFound", "Note", "PixelDigest", "Point", "Progress",
    "QuestionPart", "Quote", "Ratio", "Rect", "Region", "Replay", "Report", "SavedFile", "Score", "SlideProperties",
    "SlideRecord", "SlideScale", "TimedOut", "Tool", "ToolReference", "ToolResult", "TraceEvent", "TraceFault", "Turn",
    "TurnNote", "TurnPage", "TurnRow", "TurnStarted", "TurnStream", "Unreachable", "UnknownBody", "Usage", "VPathError",
    "Validity", "Verification", "View", "geojson", "new_key",
]
