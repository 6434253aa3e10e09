#!/usr/bin/env python3
"""Verifies a vpath trace without vpath: a state directory, or the export of one case.

    verify.py PATH [--case ID] [--key HEX-OR-FILE] [--checkpoints FILE] [--json]

Written from docs/trace-format.md and from nothing else, with Python's standard library; Ed25519 signatures are
checked with the `cryptography` package where it can be imported, else by the code below (RFC 8032, slower).
Nothing in PATH is changed. Exit status: 0 all is right, 65 something was changed, 66 no such file or case,
64 the command line was not understood.

What must stay true: the same verdict as the daemon's own verifier, on the same first event, with the same word.
"""

import argparse
import base64
import binascii
import fcntl
import hashlib
import json
import os
import re
import shutil
import sqlite3
import sys
import tempfile
import urllib.parse

FORMAT = "vpath-trace-1"
EVENT_TAG = b"vpath-trace-1 event\n"
KEPT_TAG = b"vpath-trace-1 kept\n"
CHECKPOINT_TAG = b"vpath-trace-1 checkpoint\n"
ZERO = bytes(32)
MAX_CHECKPOINT_LINE = 2048
MAX_EXPORT_LINE = 4 << 20

IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
KIND = re.compile(r"[a-z_.]{1,64}")
TIME = re.compile(r"[0-9:TZ.+-]{20,40}")
HEX64 = re.compile(r"[0-9a-f]{64}")
HEX128 = re.compile(r"[0-9a-f]{128}")


