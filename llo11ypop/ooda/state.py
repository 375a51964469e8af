"""The cycle graph's state: plain JSON, so that every checkpoint can be read by people and by any later version."""

import operator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, TypedDict, TypeVar, cast

from pydantic import TypeAdapter

T = TypeVar("T")


class CycleState(TypedDict, total=False):
    """One cycle. Lists hold records of `core.reasoning` and `core.proposal` as JSON objects."""

    cycle_id: str
    at: str
    goal_ids: list[str]
    observations: list[dict[str, Any]]
    assignments: dict[str, list[str]]
    """Area → reasons why its analyst was called."""
    deeper: list[str]
    """Areas whose signals over long windows are read now, whenever they were read last."""
    unread: dict[str, list[str]]
    """Reason → the plans that could not be read for it."""
    findings: Annotated[list[dict[str, Any]], operator.add]
    hypotheses: list[dict[str, Any]]
    decisions: list[dict[str, Any]]
    filed: list[str]
    suppressed: list[dict[str, Any]]
    errors: Annotated[list[str], operator.add]
    minds: Annotated[dict[str, Any], operator.or_]
    """Node → which mind it used; see `ooda.minds`."""


class AnalystState(TypedDict):
    """What one `Send` to an analyst carries."""

    at: str
    area: str


@dataclass(frozen=True, slots=True)
class CycleReport:
    """What a cycle did; the JSON of `llo11ypop once --json`."""

    cycle_id: str
    at: datetime
    observations: list[dict[str, Any]]
    findings: list[dict[str, Any]]
    hypotheses: list[dict[str, Any]]
    proposals: list[dict[str, Any]]
    suppressed: list[dict[str, Any]]
    queries: int
    """Native queries sent to the telemetry store."""
    duration_s: float
    errors: list[str]
    unread: dict[str, list[str]] = field(default_factory=dict)
    """Reason → signals that could not be read for it: their causes were not ruled out."""
    minds: dict[str, Any] = field(default_factory=dict)
    """Node → which mind it used, and why not its model; see `ooda.minds`."""
    spent: dict[str, Any] = field(default_factory=dict)
    """Calls, tokens and cost of the models that were asked; see `models.spending`."""


_ADAPTERS: dict[type, TypeAdapter[Any]] = {}


def _adapter(kind: type[T]) -> TypeAdapter[T]:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def to_json(record: Any) -> dict[str, Any]:
    """A frozen record as a JSON object."""
    return cast("dict[str, Any]", _adapter(type(record)).dump_python(record, mode="json"))


def from_json(kind: type[T], value: dict[str, Any]) -> T:
    """The record back from its JSON object."""
    return _adapter(kind).validate_python(value)
