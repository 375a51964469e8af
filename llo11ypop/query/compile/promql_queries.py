"""What a select comes to in PromQL: queries, checks that have to find nothing, and how its rows come from their answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from llo11ypop.query.compile.promql_names import Blanks, refused
from llo11ypop.query.compile.sql import Sql
from llo11ypop.query.kinds import Kind
from llo11ypop.query.plan import Bucket, Span

_DAY_S = 86_400
_CALENDAR_S = {"hour": (3_600, 0), "day": (_DAY_S, 0), "week": (7 * _DAY_S, 4 * _DAY_S)}
"""Calendar units of one length in UTC: (seconds, from where they are counted); weeks start on a Monday."""
Wanted = Literal["gain", "first", "count", "lowest", "highest", "earliest", "latest"]
"""Of each thing: what it gained, its first, lowest or highest reading, how many there are, or the instant of its first or last
one in seconds after 1970."""


@dataclass(frozen=True)
class Steps:
    """Time buckets: their width, and the instant after 1970 from which they are counted."""

    every_ms: int
    origin_ms: int = 0


@dataclass(frozen=True)
class Odd:
    """The series that are read sample by sample, since no range function tells what is wanted of them."""

    text: str
    selector: str
    grain: tuple[str, ...]
    blanks: Blanks
    wanted: Wanted = "gain"
    meets: tuple[str, float] | None = None
    """Only readings that meet this comparison count."""


@dataclass(frozen=True)
class Native:
    """One query; the width of its range is filled in when it runs."""

    text: str
    """Empty where all rows are read sample by sample."""
    labels: tuple[str, ...]
    """Labels of the answer that are the columns k0, k1 and so on; with steps the last column is the bucket."""
    kinds: tuple[Kind, ...]
    window: Span
    steps: Steps | None = None
    odd: Odd | None = None


@dataclass(frozen=True)
class Check:
    """A query that has to find nothing, and why the select is refused when it does."""

    native: Native
    reason: str


@dataclass(frozen=True)
class Answer:
    """How one select's rows come about: the statement reads the queries' rows as tables q<number>, in the numbers of the scan."""

    natives: tuple[int, ...]
    finish: Sql
    checks: tuple[int, ...] = ()
    approximate: tuple[str, ...] = ()
    limit: int | None = None


@dataclass(frozen=True)
class PromCompiled:
    """The queries of a scan, and per select its answer or why there is none."""

    dataset: str
    natives: tuple[Native, ...]
    checks: tuple[Check, ...]
    answers: Mapping[str, Answer]
    refused: Mapping[str, str]


def steps_of(bucket: Bucket) -> Steps:
    """The buckets, all of one length. Raises PlanError for months, quarters and years."""
    if isinstance(bucket.every, timedelta):
        every_ms = bucket.every.total_seconds() * 1000
        if every_ms < 1 or every_ms != int(every_ms):
            raise refused("buckets of a fraction of a millisecond")
        return Steps(int(every_ms))
    if bucket.every not in _CALENDAR_S:
        raise refused(f"buckets of a {bucket.every}, which are not all of one length")
    every_s, origin_s = _CALENDAR_S[bucket.every]
    return Steps(every_s * 1000, origin_s * 1000)
