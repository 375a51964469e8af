"""Three things worth asking next, made from the scope of the answer; each is read by the same reader before it is offered."""

from collections.abc import Callable, Iterator

from llo11ypop.ask.shape import Shape
from llo11ypop.ask.wording import lead, low
from llo11ypop.core.question import Result, Status
from llo11ypop.language.intent import INVESTIGATIONS, Intent
from llo11ypop.language.reading import Reading
from llo11ypop.language.scope import Scope

MOST = 3
_SPLITS = ("cluster", "provider", "rack", "gpu_model", "node_id", "part_type", "state", "account")
_WORDS = {"node_id": "node", "gpu_model": "GPU model", "part_type": "part type"}
_STARTERS = (
    "How healthy is the fleet right now?",
    "Which clusters have the most failed jobs this week?",
    "Show me a chart of job failures",
    "Which nodes are drained, and why?",
)

Answerable = Callable[[str, Scope | None], bool]


def followups(reading: Reading | None, result: Result | None, status: Status, answerable: Answerable) -> tuple[str, ...]:
    """Up to three; every one of them is answered on the same thread."""
    found: list[str] = []
    scope = reading.scope if reading is not None and status in (Status.ANSWERED, Status.NO_DATA) else None
    asked = reading.question.casefold().rstrip("?. ") if reading else ""
    for text in _candidates(reading, result, status):
        if text.casefold().rstrip("?. ") != asked and text not in found and answerable(text, scope):
            found.append(text)
        if len(found) == MOST:
            break
    return tuple(found)


def _candidates(reading: Reading | None, result: Result | None, status: Status) -> Iterator[str]:
    if reading is not None and status is Status.ANSWERED and result is not None:
        yield from _investigated(reading) if reading.intent in INVESTIGATIONS else _from_rows(reading, result)
    if reading is not None and reading.scope.measures:
        yield from _about(reading)
    yield from _STARTERS


def _from_rows(reading: Reading, result: Result) -> Iterator[str]:
    scope, shape = reading.scope, Shape(result)
    top = _leading(scope, shape)
    if top:
        yield f"Only {top}"
    if not scope.bucket:
        yield "Show that as a trend by day"
    if scope.bucket and scope.measures:
        yield f"Why did {low(scope.measures[0].label)} change?"
    yield from (f"Split that by {_WORDS.get(d, d)}" for d in _SPLITS if d not in scope.by and not scope.values(d))
    yield "Compare that with the period before"
    if scope.bucket:
        yield "Exclude the maintenance windows"


def _leading(scope: Scope, shape: Shape) -> str:
    """The first row's thing, where there are several and it is one word."""
    if shape.count < 2 or not shape.dimensions or not shape.measures or shape.time is not None:  # noqa: PLR2004 - one leads nothing
        return ""
    cells = shape.values(lead(scope, shape))
    known = [i for i, v in enumerate(cells) if v is not None]
    best = known[0] if shape.ordered(lead(scope, shape)) else max(known, key=lambda i: cells[i], default=0)
    name = str(shape.values(shape.dimensions[0])[best] or "")
    return name if name and " " not in name else ""


def _investigated(reading: Reading) -> Iterator[str]:
    node, run, cluster = (reading.scope.entity(level) for level in ("node", "run", "cluster"))
    if run:
        yield f"Is run {run} converging?"
        yield f"Show the step time of run {run} as a chart"
    if node:
        yield f"Is node {node} a lemon?"
        yield f"GPU temperature of {node} over time"
    if cluster:
        yield f"Failed jobs in {cluster} by day"
    yield "Five most likely causes of last night's issue"
    yield "Which clusters need maintenance this week?"


def _about(reading: Reading) -> Iterator[str]:
    label = low(reading.scope.measures[0].label)
    yield f"{label} per cluster, last 7 days"
    yield f"{label} by day, last 7 days"
    if reading.intent is not Intent.VALUE:
        yield f"How many {label} in the last 24 hours?"
