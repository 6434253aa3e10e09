"""The blocking client: every method of docs/rpc.md as a call.

What must stay true: it has the calls of the asyncio client, with the same names and parameters.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Optional

from . import pieces, requests
from .answer import Note, Turn
from .calls import Caller
from .errors import BadReply, Unreachable, VPathError
from .evidence import Evidence
from .follow import Follower
from .pieces import MAX_BYTES, ArtefactBytes, Path, SavedFile
from .records import (
    Case, CasePage, Discovery, EventPage, Explanation, Health, Model, ModelStatus, Replay, Report, Tool, ToolResult,
    TurnPage, Verification,
)
from .requests import LONG, CaseLike, RegionLike, TurnLike
from .stream import TurnStream
from .waiting import Deadline
from .wire import JSONObject


class Client(Caller):
    """Talks to vpathd.

    `timeout` is in seconds for each call, by default the method's own (60 s to 900 s); `ask`, `start` and `follow` have
    theirs. A call that the daemon was too busy for, or whose connection ended, is tried again up to `retries` times
    where repeating it is safe. A stream of a turn is picked up again for `reconnect_seconds`.
    """

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], value: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    # The daemon

    def discover(self, *, timeout: Optional[float] = None) -> Discovery:
        """Name, version, methods and limits of the daemon."""
        return self.run(requests.discover(), timeout)

    def health(self, *, timeout: Optional[float] = None) -> Health:
        """Whether the daemon is well, and what it is doing."""
        return self.run(requests.health(), timeout)

    # Language models

    def list_models(self, *, timeout: Optional[float] = None) -> tuple[Model, ...]:
        """The language models of the daemon's machine, and which one plans."""
        return self.run(requests.list_models(), timeout).models

    def model_status(self, *, timeout: Optional[float] = None) -> ModelStatus:
        """What plans at this moment, and what is not well with it."""
        return self.run(requests.model_status(), timeout)

    # Cases

    def open_case(
        self,
        slides: Iterable[str],
        *,
        organ: Optional[str] = None,
        stain: Optional[str] = None,
        microns_per_pixel: Optional[float] = None,
        notes: Optional[str] = None,
        key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Case:
        """Opens a case on slide files (paths as the daemon sees them). The same key gives the same case."""
        return self.run(requests.open_case(slides, organ, stain, microns_per_pixel, notes, key), timeout)

    def get_case(self, case: CaseLike, *, timeout: Optional[float] = None) -> Case:
        """A case with its slides and turns."""
        return self.run(requests.get_case(case), timeout)

    def list_cases(
        self, *, limit: Optional[int] = None, cursor: Optional[str] = None, timeout: Optional[float] = None
    ) -> CasePage:
        """A page of your cases, the last changed first; `cursor` is `next` of the page before."""
        return self.run(requests.list_cases(limit, cursor), timeout)

    def close_case(self, case: CaseLike, *, timeout: Optional[float] = None) -> None:
        """Closes a case: no further turns; its trace stays."""
        self.run(requests.close_case(case), timeout)

    # Turns

    def ask(
        self,
        case: CaseLike,
        question: str,
        *,
        regions: Iterable[RegionLike] = (),
        key: Optional[str] = None,
        on_note: Optional[Callable[[Note], object]] = None,
        timeout: float = LONG,
    ) -> Turn:
        """Asks, waits for the turn's end, and gives it with answer and evidence.

        When the wait is given up (the time is over, Ctrl-C, `on_note` raised), the turn is interrupted.
        """
        with self.start(case, question, regions=regions, key=key, timeout=timeout) as stream:
            try:
                for note in stream:
                    if on_note is not None:
                        on_note(note)
            except (BadReply, Unreachable):
                raise
            except BaseException:
                with contextlib.suppress(VPathError):
                    self.interrupt(stream.turn, timeout=5)
                raise
            return stream.result()

    def start(
        self,
        case: CaseLike,
        question: str,
        *,
        regions: Iterable[RegionLike] = (),
        key: Optional[str] = None,
        timeout: float = LONG,
    ) -> TurnStream:
        """Asks, and gives the stream of the turn's notes as soon as the turn is recorded.

        The stream has a connection of its own and ends after `timeout` seconds; the turn goes on then.
        """
        start = requests.start_turn(case, question, regions, key)
        return TurnStream(self, Follower(start=start), Deadline(timeout, "the turn"))

    def follow(self, turn: TurnLike, *, after: int = 0, timeout: float = LONG) -> TurnStream:
        """The stream of a turn's notes with a larger seq than `after`, then as they come."""
        id = requests.turn_id(turn)
        return TurnStream(self, Follower(turn=id, after=after), Deadline(timeout, "the turn", id))

    def get_turn(self, turn: TurnLike, *, timeout: Optional[float] = None) -> Turn:
        """A turn, with its answer and the evidence it cites."""
        return self.run(requests.get_turn(turn), timeout)

    def interrupt(self, turn: TurnLike, *, timeout: Optional[float] = None) -> bool:
        """Ends a turn; False when it had ended already."""
        return self.run(requests.interrupt(turn), timeout).accepted

    # Evidence

    def get_evidence(
        self, case: CaseLike, ids: Iterable[str], *, timeout: Optional[float] = None
    ) -> dict[str, Evidence]:
        """Evidence of a case, at most 1,000 ids."""
        return self.run(requests.get_evidence(case, ids), timeout).evidence

    def read_artefact(
        self, case: CaseLike, id: str, *, max_bytes: int = MAX_BYTES, timeout: Optional[float] = None
    ) -> ArtefactBytes:
        """An artefact's bytes, or a view's picture, checked against their hash. `timeout` is for each piece."""
        whole = io.BytesIO()
        piece = self._drive(pieces.artefact(case, id, whole.write, max_bytes), timeout)
        return ArtefactBytes(whole.getvalue(), piece.media_type, piece.sha256)

    def save_artefact(self, case: CaseLike, id: str, path: Path, *, timeout: Optional[float] = None) -> SavedFile:
        """Writes an artefact or a view's picture to a file; an existing one is replaced once the new one is whole."""
        with pieces.new_file(path) as file:
            piece = self._drive(pieces.artefact(case, id, file.write, None), timeout)
        return SavedFile(os.fspath(path), piece.size_bytes, piece.sha256)

    # Tools and reports

    def list_tools(self, *, timeout: Optional[float] = None) -> tuple[Tool, ...]:
        """The installed tools, by name."""
        return self.run(requests.list_tools(), timeout).tools

    def call_tool(
        self,
        case: CaseLike,
        name: str,
        arguments: Optional[JSONObject] = None,
        *,
        key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> ToolResult:
        """Calls one tool on a case. A tool that fails gives a result with `is_error`."""
        return self.run(requests.call_tool(case, name, arguments, key), timeout)

    def draft_report(
        self, case: CaseLike, template: str, *, key: Optional[str] = None, timeout: Optional[float] = None
    ) -> Report:
        """Fills a report template from the case's evidence."""
        return self.run(requests.draft_report(case, template, key), timeout)

    def get_report(self, turn: TurnLike, *, timeout: Optional[float] = None) -> Report:
        """A report drafted earlier."""
        return self.run(requests.get_report(turn), timeout)

    # The trace

    def list_turns(
        self,
        case: Optional[CaseLike] = None,
        *,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> TurnPage:
        """A page of turns, newest first."""
        return self.run(requests.list_turns(case, limit, cursor), timeout)

    def get_events(
        self,
        case: CaseLike,
        *,
        turn: Optional[TurnLike] = None,
        after: Optional[int] = None,
        limit: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> EventPage:
        """A page of a case's events, in order."""
        return self.run(requests.get_events(case, turn, after, limit), timeout)

    def verify(self, case: Optional[CaseLike] = None, *, timeout: Optional[float] = None) -> Verification:
        """Checks every hash and signature of a case, or of all."""
        return self.run(requests.verify(case), timeout)

    def replay(self, turn: TurnLike, *, timeout: Optional[float] = None) -> Replay:
        """Runs a turn again from its record alone and compares every byte."""
        return self.run(requests.replay(turn), timeout)

    def explain(
        self, turn: TurnLike, *, finding: Optional[int] = None, timeout: Optional[float] = None
    ) -> Explanation:
        """From statements (or one, 0 first) to measurement, tool, region, pixels and policy decision."""
        return self.run(requests.explain(turn, finding), timeout)

    def export(self, case: CaseLike, *, max_bytes: int = MAX_BYTES, timeout: Optional[float] = None) -> bytes:
        """One case as the bytes of a file that verifies on its own. `timeout` is for each piece."""
        whole = io.BytesIO()
        self._drive(pieces.export(case, whole.write, max_bytes), timeout)
        return whole.getvalue()

    def save_export(self, case: CaseLike, path: Path, *, timeout: Optional[float] = None) -> SavedFile:
        """Writes a case's export to a file; an existing one is replaced once the new one is whole."""
        with pieces.new_file(path) as file:
            sha256 = self._drive(pieces.export(case, file.write, None), timeout)
            size = file.tell()
        return SavedFile(os.fspath(path), size, sha256)
