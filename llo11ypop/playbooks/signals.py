"""A signal of a playbook: the short form of a plan whose remaining rows are the things it fires on."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from llo11ypop.query.plan import Bucket, Duration, Expression, Join, Measure, Plan, Span, Strict, spelled_on


def listed(value: object) -> object:
    """One entry may be written without the brackets of a list."""
    return (value,) if isinstance(value, (str, dict)) else value


class Rollup(Strict):
    """A second look at a signal's rows: count or compare them by what the entities have in common."""

    by: tuple[str, ...] = ()
    measures: dict[str, Measure]
    derive: dict[str, Expression] = Field(default_factory=dict)
    when: Expression | None = None


class JoinTo(Strict):
    """Rows of an earlier select that are added to the signal's rows."""

    table: str
    on: tuple[str, ...]
    how: Literal["inner", "left", "semi", "anti"] = "inner"

    @model_validator(mode="before")
    @classmethod
    def _on(cls, value: Any) -> Any:
        return spelled_on(value)


class Source(Strict):
    """A select in the short form of a playbook."""

    dataset: str
    window: Span | None = None
    where: Expression | None = None
    by: tuple[str, ...] = ()
    bucket: Bucket | None = None
    measures: dict[str, Measure]
    having: Expression | None = None


class Signal(Source):
    """One observable sign. Fires once per row that is left after `when` and the roll-ups."""

    tables: dict[str, Source] = Field(default_factory=dict)
    """Further selects, to join."""
    join: Annotated[tuple[JoinTo, ...], BeforeValidator(listed)] = ()
    derive: dict[str, Expression] = Field(default_factory=dict)
    """Columns from measures and siblings, in order: `median_of(x, node_id)`."""
    when: Expression | None = None
    rollup: Annotated[tuple[Rollup, ...], BeforeValidator(listed)] = ()
    entity: dict[str, str]
    """Level → column, or a template such as `{cluster}/{mount}`. Of several, the first that the row has counts. A level may come
    from a column too: `"{scope_level}": scope_id`."""
    related: dict[str, str] = Field(default_factory=dict)
    """Level → column of what else the row names; a comma-joined column names several."""
    onset: str | None = None
    """Column with the instant of the first sign; the instant of the cycle where there is none."""
    last: str | None = None
    """Column with the instant of the latest sign, for `ended_by`."""
    text: str
    """One sentence with the figures of the row: `{sensor_id} reads {rpm:.0f} rpm`."""
    weight: float = Field(default=0.5, gt=0, lt=1)
    """How much this sign alone speaks for the mode."""
    cadence: Duration | None = None
    """Evaluated no more often than this; for long windows. Every cycle when absent."""


def plan_of(signal: Signal) -> Plan:
    """The signal as a plan: select, join, derive, filter, and for each roll-up group, derive and filter."""
    short = {name: getattr(signal, name) for name in Source.model_fields}
    steps: dict[str, Any] = {name: {"op": "select", **_fields(table)} for name, table in signal.tables.items()}
    steps["rows"] = {"op": "select", **{k: v for k, v in short.items() if v is not None}}
    at = "rows"
    for number, join in enumerate(signal.join):
        steps[f"joined_{number}"] = Join(left=at, right=join.table, on=join.on, how=join.how)
        at = f"joined_{number}"
    if signal.derive:
        steps["derived"] = {"op": "derive", "source": at, "columns": signal.derive}
        at = "derived"
    if signal.when is not None:
        steps["fired"] = {"op": "filter", "source": at, "where": signal.when}
        at = "fired"
    for number, rollup in enumerate(signal.rollup):
        at = _roll_up(rollup, f"_{number}", at, steps)
    return Plan.model_validate({"steps": steps})


def _roll_up(rollup: Rollup, suffix: str, at: str, steps: dict[str, Any]) -> str:
    steps[f"group{suffix}"] = {"op": "group", "source": at, "by": rollup.by, "measures": rollup.measures}
    at = f"group{suffix}"
    if rollup.derive:
        steps[f"compared{suffix}"] = {"op": "derive", "source": at, "columns": rollup.derive}
        at = f"compared{suffix}"
    if rollup.when is not None:
        steps[f"fired{suffix}"] = {"op": "filter", "source": at, "where": rollup.when}
        at = f"fired{suffix}"
    return at


def _fields(source: Source) -> dict[str, Any]:
    return {name: value for name in Source.model_fields if (value := getattr(source, name)) is not None}
