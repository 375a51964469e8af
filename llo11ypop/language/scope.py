"""What a question is about, in the catalog's words: what a plan is composed from and what a follow-up inherits and changes."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from llo11ypop.core.clock import parse_instant
from llo11ypop.core.window import Window, iso
from llo11ypop.language.intent import Intent

Better = Literal["higher", "lower", "neither"]
Operator = Literal["in", "not in", "<", "<=", ">", ">=", "between", "outside", "contains", "expr"]
Bucket = Literal["", "hour", "day", "week", "month"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """One measured thing: an aggregate over a dataset, or a recipe of several steps."""

    name: str
    """Column of the result."""
    label: str
    dataset: str
    agg: str = "count"
    field: str = ""
    """A field or expression; empty for `count`."""
    where: str = ""
    """What belongs to the definition, as an expression: 'state in (…)' of failed jobs."""
    q: float | None = None
    unit: str = "1"
    better: Better = "neither"
    recipe: str = ""
    """Name of a recipe of the lexicon that is used instead of the single aggregate."""
    definition: str = ""
    now: bool = False
    """Over the latest reading of every series instead of all readings of the window."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A filter that the question names."""

    field: str
    op: Operator
    values: tuple[str | float, ...]
    """For `expr` one text: an expression over fields."""
    words: str = ""
    """How it is said back."""


@dataclass(frozen=True, slots=True)
class Period:
    """A span of time the question names, or the default; half-open, aware UTC."""

    start_at: datetime
    end_at: datetime
    label: str
    """As people say it: 'last 7 days', 'May 2026'."""
    defaulted: bool = False
    partial: bool = False
    """The period is not over yet at the instant of the question."""

    @property
    def window(self) -> Window:
        """As a window."""
        return Window(self.start_at, self.end_at)


@dataclass(frozen=True, slots=True)
class Threshold:
    """A condition on a measured column: 'more than 5 remediations'."""

    column: str
    op: Literal["<", "<=", ">", ">=", "="]
    value: float
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """A semantic query. Everything has a 'nothing said' value, so a follow-up can tell what it changes."""

    intent: Intent
    measures: tuple[Quantity, ...] = ()
    by: tuple[str, ...] = ()
    """Fields or dimensions to group by."""
    bucket: Bucket = ""
    filters: tuple[Condition, ...] = ()
    window: Period | None = None
    compare: Period | None = None
    """The earlier period that the window is held against."""
    top: int | None = None
    within: tuple[str, ...] = ()
    """Of those of `by`, the ones that each have first rows of their own: the top 3 users of each partition."""
    desc: bool = True
    ordered: bool = False
    """Whether the question ranks."""
    having: tuple[Threshold, ...] = ()
    per: str = ""
    """What the measure is divided by: a denominator of the lexicon such as '1000_gpus'."""
    share: bool = False
    """Each row as per cent of the whole."""
    part: tuple[Condition, ...] = ()
    """The rows whose share of all rows is asked for."""
    count_of: str = ""
    """Count the groups of this dimension that meet `having`, instead of listing them."""
    fields: tuple[str, ...] = ()
    """Rows with these fields instead of aggregates."""
    ordered_by: str = ""
    """The field that those rows are in order of; empty for their time."""
    dataset: str = ""
    """Dataset of `fields`."""
    entities: tuple[tuple[str, str], ...] = ()
    """(level, id) of everything the question names: ('run', 'r-118'), ('node', 'gpu-c-044'), ('at', '2026-05-12T14:05:00Z')."""
    verified: str = ""
    """Id of the verified question that gives the plan."""
    shown: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(field, values) of the groups that were shown, in their order, where these were few: what 'those' stands for."""

    def entity(self, level: str) -> str | None:
        """The id of the first entity of a level that the question names; none when it names none."""
        return next((i for kind, i in self.entities if kind == level), None)

    def values(self, field: str) -> tuple[str, ...]:
        """The values that filters allow for a field; empty when it is not filtered."""
        return tuple(str(v) for f in self.filters if f.field == field and f.op == "in" for v in f.values)

    def to_json(self) -> str:
        """The scope as JSON text that `from_json` reads back."""
        return json.dumps(asdict(self), default=_instant, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Scope":
        """A scope from `to_json`. Raises ValueError or KeyError for anything else."""
        raw: dict[str, Any] = json.loads(text)
        raw["intent"] = Intent(raw["intent"])
        raw["measures"] = tuple(Quantity(**m) for m in raw["measures"])
        for name in ("filters", "part"):
            raw[name] = tuple(Condition(**{**c, "values": tuple(c["values"])}) for c in raw[name])
        raw["having"] = tuple(Threshold(**t) for t in raw["having"])
        raw["entities"] = tuple((kind, i) for kind, i in raw["entities"])
        raw["shown"] = tuple((name, tuple(values)) for name, values in raw.get("shown", ()))
        for name in ("by", "fields", "within"):
            raw[name] = tuple(raw.get(name, ()))
        for name in ("window", "compare"):
            raw[name] = _period(raw[name])
        return cls(**raw)


def _instant(value: object) -> str:
    if isinstance(value, datetime):
        return iso(value)
    raise TypeError(f"cannot write {type(value).__name__} as JSON")


def _period(raw: Mapping[str, Any] | None) -> Period | None:
    if raw is None:
        return None
    return Period(**{**raw, "start_at": parse_instant(raw["start_at"]), "end_at": parse_instant(raw["end_at"])})
