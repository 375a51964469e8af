"""The typed plan: what is asked of the telemetry, in the catalog's words and independent of any engine.

A plan is a set of named steps. `Select` steps are pushed down to the engine that holds their dataset; the other steps combine
those small results locally. Nobody writes query text: compilers turn selects into DuckDB SQL, Elasticsearch SQL, PromQL …
"""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from llo11ypop.core.window import format_duration, parse_duration
from llo11ypop.query.expr import Expr, parse_expr


def _duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def _expression(value: object) -> object:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    return parse_expr(value) if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(_duration), PlainSerializer(format_duration, return_type=str)]
"""Written '15m', '24h', '7d'."""
Expression = Annotated[Expr, BeforeValidator(_expression), PlainSerializer(str, return_type=str)]
"""Written as text over field or measure names, e.g. "sensor_type = 'fan' and reading < lower_critical"."""


def spelled_on(value: Any) -> Any:
    """Give the key `on` back its name: YAML 1.1 reads a bare `on` as the boolean true."""
    return {("on" if k is True else k): v for k, v in value.items()} if isinstance(value, dict) else value


class Strict(BaseModel):
    """Base of all plan parts: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Span(Strict):
    """A span relative to the instant of the run: from `start` ago to `end` ago, half-open."""

    start: Duration
    end: Duration = timedelta(0)

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"start": value} if isinstance(value, (str, timedelta)) else value

    @model_validator(mode="after")
    def _ordered(self) -> "Span":
        if self.end >= self.start:
            raise ValueError("a span starts before it ends: 'start' is the longer ago")
        return self


Aggregate = Literal[
    "count", "count_distinct", "sum", "avg", "min", "max", "percentile", "stddev", "first", "last", "increase", "rate", "list"
]
"""`increase` and `rate` read a counter along its dataset's grain and count a drop as a reset to zero; `rate` is per second.
`first`/`last` are by time; `list` is the sorted distinct values joined with commas (at most 50)."""


class Measure(Strict):
    """One aggregate of a select."""

    agg: Aggregate
    field: Expression | None = None
    """A field or arithmetic over fields; none only for `count`."""
    where: Expression | None = None
    """Rows this aggregate sees, beside the select's own filter."""
    over: Span | None = None
    """A shorter span inside the select's window; the whole window when absent."""
    q: float | None = Field(default=None, gt=0, lt=1)
    """Quantile of a percentile."""

    @model_validator(mode="after")
    def _complete(self) -> "Measure":
        if self.agg != "count" and self.field is None:
            raise ValueError(f"'{self.agg}' needs a field")
        if (self.agg == "percentile") != (self.q is not None):
            raise ValueError("'q' goes with percentile, and percentile needs it")
        return self


class Bucket(Strict):
    """Time buckets: a fixed step in UTC, or a calendar unit."""

    every: Duration | Literal["hour", "day", "week", "month", "quarter", "year"]
    name: str = "bucket"


class Order(Strict):
    """One sort key; nulls always last."""

    by: str
    desc: bool = False


class Select(Strict):
    """One scan of one dataset."""

    op: Literal["select"] = "select"
    dataset: str
    window: Span | None = None
    """None only for dimension datasets, or for 'everything known at the instant' of slowly changing ones."""
    where: Expression | None = None
    by: tuple[str, ...] = ()
    """Fields of the dataset, or dimensions reached by a relation (`rack`, `provider` …)."""
    bucket: Bucket | None = None
    measures: dict[str, Measure] = Field(default_factory=dict)
    having: Expression | None = None
    """Over measures and group keys."""
    order: tuple[Order, ...] = ()
    limit: int | None = Field(default=None, gt=0)
    fields: tuple[str, ...] = ()
    """Raw rows of these fields instead of aggregates; then `limit` is required."""

    @model_validator(mode="after")
    def _shape(self) -> "Select":
        if bool(self.fields) == bool(self.measures):
            raise ValueError("a select has either 'measures' or raw 'fields'")
        if self.fields and (self.limit is None or self.by or self.bucket or self.having):
            raise ValueError("raw 'fields' need a 'limit' and take no by, bucket or having")
        return self


