"""Read `config/goals.yaml`: metric goals as typed plans over the catalog, checked when loaded.

A goal is written once, for its window. The baseline is the same plan moved back by one window; a slice is the same plan with one
more group key, put where the file says `$slice`.
"""

from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from llo11ypop.catalog import Catalog
from llo11ypop.core.errors import ConfigError, Llo11yPopError
from llo11ypop.core.goal import Direction, Goal
from llo11ypop.core.located import Located, load_located, validate
from llo11ypop.core.vocabulary import Area
from llo11ypop.core.window import parse_duration
from llo11ypop.playbooks.xid import load_xid_table
from llo11ypop.query.check import check
from llo11ypop.query.kinds import NUMERIC
from llo11ypop.query.plan import Duration, Plan, Strict

SLICE = "$slice"
"""Stands in `by` and `on` for the dimension of a slice; left out for the whole."""
FILE = "goals.yaml"
MEASURED_PER_WINDOW = 24
"""A weekly measure moves little in seven hours (our choice)."""
LEAST_CADENCE = timedelta(hours=1)


class GoalForm(Strict):
    """One goal as written."""

    title: str
    definition: str
    value: str
    direction: Direction
    target: float | None
    unit: str
    window: Duration
    cadence: Duration | None = None
    """How often it is measured; MEASURED_PER_WINDOW times in its window when not said."""
    baseline: bool = True
    """Whether the window before is measured too."""
    owner: str
    areas: tuple[Area, ...] = Field(min_length=1)
    slices: tuple[str, ...] = ()
    proposals_per_day: int = Field(default=20, ge=0)
    source: str
    plan: dict[str, Any]
    """Steps of a plan; every `window: $window` is the goal's own."""


class GoalsForm(Strict):
    """The file."""

    goals: dict[str, GoalForm]


def load_goals(config_dir: Path, catalog: Catalog) -> tuple[Goal, ...]:
    """All goals of a configuration folder, in file order. Raises ConfigError with file and line of the first mistake."""
    document = _read(config_dir / FILE)
    form = validate(GoalsForm, document)
    return tuple(_goal(name, goal, document, catalog) for name, goal in form.goals.items())


def goal_ids(config_dir: Path) -> frozenset[str]:
    """The names of the goals. Raises ConfigError with file and line."""
    document = _read(config_dir / FILE)
    return frozenset(validate(GoalsForm, document).goals)


def _read(path: Path) -> Located:
    if not path.is_file():
        raise ConfigError(f"{path}: the goals are missing")
    return _parsed(load_xid_table(path.parent).expand(path.read_text(encoding="utf-8"), str(path)), str(path))


@lru_cache(maxsize=4)
def _parsed(text: str, source: str) -> Located:
    return load_located(text, source)


def _goal(name: str, form: GoalForm, document: Located, catalog: Catalog) -> Goal:
    path = ("goals", name)
    now = _plan(form, form.window, timedelta(0), "", document, name)
    _check(now, form.value, document, path, catalog)
    before = _plan(form, form.window * 2, form.window, "", document, name) if form.baseline else None
    slices = {}
    for index, dimension in enumerate(form.slices):
        slices[dimension] = _plan(form, form.window, timedelta(0), dimension, document, name)
        place = (*path, "slices", index)
        columns = _check(slices[dimension], form.value, document, place, catalog)
        if dimension not in columns:
            raise document.error(f"the plan has no '{SLICE}' that would give a column '{dimension}'", place)
    return Goal(
        id=name,
        **{k: getattr(form, k) for k in ("title", "definition", "value", "direction", "target", "unit", "window")},
        cadence=form.cadence or max(LEAST_CADENCE, form.window / MEASURED_PER_WINDOW),
        **{k: getattr(form, k) for k in ("owner", "areas", "slices", "proposals_per_day", "source")},
        now_plan=now,
        before_plan=before,
        slice_plans=slices,
    )


def _plan(form: GoalForm, start: timedelta, end: timedelta, dimension: str, document: Located, name: str) -> Plan:
    span = {"start": start, "end": end}
    try:
        return Plan.model_validate({"steps": _filled(form.plan, span, end, dimension)})
    except ValidationError as bad:
        first = bad.errors(include_url=False)[0]
        where = [p for p in first["loc"] if p not in ("steps",) and p in _keys(form.plan)]
        place = ("goals", name, "plan", *where)
        raise document.error(first["msg"].removeprefix("Value error, "), place) from bad
    except ValueError as bad:
        raise document.error(str(bad), ("goals", name, "plan")) from bad


def _keys(value: Any) -> set[Any]:
    if isinstance(value, dict):
        return set(value) | {k for v in value.values() for k in _keys(v)}
    return set()


def _filled(value: Any, span: dict[str, timedelta], shift: timedelta, dimension: str) -> Any:
    """The plan with `$window` and `$slice` replaced, and every other window moved back by `shift`."""
    if isinstance(value, dict):
        return {k: _filled_field(k, v, span, shift, dimension) for k, v in value.items()}
    if isinstance(value, list):
        filled = [dimension if v == SLICE else _filled(v, span, shift, dimension) for v in value if v != SLICE or dimension]
        return list(dict.fromkeys(filled)) if SLICE in value else filled
    return value


def _filled_field(key: str, value: Any, span: dict[str, timedelta], shift: timedelta, dimension: str) -> Any:
    if key in ("window", "over"):
        return span if value == "$window" else _moved(value, shift)
    return _filled(value, span, shift, dimension)


def _moved(value: Any, shift: timedelta) -> Any:
    if isinstance(value, str):
        value = {"start": value}
    if not isinstance(value, dict) or "start" not in value:
        return value
    return {"start": parse_duration(value["start"]) + shift, "end": parse_duration(value.get("end", "0s")) + shift}


def _check(plan: Plan, value: str, document: Located, path: tuple[str | int, ...], catalog: Catalog) -> list[str]:
    try:
        columns = check(plan, catalog)[plan.result]
    except ConfigError as bad:
        raise ConfigError(f"{document.source}:{document.line_of(path)}: {bad}", next_step=bad.next_step) from bad
    except Llo11yPopError as bad:
        raise document.error(str(bad), path) from bad
    if value not in columns or columns[value] not in NUMERIC:
        raise document.error(f"'{value}' is not a number in the plan's result ({', '.join(columns)})", (*path, "value"))
    return list(columns)
