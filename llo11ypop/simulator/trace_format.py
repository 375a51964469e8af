"""A recorded fault trace: events per node, read from JSON or CSV and paired into faults.

The form (docs/trace-format.md) is that of the InfiniteHBD trace (stepfun-ai/InfiniteHBD-Trace): `node_id`,
`event_time`, `event_type` and `fault_type.{Level,Class,Desc}`.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from llo11ypop.core.clock import parse_instant
from llo11ypop.core.errors import ConfigError

TRACE_ORIGIN = datetime(2024, 3, 30, tzinfo=UTC)
"""Day 0 of the InfiniteHBD trace."""
EVENT_TYPES = ("fault_start", "fault_end")
SECONDS_PER_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class FaultKind:
    """The three names a trace gives a fault."""

    level: str
    cls: str
    desc: str

    def __str__(self) -> str:
        """`class: desc`."""
        return f"{self.cls}: {self.desc}"


@dataclass(frozen=True, slots=True)
class TraceFault:
    """One fault of one node, in days since the origin; `end_day` None = still open when the trace ends."""

    node_id: str
    start_day: float
    end_day: float | None
    kind: FaultKind
    line: int
    """Where its start stands in the file (line of a CSV, number of the event in JSON)."""

    def lasts_s(self, trace_end_day: float) -> float:
        """Seconds from start to end, or to the end of the trace while open."""
        end = trace_end_day if self.end_day is None else self.end_day
        return (end - self.start_day) * SECONDS_PER_DAY


@dataclass(frozen=True, slots=True)
class Trace:
    """All faults of a trace by start, and the day of its last event."""

    faults: tuple[TraceFault, ...]
    origin: datetime
    end_day: float


@dataclass(frozen=True, slots=True)
class _Event:
    node_id: str
    day: float
    starts: bool
    kind: FaultKind
    position: int


def load_trace(path: Path, origin: datetime = TRACE_ORIGIN, *, partial: bool = False) -> Trace:
    """Read and pair a trace. An empty list of events gives a trace without faults.

    `partial` accepts ends without a start, of faults that began before the file does; they are left out.
    Raises ConfigError with `file:position:` for anything that is not a trace; a retry does not help.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}", next_step="give the path of a trace") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}:1: not UTF-8 text: byte {error.start}", next_step=_SEE) from error
    rows = _csv_rows(text, path) if path.suffix.lower() == ".csv" else _json_rows(text, path)
    events = [_event(row, where, origin, path) for where, row in rows]
    return _pair(events, origin, path, partial=partial)


_SEE = "see docs/trace-format.md"


def _fail(path: Path, position: object, what: str) -> ConfigError:
    return ConfigError(f"{path}:{position}: {what}", next_step=_SEE)


def _json_rows(text: str, path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        raw = json.loads(text)
    except json.JSONDecodeError as error:
        raise _fail(path, f"{error.lineno}:{error.colno}", f"not valid JSON: {error.msg}") from error
    if isinstance(raw, dict):
        raw = raw.get("events", raw)
    if not isinstance(raw, list):
        raise _fail(path, 1, f"expected a list of events, found {type(raw).__name__}")
    for number, row in enumerate(raw, 1):
        if not isinstance(row, dict):
            raise _fail(path, f"event {number}", f"expected an object, found {type(row).__name__}")
        yield number, row


def _csv_rows(text: str, path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        for row in reader:
            kind = {name: row.get(f"fault_type.{name}") for name in ("Level", "Class", "Desc")}
            yield reader.line_num, {**row, "fault_type": kind}
    except csv.Error as error:
        raise _fail(path, reader.line_num, f"not valid CSV: {error}") from error


def _event(row: Mapping[str, Any], number: int, origin: datetime, path: Path) -> _Event:
    where = number if path.suffix.lower() == ".csv" else f"event {number}"
    for name in ("node_id", "event_time", "event_type", "fault_type"):
        if row.get(name) in (None, ""):
            raise _fail(path, where, f"'{name}' is missing")
    kind = row["fault_type"]
    if not isinstance(kind, Mapping):
        raise _fail(path, where, "'fault_type' is not an object with Level, Class and Desc")
    if row["event_type"] not in EVENT_TYPES:
        raise _fail(path, where, f"event_type '{row['event_type']}' is neither fault_start nor fault_end")
    names = [str(kind.get(name) or "") for name in ("Level", "Class", "Desc")]
    if not any(names):
        raise _fail(path, where, "'fault_type' names no Level, Class or Desc")
    day = _day(row["event_time"], origin)
    if day is None:
        raise _fail(path, where, f"event_time '{row['event_time']}' is neither days nor an ISO 8601 instant")
    return _Event(str(row["node_id"]), day, row["event_type"] == "fault_start", FaultKind(*names), number)


def _day(value: object, origin: datetime) -> float | None:
    """Days since the origin of a number, a number as text, or an ISO instant; None when it is neither."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        day = float(value)
    except ValueError:
        try:
            day = (parse_instant(str(value)) - origin).total_seconds() / SECONDS_PER_DAY
        except ValueError:
            return None
    return day if abs(day) < 1e6 else None


def _pair(events: Sequence[_Event], origin: datetime, path: Path, *, partial: bool) -> Trace:
    """Ends close the oldest open fault of the same node and kind; at one instant starts come first."""
    open_faults: dict[tuple[str, FaultKind], list[_Event]] = {}
    faults: list[TraceFault] = []
    for event in sorted(events, key=lambda e: (e.day, not e.starts, e.position)):
        key = (event.node_id, event.kind)
        if event.starts:
            open_faults.setdefault(key, []).append(event)
        elif open_faults.get(key):
            start = open_faults[key].pop(0)
            faults.append(TraceFault(event.node_id, start.day, event.day, event.kind, start.position))
        elif not partial:
            where = event.position if path.suffix.lower() == ".csv" else f"event {event.position}"
            message = f"'{event.kind}' of node {event.node_id} ends without having started"
            raise ConfigError(
                f"{path}:{where}: {message}",
                next_step="--partial accepts a trace that was cut off at its beginning",
            )
    faults += _still_open(open_faults)
    end_day = max((e.day for e in events), default=0.0)
    return Trace(tuple(sorted(faults, key=lambda f: (f.start_day, f.line))), origin, end_day)


def _still_open(open_faults: Mapping[tuple[str, FaultKind], Iterable[_Event]]) -> list[TraceFault]:
    left = [event for events in open_faults.values() for event in events]
    return [TraceFault(e.node_id, e.day, None, e.kind, e.position) for e in left]
