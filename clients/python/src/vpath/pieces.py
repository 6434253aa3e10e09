"""Bytes that come in pieces: artefacts and exports. Generators give requests and are sent their results, so that the
blocking and the asyncio client share them.

What must stay true: a file appears under its name only when it is whole; bytes that do not match the hash the daemon
names are never handed on; memory is bounded.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Optional, Union

from . import requests
from .errors import BadReply, VPathError
from .records import ArtefactPiece
from .requests import CaseLike, Request

#: Most bytes that are kept in memory unless a caller says otherwise.
MAX_BYTES = 256 << 20

Path = Union[str, "os.PathLike[str]"]


@dataclass(frozen=True)
class ArtefactBytes:
    """An artefact, or a view's picture, whole."""

    data: bytes
    media_type: str
    sha256: str


@dataclass(frozen=True)
class SavedFile:
    """A file that was written; `sha256` is of its bytes."""

    path: str
    size_bytes: int
    sha256: str


def artefact(
    case: CaseLike, id: str, write: Callable[[bytes], object], max_bytes: Optional[int]
) -> Generator[Request[Any], Any, ArtefactPiece]:
    """Reads an artefact piece by piece; its result describes the whole."""
    digest = hashlib.sha256()
    offset = 0
    first: Optional[ArtefactPiece] = None
    while True:
        piece: ArtefactPiece = yield requests.read_artefact(case, id, offset)
        first = first or piece
        if max_bytes is not None and piece.size_bytes > max_bytes:
            raise _too_large(id, piece.size_bytes, max_bytes)
        data = _decoded(piece.data, id)
        offset += len(data)
        if (piece.size_bytes, piece.sha256) != (first.size_bytes, first.sha256) or offset > first.size_bytes:
            raise BadReply("protocol.request", f"The pieces of {id} do not belong together.", subject=id)
        digest.update(data)
        write(data)
        if piece.next is None:
            break
        if piece.next != offset or not data:
            raise BadReply("protocol.request", f"The pieces of {id} leave a gap at byte {offset}.", subject=id)
    if offset != first.size_bytes or digest.hexdigest() != first.sha256:
        raise BadReply("protocol.request", f"The bytes of {id} are not those its hash names.", subject=id)
    return first


def export(
    case: CaseLike, write: Callable[[bytes], object], max_bytes: Optional[int]
) -> Generator[Request[Any], Any, str]:
    """Reads a case's export; its result is the SHA-256 of the bytes. The file's own chain proves its content."""
    subject = requests.case_id(case)
    digest = hashlib.sha256()
    size, cursor = 0, None
    while True:
        piece = yield requests.export(case, cursor)
        data = _decoded(piece.data, subject)
        size += len(data)
        if max_bytes is not None and size > max_bytes:
            raise _too_large(subject, size, max_bytes)
        digest.update(data)
        write(data)
        if piece.next is None:
            return digest.hexdigest()
        if piece.next == cursor:
            raise BadReply("protocol.request", "The export does not get on: a cursor came twice.", subject=subject)
        cursor = piece.next


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` when the block ends well, and is gone when it does not."""
    final = os.path.abspath(os.fspath(path))
    handle, part = tempfile.mkstemp(prefix=".vpath-", dir=os.path.dirname(final))
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, final)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)
        raise


def _decoded(text: str, subject: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadReply("protocol.request", f"A piece of {subject} is no base 64.", subject=subject) from None


def _too_large(subject: str, size: int, limit: int) -> VPathError:
    return VPathError(
        "protocol.params",
        f"{subject} has {size} bytes or more; at most {limit} are kept in memory. Save it to a file, or set max_bytes.",
        subject=subject,
    )