class Join(Strict):
    """Rows of `left` with the matching rows of `right`. A column of `right` that `left` has too is called `<right>_<column>`."""

    op: Literal["join"] = "join"
    left: str
    right: str
    on: tuple[str, ...]
    how: Literal["inner", "left", "full", "semi", "anti"] = "inner"
    within: tuple[str, str, str] | None = None
    """(instant, from, to): also `from <= instant < to`, an open `to` being for ever: interval joins."""

    _yaml_on = model_validator(mode="before")(spelled_on)


class Derive(Strict):
    """New columns from expressions; later ones may use earlier ones.

    Also over siblings: `median_of(x, rack)`, `avg_of`, `sum_of`, `min_of`, `max_of`, and `count_of`, which for a condition is the
    number of rows it is true for.
    """

    op: Literal["derive"] = "derive"
    source: str
    columns: dict[str, Expression]


class Filter(Strict):
    """Rows for which an expression is true."""

    op: Literal["filter"] = "filter"
    source: str
    where: Expression


class Group(Strict):
    """Aggregate a step's rows again (roll up in the topology)."""

    op: Literal["group"] = "group"
    source: str
    by: tuple[str, ...] = ()
    measures: dict[str, Measure]
    """`over`, `increase` and `rate` are not available here: there is no time grain left."""


class Rank(Strict):
    """Number rows by a column, optionally within groups; keep the first `top`."""

    op: Literal["rank"] = "rank"
    source: str
    by: str
    desc: bool = True
    per: tuple[str, ...] = ()
    top: int | None = Field(default=None, gt=0)
    name: str = "rank"


class Union(Strict):
    """Rows of several steps under each other; columns are matched by name."""

    op: Literal["union"] = "union"
    sources: tuple[str, ...]


class Sort(Strict):
    """Order and cut."""

    op: Literal["sort"] = "sort"
    source: str
    order: tuple[Order, ...]
    limit: int | None = Field(default=None, gt=0)


Combine = Join | Derive | Filter | Group | Rank | Union | Sort
Step = Annotated[Select | Join | Derive | Filter | Group | Rank | Union | Sort, Field(discriminator="op")]


class Plan(Strict):
    """Named steps in order; a step may use only earlier ones; the last one is the result."""

    steps: dict[str, Step]

    @model_validator(mode="before")
    @classmethod
    def _single(cls, value: Any) -> Any:
        if isinstance(value, dict) and "steps" not in value and "dataset" in value:
            return {"steps": {"result": {"op": "select", **value}}}
        if isinstance(value, dict) and isinstance(value.get("steps"), dict):
            steps = {
                k: {"op": "select", **v} if isinstance(v, dict) and "dataset" in v and "op" not in v else v
                for k, v in value["steps"].items()
            }
            return {**value, "steps": steps}
        return value

    @model_validator(mode="after")
    def _ordered(self) -> "Plan":
        if not self.steps:
            raise ValueError("a plan has at least one step")
        seen: set[str] = set()
        for name, step in self.steps.items():
            for source in sources_of(step):
                if source not in seen:
                    raise ValueError(f"step '{name}' uses '{source}', which is not an earlier step")
            seen.add(name)
        return self

    @property
    def result(self) -> str:
        """Name of the last step."""
        return next(reversed(self.steps))

    @property
    def selects(self) -> dict[str, Select]:
        """The steps that read telemetry."""
        return {k: s for k, s in self.steps.items() if isinstance(s, Select)}


def sources_of(step: Select | Combine) -> tuple[str, ...]:
    """The names of the steps that a step reads; none for a select."""
    match step:
        case Select():
            return ()
        case Join():
            return (step.left, step.right)
        case Union():
            return step.sources
        case _:
            return (step.source,)