# Ed25519 verification, RFC 8032 section 5.1, used where the `cryptography` package is missing.

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_MINUS_ONE = pow(2, (P - 1) // 4, P)


def _add(a, b):
    """Adds two points in extended coordinates."""
    s = (a[1] - a[0]) * (b[1] - b[0]) % P
    t = (a[1] + a[0]) * (b[1] + b[0]) % P
    u = 2 * a[3] * b[3] * D % P
    v = 2 * a[2] * b[2] % P
    e, f, g, h = t - s, v - u, v + u, t + s
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _times(point, number):
    """The point added to itself `number` times."""
    result = (0, 1, 1, 0)
    while number:
        if number & 1:
            result = _add(result, point)
        point = _add(point, point)
        number >>= 1
    return result


def _point(encoded):
    """The point that 32 bytes encode, or None."""
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if (v * x * x - u) % P != 0:
        x = x * SQRT_MINUS_ONE % P
        if (v * x * x - u) % P != 0:
            return None
    if x == 0 and sign:
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


_y = 4 * pow(5, P - 2, P) % P
BASE = _point(_y.to_bytes(32, "little"))


def _is_signed_slowly(public_key, message, signature):
    key, commitment = _point(public_key), _point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or s >= L:
        return False
    digest = hashlib.sha512(signature[:32] + public_key + message).digest()
    k = int.from_bytes(digest, "little") % L
    left, right = _times(BASE, s), _add(commitment, _times(key, k))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


def _is_signed_by_library(public_key, message, signature):
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    is_signed = _is_signed_by_library
except ImportError:
    is_signed = _is_signed_slowly


# What the format says of one event.


class Fault(Exception):
    """The first thing found wrong in one part of the trace."""

    def __init__(self, what, case, seq, message):
        super().__init__(message)
        self.what, self.case, self.seq, self.message = what, case, seq, message

    def as_json(self):
        fault = {"what": self.what, "message": self.message}
        if self.case is not None:
            fault["case"] = self.case
        if self.seq is not None:
            fault["seq"] = self.seq
        return fault


class Event:
    """One stored event; a field that cannot be read is None."""

    def __init__(self, seq, turn, kind, time, commitment, kept_commitment, hash_, salt, kept, payload_file, payload):
        self.seq, self.turn, self.kind, self.time = seq, turn, kind, time
        self.commitment, self.kept_commitment, self.hash = commitment, kept_commitment, hash_
        self.salt, self.kept, self.payload_file, self.payload = salt, kept, payload_file, payload
        self.readable = True

    @property
    def erased(self):
        return self.salt is None or (self.payload is None and self.payload_file is None)

    def header(self, case):
        """The canonical JSON that the hash covers, or None when a field is not well formed."""
        if not self.readable or self.seq is None or self.seq < 1 or self.commitment is None:
            return None
        if not matches(IDENTIFIER, case) or not (self.turn is None or matches(IDENTIFIER, self.turn)):
            return None
        if not matches(KIND, self.kind) or not matches(TIME, self.time):
            return None
        return canonical({
            "case": case, "commitment": self.commitment.hex(),
            "kept": None if self.kept_commitment is None else self.kept_commitment.hex(),
            "kind": self.kind, "seq": self.seq, "time": self.time, "turn": self.turn,
        })


def matches(pattern, text):
    return isinstance(text, str) and pattern.fullmatch(text) is not None


def canonical(value):
    """RFC 8785 for the values met here: objects of text, null and whole numbers below 2^53."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def sha256(*parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()


def kept_commitment(salt, hashes):
    return sha256(KEPT_TAG, salt, *hashes) if hashes else None


class Chain:
    """Follows one case's chain from its first event."""

    def __init__(self, case):
        self.case, self.seq, self.hash = case, 0, ZERO
        self.unexplained = set()  # erased events that no trace.redacted event has named yet

    def fault(self, what, seq, message):
        return Fault(what, self.case, seq, message)

    def follow(self, event, filed_right=True):
        expected = self.seq + 1
        if event.seq is not None and event.seq > expected:
            raise self.fault("event.missing", expected, f"The event is not there; the next one has seq {event.seq}.")
        header = event.header(self.case) if filed_right else None
        if event.seq != expected or header is None or event.hash is None \
                or sha256(EVENT_TAG, self.hash, header) != event.hash:
            raise self.fault("event.hash", expected,
                             "The event's header or hash does not follow from the event before it.")
        self.seq, self.hash = expected, event.hash

    def check_content(self, event, payload_digest, check_bytes, read_payload):
        """Checks what the event commits to. `payload_digest` hashes salt and payload, `check_bytes` one kept piece."""
        if event.erased:
            self.unexplained.add(event.seq)
            return
        if payload_digest(event) != event.commitment:
            raise self.fault("event.payload", event.seq, "The payload is not the one that was recorded.")
        if kept_commitment(event.salt, event.kept) != event.kept_commitment:
            raise self.fault("event.kept", event.seq, "The list of kept bytes is not the one that was recorded.")
        for digest in event.kept:
            check_bytes(digest, event)
        if event.kind == "trace.redacted":
            self.unexplained -= {seq for seq in seqs_named(read_payload(event)) if seq < event.seq}

    def check_signed(self, seq, digest):
        if (seq, digest) != (self.seq, self.hash):
            raise self.fault("checkpoint.head", seq, "The event is not the one that was signed.")

    def check_end(self, signed_seq):
        if signed_seq > self.seq:
            raise self.fault("tail.missing", self.seq + 1,
                             f"The chain ends at seq {self.seq}, but seq {signed_seq} was signed.")
        if self.unexplained:
            raise self.fault("event.erased", min(self.unexplained),
                             "The payload is gone, and no trace.redacted event says so.")

    def bytes_missing(self, seq):
        return self.fault("bytes.missing", seq, "Bytes that the event refers to are gone.")

    def bytes_altered(self, seq):
        return self.fault("bytes.altered", seq, "Bytes that the event refers to are not those kept.")


class Checkpoint:
    """One line of the checkpoint log."""

    def __init__(self, line):
        """Raises ValueError when the line is not exactly what the format writes."""
        if len(line) > MAX_CHECKPOINT_LINE:
            raise ValueError("too long")
        value = strict_json(line)
        if not isinstance(value, dict) or sorted(value) != [
                "case", "hash", "number", "previous", "publicKey", "seq", "signature", "time"]:
            raise ValueError("keys")
        for key in ("number", "seq"):
            if type(value[key]) is not int or not 0 < value[key] <= 2**53:
                raise ValueError(key)
        for key in ("hash", "previous", "publicKey"):
            if not matches(HEX64, value[key]):
                raise ValueError(key)
        if not matches(HEX128, value["signature"]) or not matches(TIME, value["time"]) \
                or not matches(IDENTIFIER, value["case"]) or canonical(value) != line:
            raise ValueError("form")
        self.case, self.number, self.seq, self.time = value["case"], value["number"], value["seq"], value["time"]
        self.hash, self.previous = bytes.fromhex(value["hash"]), bytes.fromhex(value["previous"])
        self.public_key = bytes.fromhex(value["publicKey"])
        self.signature = bytes.fromhex(value.pop("signature"))
        self.signed = CHECKPOINT_TAG + canonical(value)

    def is_signed_by(self, public_key):
        return public_key == self.public_key and is_signed(public_key, self.signed, self.signature)


def checkpoint_or_none(line):
    try:
        return Checkpoint(line)
    except (ValueError, RecursionError):
        return None


def strict_json(text):
    """Parses JSON as the format means it: no duplicate key, no NaN. Raises ValueError."""

    def members(pairs):
        result = dict(pairs)
        if len(result) != len(pairs):
            raise ValueError("duplicate key")
        return result

    def refuse(word):
        raise ValueError(word)

    return json.loads(text.decode("utf-8"), object_pairs_hook=members, parse_constant=refuse)


def whole_number(value):
    """A whole number within 2^53, however it was written, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value or abs(value) > 2**53:
        return None
    return int(value) if value == int(value) else None


def seqs_named(payload):
    """The seqs a trace.redacted payload names."""
    try:
        seqs = strict_json(payload).get("seqs")
    except (ValueError, AttributeError, RecursionError):
        return set()
    return {whole_number(seq) for seq in seqs} - {None} if isinstance(seqs, list) else set()


class Listing:
    """What the lists of cases and turns have to say of one case."""

    def __init__(self):
        self.case, self.turns, self.erased_stops = None, {}, set()

    def note(self, event, stop):
        if self.case is None:
            self.case = {"state": "open", "opened_at": event.time}
        self.case.update(changed_at=event.time, head=event.seq)
        if event.kind == "case.closed":
            self.case["state"] = "closed"
        elif event.kind == "case.opened":
            self.case["state"] = "open"
        if event.turn is None:
            return
        turn = self.turns.setdefault(event.turn, {
            "state": "running", "stop": None, "queued_at": event.time, "first_seq": event.seq, "last_seq": event.seq})
        completed = turn["state"] == "completed"
        if event.kind == "turn.queued" and not completed:
            turn["state"] = "queued"
        elif event.kind == "turn.started" and not completed:
            turn["state"] = "running"
        elif event.kind == "turn.completed":
            turn["state"], turn["stop"] = "completed", stop
        elif not completed:
            return
        turn["last_seq"] = event.seq
        if event.erased and event.kind == "turn.completed":
            self.erased_stops.add(event.turn)

    def compare(self, chain, case_row, turn_rows):
        if self.case != case_row:
            raise chain.fault("listing", self.case["head"] if self.case else None,
                              "The list of cases does not say what the events say.")
        left = dict(self.turns)
        for turn, row in turn_rows:
            if turn not in left:
                raise chain.fault("listing", None,
                                  "The list of turns has a turn that no event of the case belongs to.")
            expected = dict(left.pop(turn))
            if turn in self.erased_stops:
                expected["stop"] = row["stop"]
            if expected != row:
                raise chain.fault("listing", self.turns[turn]["first_seq"],
                                  "The list of turns does not say what the turn's events say.")
        if left:
            raise chain.fault("listing", min(turn["first_seq"] for turn in left.values()),
                              "A turn is not in the list of turns.")


class Report:
    def __init__(self):
        self.cases = self.events = self.checkpoints = 0
        self.faults, self.notes, self.public_key = [], [], None

    def add(self, fault):
        if len(self.faults) < 100:
            self.faults.append(fault)

    def as_json(self):
        return {
            "ok": not self.faults, "cases": self.cases, "events": self.events, "checkpoints": self.checkpoints,
            "publicKey": self.public_key.hex() if self.public_key else None,
            "faults": [fault.as_json() for fault in self.faults], "notes": self.notes,
        }


class NotFound(Exception):
    pass


# A state directory.


def typed(value, kind):
    """The value when SQLite gave it in this type, else None."""
    return value if type(value) is kind else None


def text_or_nothing(text):
    """Text that is UTF-8; no text of the format is empty, so what is not UTF-8 reads as that."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return ""


def digest_or_none(value):
    return value if type(value) is bytes and len(value) == 32 else None


COLUMNS = ("e.seq, e.turn, e.kind, e.time, e.commitment, e.kept_commitment, e.hash, e.salt, e.kept, e.payload_file, "
           "e.payload, e.case_ref")
# From the index's order to the table's rows, so that what is checked is what a reader sees.
CASE_EVENTS = f"""
    SELECT {COLUMNS} FROM events i INDEXED BY events_by_seq
    CROSS JOIN events e NOT INDEXED ON e.id = i.id
    WHERE i.case_ref = ?1 AND i.seq > ?2 ORDER BY i.seq"""


def event_from_row(row):
    seq, turn, kind, time, commitment, kept_of, hash_, salt, kept, payload_file, payload = row[:11]
    kept = typed(kept, bytes) or b""
    hashes = [kept[i:i + 32] for i in range(0, len(kept), 32)] if len(kept) % 32 == 0 else []
    event = Event(typed(seq, int), typed(turn, str), typed(kind, str), typed(time, str), digest_or_none(commitment),
                  digest_or_none(kept_of), digest_or_none(hash_), typed(salt, bytes), hashes,
                  digest_or_none(payload_file), typed(payload, bytes))
    event.readable = (turn is None or event.turn is not None) and (kept_of is None or event.kept_commitment is not None)
    return event


class Directory:
    """A state directory opened so that nothing in it is changed."""

    def __init__(self, path):
        self.path = path
        self.copy = None
        self.lock = None
        database = os.path.join(path, "trace.db")
        self.live = self._is_live()
        wal = database + "-wal"
        if not self.live and os.path.exists(wal) and os.path.getsize(wal) > 0:
            # SQLite writes to read a database whose write-ahead log holds anything, so that is done to a copy.
            self.copy = tempfile.mkdtemp(prefix="vpath-verify-")
            shutil.copyfile(database, os.path.join(self.copy, "trace.db"))
            shutil.copyfile(wal, os.path.join(self.copy, "trace.db-wal"))
            uri = "file:" + urllib.parse.quote(os.path.join(self.copy, "trace.db")) + "?mode=ro"
        else:
            uri = "file:" + urllib.parse.quote(os.path.abspath(database)) + "?mode=ro"
            if not self.live:
                uri += "&immutable=1"
        self.db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=5)
        self.db.text_factory = text_or_nothing
        if hasattr(self.db, "setlimit"):
            self.db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 8 << 20)

    def _is_live(self):
        try:
            self.lock = open(os.path.join(self.path, "trace.lock"), "rb")
            fcntl.flock(self.lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def close(self):
        self.db.close()
        if self.copy:
            shutil.rmtree(self.copy)

    def one(self, sql, *values):
        return self.db.execute(sql, values).fetchone()

    def file(self, digest):
        name = digest.hex()
        return os.path.join(self.path, "bytes", name[:2], name)

    def feed(self, digest, hasher):
        """Hashes the file of a digest; False when there is none."""
        path = self.file(digest)
        if os.path.islink(path) or not os.path.isfile(path):
            return False
        with open(path, "rb") as file:
            while piece := file.read(1 << 20):
                hasher.update(piece)
        return True


class DirectoryVerifier:
    def __init__(self, directory, only, public_key, checkpoints):
        self.directory, self.only = directory, only
        self.further = checkpoints or []
        self.public_key = public_key or read_key(os.path.join(directory.path, "trace-key.pub"))
        self.report = Report()
        self.right = set()

    def run(self):
        self.report.public_key = self.public_key
        if not self.noting(self.has_our_schema):
            if not self.report.faults:
                self.report.add(Fault("database.unreadable", None, None,
                                      f"The database's tables are not those of {FORMAT}."))
            return self.report
        self.noting(lambda: self.in_transaction(self.verify_log))
        self.noting(self.verify_cases)
        self.noting(lambda: self.in_transaction(self.verify_rest))
        return self.report

    def noting(self, part):
        try:
            return part()
        except Fault as fault:
            self.report.add(fault)
        except sqlite3.Error as error:
            self.report.add(Fault("database.unreadable", None, None, f"SQLite cannot read the database here ({error})."))
        return None

    def in_transaction(self, part):
        self.directory.db.execute("BEGIN")
        try:
            return part()
        finally:
            self.directory.db.execute("ROLLBACK")

    def has_our_schema(self):
        strangers = self.directory.one("SELECT count(*) FROM sqlite_schema WHERE type NOT IN ('table', 'index')")
        name = self.directory.one("SELECT value FROM meta WHERE key = 'format'")
        return strangers == (0,) and name == (FORMAT,)

    # The checkpoint log, beside its file.

    def verify_log(self):
        if self.public_key is None:
            raise Fault("key.missing", None, None, "There is no trace-key.pub, and no other key was given.")
        lines = checkpoint_lines(os.path.join(self.directory.path, "checkpoints.jsonl"))
        further = [FurtherFile(path) for path in self.further]
        number, previous = 0, ZERO
        first_lag, lag, lag_times = None, 0, set()
        rows = self.directory.db.execute("SELECT number, case_id, seq, line FROM checkpoints ORDER BY number")
        for row_number, row_case, row_seq, line in rows:
            expected = number + 1
            if typed(row_number, int) != expected:
                raise self.missing_entry([next(lines, None)] + [file.line for file in further],
                                         f"The database lacks entry {expected} of the checkpoint log.")
            line = typed(line, bytes) or b""
            entry = checkpoint_or_none(line)
            if entry is None:
                raise Fault("checkpoint.order", None, None, f"Entry {expected} of the checkpoint log cannot be read.")
            concerned = self.only in (None, entry.case)
            if concerned and not entry.is_signed_by(self.public_key):
                raise Fault("checkpoint.signature", entry.case, entry.seq,
                            f"Entry {expected} of the checkpoint log is not signed by this trace's key.")
            if entry.number != expected or entry.previous != previous:
                raise Fault("checkpoint.order", entry.case, entry.seq,
                            f"Entry {expected} of the checkpoint log does not follow from the entry before it.")
            number, previous = expected, sha256(line)
            if row_case != entry.case or row_seq != entry.seq:
                raise Fault("checkpoint.order", entry.case, entry.seq,
                            f"Entry {expected} of the checkpoint log is filed under another case or seq.")
            found = None if lag else next(lines, None)
            if found is None:
                first_lag = first_lag or entry
                lag += 1
                lag_times.add(entry.time)
            elif found != line:
                raise Fault("checkpoint.file", entry.case, entry.seq,
                            f"Line {expected} of the checkpoint file is not the database's entry.")
            for file in further:
                file.compare(line, entry)
            if concerned:
                self.report.checkpoints += 1
        if lag:
            # One commit has one time; no more than one may be missing, as after a crash.
            if len(lag_times) > 1:
                raise Fault("checkpoint.file", first_lag.case, first_lag.seq,
                            f"The checkpoint file lacks the last {lag} entries of the database, more than one commit.")
            self.report.notes.append(f"The checkpoint file lacks the last {lag} entries of the database, one commit.")
        elif not self.directory.live and (line := next(lines, None)) is not None:
            raise self.missing_entry([line], self.beyond(number))
        for file in further:
            if file.line is not None and not self.directory.live:
                raise self.missing_entry([file.line], self.beyond(number))
            if file.lag:
                self.report.notes.append(f"A further checkpoint file ends at entry {file.last}; it does not speak of "
                                         f"the {file.lag} entries after that.")

    def beyond(self, number):
        return (f"A checkpoint file goes beyond the database's last entry, {number}: an older copy of the database was "
                "put in place, or entries were deleted from it.")

    def missing_entry(self, lines, message):
        """The fault that the database lacks an entry, named by the first of the lines that is one."""
        entries = (checkpoint_or_none(line) for line in lines if line is not None)
        entry = next((entry for entry in entries if entry is not None), None)
        return Fault("checkpoint.missing", entry and entry.case, entry and entry.seq, message)

    # Cases.

    def verify_cases(self):
        if self.only is not None:
            row = self.directory.one("SELECT id FROM cases WHERE case_id = ?", self.only)
            if row is not None and typed(row[0], int) is not None:
                self.verify_case(row[0])
            elif self.last_signed(self.only) is None:
                raise NotFound(f"no case {self.only} in this trace")
            return
        ref = 0
        while ref is not None:
            ref = typed(self.directory.one("SELECT min(id) FROM cases WHERE id > ?", ref)[0], int)
            if ref is not None:
                self.verify_case(ref)

    def verify_case(self, ref):
        try:
            self.in_transaction(lambda: self.follow_case(ref))
        except Fault as fault:
            self.report.add(fault)

    def follow_case(self, ref):
        row = self.directory.one("SELECT case_id, state, opened_at, changed_at, head FROM cases WHERE id = ?", ref)
        if row is None:
            return
        self.report.cases += 1
        case = typed(row[0], str) or ""
        chain = Chain(case)
        try:
            self.follow_events(ref, chain, row)
        except sqlite3.Error as error:
            raise chain.fault("database.unreadable", chain.seq + 1, f"SQLite cannot read the database here ({error}).")

    def follow_events(self, ref, chain, row):
        listing = Listing()
        signed = self.next_signed(chain.case, 0)
        for columns in self.event_rows(ref, chain):
            event = event_from_row(columns)
            chain.follow(event, filed_right=columns[11] == ref)
            self.report.events += 1
            chain.check_content(event, lambda e: self.payload_digest(chain, e),
                                lambda digest, e: self.check_bytes(chain, digest, e), self.payload)
            if signed is not None and signed[0] == event.seq:
                chain.check_signed(*signed)
                signed = self.next_signed(chain.case, event.seq)
            listing.note(event, self.stop(event))
        chain.check_end(signed[0] if signed else 0)
        last = self.last_signed(chain.case)
        if last is None:
            self.report.notes.append(f"Case {chain.case} is not signed yet; its removal would not show.")
        elif last < chain.seq:
            self.report.notes.append(f"Case {chain.case}: events {last + 1} to {chain.seq} are not signed yet.")
        case_row = {"state": typed(row[1], str), "opened_at": typed(row[2], str), "changed_at": typed(row[3], str),
                    "head": typed(row[4], int)}
        turns = [(typed(turn[0], str), {
            "state": typed(turn[1], str), "stop": typed(turn[2], str), "queued_at": typed(turn[3], str),
            "first_seq": typed(turn[4], int), "last_seq": typed(turn[5], int)})
            for turn in self.directory.db.execute(
                "SELECT turn, state, stop, queued_at, first_seq, last_seq FROM turns WHERE case_ref = ? ORDER BY id",
                (ref,))]
        listing.compare(chain, case_row, turns)

    def payload_digest(self, chain, event):
        if event.payload is not None:
            return sha256(event.salt, event.payload)
        hasher = hashlib.sha256(event.salt)
        if not self.directory.feed(event.payload_file, hasher):
            raise chain.bytes_missing(event.seq)
        if hasher.digest() != event.commitment:
            raise chain.bytes_altered(event.seq)
        return hasher.digest()

    def check_bytes(self, chain, digest, event):
        if digest in self.right:
            return
        row = self.directory.one("SELECT bytes FROM kept_bytes WHERE hash = ?", digest)
        if row is None:
            raise chain.bytes_missing(event.seq)
        hasher = hashlib.sha256()
        if row[0] is None:
            if not self.directory.feed(digest, hasher):
                raise chain.bytes_missing(event.seq)
        else:
            hasher.update(typed(row[0], bytes) or b"")
        if hasher.digest() != digest:
            raise chain.bytes_altered(event.seq)
        self.right.add(digest)

    def payload(self, event):
        if event.payload is not None:
            return event.payload
        try:
            with open(self.directory.file(event.payload_file), "rb") as file:
                return file.read()
        except OSError:
            return b""

    def stop(self, event):
        if event.kind != "turn.completed" or event.erased:
            return None
        try:
            return typed(strict_json(self.payload(event)).get("stop"), str)
        except (ValueError, AttributeError, RecursionError):
            return None

    def event_rows(self, ref, chain):
        """The case's rows in order. Python's cursor reads a row ahead of the one it gives, so after an error the
        rows are read one by one, until the one that cannot be read is next."""
        try:
            yield from self.directory.db.execute(CASE_EVENTS, (ref, 0))
            return
        except sqlite3.Error:
            pass
        while (row := self.directory.one(CASE_EVENTS + " LIMIT 1", ref, chain.seq)) is not None:
            yield row

    def next_signed(self, case, seq):
        while True:
            row = self.directory.one(
                "SELECT seq, line FROM checkpoints WHERE case_id = ? AND seq > ? ORDER BY seq, number LIMIT 1",
                case, seq)
            if row is None or typed(row[0], int) is None:
                return None
            seq = row[0]
            entry = checkpoint_or_none(typed(row[1], bytes) or b"")
            if entry is not None and entry.case == case and entry.seq == seq:
                return (entry.seq, entry.hash)

    def last_signed(self, case):
        return typed(self.directory.one("SELECT max(seq) FROM checkpoints WHERE case_id = ?", case)[0], int)

    def verify_rest(self):
        missing = self.directory.db.execute(
            "SELECT case_id, max(seq) FROM checkpoints WHERE case_id NOT IN (SELECT case_id FROM cases) "
            "GROUP BY case_id ORDER BY min(number)").fetchall()
        for case, seq in missing:
            if self.only in (None, case):
                self.report.add(Fault("case.missing", typed(case, str), typed(seq, int),
                                      "The case was signed up to this seq, but it is not in the database."))
        if self.only is not None:
            return
        ref = typed(self.directory.one("SELECT min(case_ref) FROM events")[0], int)
        while ref is not None:
            if self.directory.one("SELECT 1 FROM cases WHERE id = ?", ref) is None:
                raise Fault("event.stray", None, None, "There are events of a case that is not in the database.")
            ref = typed(self.directory.one("SELECT min(case_ref) FROM events WHERE case_ref > ?", ref)[0], int)


def checkpoint_lines(path):
    """The whole lines of a checkpoint file, without their breaks; none when there is no file."""
    if not os.path.isfile(path):
        return
    with open(path, "rb") as file:
        while raw := file.readline(1 << 20):
            if raw.endswith(b"\n"):
                yield raw[:-1]
            elif len(raw) == 1 << 20:
                yield b""


class FurtherFile:
    """A file that somebody kept elsewhere: lines of the log in order, not necessarily all of them."""

    def __init__(self, path):
        if not os.path.isfile(path):
            raise NotFound(f"no checkpoint file {path}")
        self.lines = checkpoint_lines(path)
        self.line = next(self.lines, None)
        self.last = self.lag = 0

    def compare(self, line, entry):
        if self.line is None:
            self.lag += 1
            return
        found = checkpoint_or_none(self.line)
        if found is not None and found.number > entry.number:
            return
        if self.line != line:
            raise Fault("checkpoint.file", entry.case, entry.seq, "A further checkpoint file has another line in the "
                        f"place of the database's entry {entry.number}.")
        self.last = entry.number
        self.line = next(self.lines, None)


def verify_directory(path, only, public_key, checkpoints):
    report = Report()
    if not os.path.isfile(os.path.join(path, "trace.db")):
        report.add(Fault("database.missing", None, None, "There is no trace.db in this directory."))
        return report
    try:
        directory = Directory(path)
    except sqlite3.Error as error:
        report.add(Fault("database.unreadable", None, None, f"SQLite cannot read the database ({error})."))
        return report
    try:
        return DirectoryVerifier(directory, only, public_key, checkpoints).run()
    finally:
        directory.close()


# An export.


class ExportVerifier:
    def __init__(self, path, public_key):
        self.path, self.given_key = path, public_key
        self.report = Report()
        self.chain = Chain("")
        self.start = self.end = self.open = None
        self.right, self.places = {}, {}
        self.last_number = self.signed_beyond = self.last_signed = 0

    def run(self):
        try:
            with open(self.path, "rb") as file:
                self.file = file
                while True:
                    place = file.tell()
                    line = next_line(file)
                    if line is None:
                        break
                    self.take(line, place)
            self.finish()
        except Fault as fault:
            self.report.add(fault)
        if not self.report.faults and self.last_signed < self.chain.seq:
            self.report.notes.append(f"Events {self.last_signed + 1} to {self.chain.seq} are not signed.")
        return self.report

    def malformed(self):
        return Fault("export.format", self.chain.case if self.start else None,
                     self.chain.seq + 1 if self.start else None,
                     f"A line is not of the format {FORMAT} or not in its place.")

    def take(self, line, place):
        value = line_value(line)
        if self.end is not None or value is None:
            raise self.malformed()
        if "bytes" in value:
            part, take = chunk_from(value["bytes"]), lambda chunk: self.take_chunk(chunk, place)
        elif "event" in value:
            part, take = event_from_export(value["event"]), self.take_event
        elif isinstance(value.get("checkpoint"), str):
            part, take = value["checkpoint"], self.take_checkpoint
        elif "end" in value and counts_from(value["end"]) is not None:
            part, take = counts_from(value["end"]), self.take_end
        elif value.get("format") == FORMAT:
            part, take = value, self.take_start
        else:
            raise self.malformed()
        if part is None or (self.start is None) != (take == self.take_start):
            raise self.malformed()
        take(part)

    def take_start(self, value):
        if not matches(IDENTIFIER, value.get("case")) or not matches(HEX64, value.get("publicKey")) \
                or counts_from(value) is None or not isinstance(value.get("exportedAt"), str):
            raise self.malformed()
        self.start = value
        self.chain = Chain(value["case"])
        self.public_key = self.given_key or bytes.fromhex(value["publicKey"])
        self.report.public_key = self.public_key
        self.report.cases = 1

    def take_chunk(self, chunk, place):
        digest, offset, size, data = chunk
        if self.open is not None:
            if self.open[:3] != (digest, size, offset):
                raise self.malformed()
            hasher = self.open[3]
        else:
            if offset != 0:
                raise self.malformed()
            hasher = hashlib.sha256()
        hasher.update(data)
        self.places.setdefault(digest, []).append(place)
        end = offset + len(data)
        if end < size:
            self.open = (digest, size, end, hasher)
        else:
            self.open = None
            self.right[digest] = hasher.digest() == digest

    def take_event(self, event):
        if self.open is not None:
            raise self.malformed()
        self.chain.follow(event)
        self.report.events += 1
        self.chain.check_content(event, self.payload_digest, self.check_bytes, self.payload)

    def payload_digest(self, event):
        if event.payload is not None:
            return sha256(event.salt, event.payload)
        if event.payload_file not in self.right:
            raise self.chain.bytes_missing(event.seq)
        hasher = hashlib.sha256(event.salt)
        for piece in self.pieces(event.payload_file):
            hasher.update(piece)
        if not self.right[event.payload_file] or hasher.digest() != event.commitment:
            raise self.chain.bytes_altered(event.seq)
        return hasher.digest()

    def pieces(self, digest):
        """Large bytes once more, which came before the salt was known."""
        with open(self.path, "rb") as file:
            for place in self.places[digest]:
                file.seek(place)
                yield chunk_from(line_value(next_line(file))["bytes"])[3]

    def payload(self, event):
        return event.payload if event.payload is not None else b"".join(self.pieces(event.payload_file))

    def check_bytes(self, digest, event):
        if digest not in self.right:
            raise self.chain.bytes_missing(event.seq)
        if not self.right[digest]:
            raise self.chain.bytes_altered(event.seq)

    def take_checkpoint(self, text):
        entry = checkpoint_or_none(text.encode("utf-8", "surrogatepass"))
        if entry is None:
            raise self.chain.fault("checkpoint.order", None, "A checkpoint cannot be read.")
        if not entry.is_signed_by(self.public_key):
            raise self.chain.fault("checkpoint.signature", entry.seq, "A checkpoint is not signed by the key.")
        if entry.case != self.chain.case or entry.number <= self.last_number or entry.seq < self.chain.seq:
            raise self.chain.fault("checkpoint.order", entry.seq, "A checkpoint is not in its place.")
        self.last_number = entry.number
        self.report.checkpoints += 1
        if entry.seq > self.chain.seq:
            self.signed_beyond = max(self.signed_beyond, entry.seq)
            return
        self.last_signed = entry.seq
        self.chain.check_signed(entry.seq, entry.hash)

    def take_end(self, counts):
        self.end = counts

    def finish(self):
        if self.start is None:
            raise Fault("export.format", None, None, "The file does not begin as an export does.")
        self.chain.check_end(self.signed_beyond)
        found = (self.report.events, self.report.checkpoints)
        if self.end != found or counts_from(self.start) != found:
            raise self.chain.fault("export.incomplete", self.chain.seq + 1,
                                   "The export ends early, or does not hold what it says it holds.")


def next_line(file):
    """The next line without its break, None at the end, empty when it is longer than the format's."""
    line = file.readline(MAX_EXPORT_LINE + 1)
    if not line:
        return None
    if line.endswith(b"\n"):
        return line[:-1]
    if len(line) <= MAX_EXPORT_LINE:
        return line
    while line and not line.endswith(b"\n"):
        line = file.readline(MAX_EXPORT_LINE)
    return b""


def line_value(line):
    try:
        value = strict_json(line)
        canonical(value)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def counts_from(value):
    if not isinstance(value, dict):
        return None
    counts = (whole_number(value.get("events")), whole_number(value.get("checkpoints")))
    return None if None in counts else counts


def chunk_from(value):
    """(hash, offset, size, bytes) of a `bytes` line, or None."""
    if not isinstance(value, dict) or not matches(HEX64, value.get("sha256")) \
            or not isinstance(value.get("mediaType"), str) or not isinstance(value.get("base64"), str):
        return None
    offset, size = whole_number(value.get("offset")), whole_number(value.get("size"))
    try:
        data = base64.b64decode(value["base64"].encode("ascii"), validate=True)
        if base64.b64encode(data).decode("ascii") != value["base64"]:
            return None
    except (binascii.Error, ValueError):
        return None
    if offset is None or size is None or offset < 0 or offset + len(data) > size or (not data and size != 0):
        return None
    return (bytes.fromhex(value["sha256"]), offset, size, data)


def event_from_export(value):
    """The event in an `event` line; what cannot be read of it is None."""
    if not isinstance(value, dict):
        value = {}

    def digest(key):
        return bytes.fromhex(value[key]) if matches(HEX64, value.get(key)) else None

    salt = value.get("salt")
    salt = bytes.fromhex(salt) if matches(re.compile(r"([0-9a-f]{2})*"), salt) else None
    names = value.get("bytes")
    kept = [bytes.fromhex(name) for name in names] \
        if isinstance(names, list) and all(matches(HEX64, name) for name in names) else []
    payload = value.get("payload")
    payload = payload.encode("utf-8", "surrogatepass") if isinstance(payload, str) else None
    event = Event(whole_number(value.get("seq")), typed(value.get("turn"), str), typed(value.get("kind"), str),
                  typed(value.get("time"), str), digest("commitment"), digest("kept"), digest("hash"), salt, kept,
                  digest("payloadSha256"), payload)
    event.readable = (value.get("turn") is None or event.turn is not None) \
        and (value.get("kept") is None or event.kept_commitment is not None)
    return event


# The command line.


def read_key(path):
    """The 32 bytes in a key file, or None."""
    if not os.path.isfile(path):
        return None
    try:
        with open(path, "rb") as file:
            text = file.read(256).decode("utf-8", "replace").rstrip()
    except OSError:
        return None
    return bytes.fromhex(text) if matches(HEX64, text) else None


def key_argument(text):
    key = bytes.fromhex(text) if matches(HEX64, text) else read_key(text)
    if key is None:
        raise argparse.ArgumentTypeError("64 hexadecimal digits, or a file that holds them")
    return key


def main():
    parser = argparse.ArgumentParser(description="Verifies a vpath trace: a state directory, or an exported case.")
    parser.add_argument("path", help="the state directory, or the export's file")
    parser.add_argument("--case", help="verify this case only (state directories)")
    parser.add_argument("--key", type=key_argument, help="the public key you were given: 64 hex digits, or a file")
    parser.add_argument("--checkpoints", action="append", metavar="FILE",
                        help="a further checkpoint file, kept elsewhere; it may be older, or hold some lines alone")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--pure", action="store_true",
                        help="check signatures with the code in this file even where `cryptography` is installed")
    try:
        arguments = parser.parse_args()
    except SystemExit as stop:
        sys.exit(64 if stop.code else 0)
    if arguments.pure:
        global is_signed
        is_signed = _is_signed_slowly
    try:
        if os.path.isdir(arguments.path):
            report = verify_directory(arguments.path, arguments.case, arguments.key, arguments.checkpoints)
        elif not os.path.isfile(arguments.path):
            raise NotFound(f"no file or directory {arguments.path}")
        else:
            report = ExportVerifier(arguments.path, arguments.key).run()
    except (NotFound, FileNotFoundError) as error:
        print(f"verify.py: {error}", file=sys.stderr)
        sys.exit(66)
    if arguments.json:
        print(json.dumps(report.as_json(), indent=2))
    else:
        for fault in report.faults:
            place = ", ".join(part for part in (fault.case and f"case {fault.case}",
                                                fault.seq is not None and f"event {fault.seq}") if part)
            print(f"WRONG {place or 'trace'}: {fault.message} ({fault.what})")
        for note in report.notes:
            print(f"note: {note}")
        print(f"{'ok' if not report.faults else 'NOT ok'}: {report.cases} cases, {report.events} events, "
              f"{report.checkpoints} checkpoints, key {report.public_key.hex() if report.public_key else 'none'}")
    sys.exit(65 if report.faults else 0)


if __name__ == "__main__":
    main()
