"""Run the small cases of one agent: guard, routing, parser, time, values, compile, judge, analysis."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from llo11ypop.agents.guardrail import Guard, Known, screen
from llo11ypop.agents.judge import equivalent
from llo11ypop.core.errors import ConfigError
from llo11ypop.evals.suite.case import ComponentCase, Expect
from llo11ypop.evals.suite.instants import resolve_instant
from llo11ypop.evals.suite.judging import judge
from llo11ypop.evals.suite.outcome import System, outcome
from llo11ypop.evals.suite.rows import table
from llo11ypop.evals.suite.truth import Prepared
from llo11ypop.query.expr import Name, Node, Op, Value, walk
from llo11ypop.query.plan import Filter, Plan, Select
from llo11ypop.query.store import TelemetryStore

if TYPE_CHECKING:
    from llo11ypop.language.reading import Reading


class Reads(Protocol):
    """Anything that reads a question: the reader of the language package."""

    def read(self, question: str, at: datetime, previous: Any = None) -> "Reading":
        """What the question asks."""
        ...


@dataclass(frozen=True)
class Parts:
    """The agents that component cases reach into."""

    reader: Reads
    known: Known
    guard: Guard
    store: TelemetryStore
    system: System


async def run_component(prepared: Prepared, parts: Parts) -> list[str]:
    """Run one case; one line per thing that is wrong. Raises ConfigError for an expectation that the agent does not have."""
    case = prepared.case
    if not isinstance(case, ComponentCase):
        raise ConfigError(f"{case.id} is no component case")
    if (kind := _INPUTS[case.agent]) is not type(case.input) and not (kind is dict and isinstance(case.input, Mapping)):
        raise ConfigError(f"{case.id}: 'input' of a {case.agent} case is a {'mapping' if kind is dict else 'text'}")
    return await _RUN[case.agent](prepared, case, parts)


async def _guard(prepared: Prepared, case: ComponentCase, parts: Parts) -> list[str]:
    got = screen(prepared.said(str(case.input)), parts.known, parts.guard)
    if got.allowed is not _expected(case, "allowed"):
        return [f"{'let in' if got.allowed else 'declined as ' + got.reason}"]
    reasons = _listed(case.expect.get("reason", got.reason.value))
    return [] if got.allowed or got.reason.value in reasons else [f"declined as {got.reason}, not {' or '.join(reasons)}"]


async def _routing(prepared: Prepared, case: ComponentCase, parts: Parts) -> list[str]:
    wanted = set(_listed(_expected(case, "areas")))
    areas = {a.value for a in _read(prepared, case, parts).areas}
    fits = wanted <= areas and len(areas) <= 2 * len(wanted)
    return [] if fits else [f"analysts {', '.join(sorted(areas)) or 'none'} instead of {', '.join(sorted(wanted))}"]


async def _parser(prepared: Prepared, case: ComponentCase, parts: Parts) -> list[str]:
    reading = _read(prepared, case, parts)
    expect = case.expect
    problems = []
    status = "clarify" if reading.clarify or reading.unknown else "no_data" if reading.nothing else "answered"
    if status not in _listed(expect.get("status", "answered")):
        return [f"{status}: {reading.clarify or reading.nothing or ', '.join(reading.unknown) or reading.text}"]
    if "intent" in expect and reading.intent.value not in _listed(expect["intent"]):
        problems.append(f"intent {reading.intent} instead of {' or '.join(_listed(expect['intent']))}")
    if "same_as" in expect:
        other = parts.reader.read(prepared.said(str(expect["same_as"])), prepared.at, None)
        if reading.plan != other.plan or (reading.plan is None and reading.intent is not other.intent):
            problems.append(f"read as '{reading.text}', the other as '{other.text}'")
    problems += _mentions(reading, prepared, case)
    if "sql" in expect:
        problems += ["no plan"] if reading.plan is None else await _rows(reading.plan, prepared, case, parts)
    return problems


async def _time(prepared: Prepared, case: ComponentCase, parts: Parts) -> list[str]:
    reading = _read(prepared, case, parts)
    if reading.window is None:
        return [f"no window in '{reading.text or reading.clarify or reading.nothing}'"]
    problems = []
    for side, got in (("start", reading.window.start), ("end", reading.window.end)):
        if side in case.expect:
            wanted = resolve_instant(prepared.said(str(case.expect[side])), prepared.fleet, prepared.at)
            if abs((got - wanted).total_seconds()) >= 1:
                problems.append(f"{side} {got:%Y-%m-%d %H:%M:%S} instead of {wanted:%Y-%m-%d %H:%M:%S}")
    return problems


async def _values(prepared: Prepared, case: ComponentCase, parts: Parts) -> list[str]:
    reading = _read(prepared, case, parts)
    problems = _mentions(reading, prepared, case)
    found = filters_of(reading.plan) if reading.plan else {}
    for name, wanted in dict(case.expect.get("filters", {})).items():
        values = {prepared.said(v).casefold() for v in _listed(wanted)}
        got = found.get(name, set())
        if got != values:
            problems.append(f"{name} {', '.join(sorted(got)) or 'not filtered'} instead of {', '.join(sorted(values))}")
    return problems


async def _compile(prepared: Prepared, case: ComponentCase, parts: Parts) -> list[str]:
    return await _rows(Plan.model_validate(case.input), prepared, case, parts)


async def _judge(prepared: Prepared, case: ComponentCase, parts: Parts) -> list[str]:
    pair = case.input if isinstance(case.input, Mapping) else {}
    verdict = equivalent(
        str(pair.get("expected", "")), str(pair.get("got", "")), question=str(pair.get("question", "")), ranked=pair.get("ranked")
    )
    wanted = {"undecided": None}.get(str(_expected(case, "equal")), _expected(case, "equal"))
    return [] if verdict.equal is wanted else [f"equal is {verdict.equal} ({verdict.why}), not {wanted}"]


async def _analysis(prepared: Prepared, case: ComponentCase, parts: Parts) -> list[str]:
    question = prepared.said(str(case.input))
    got = outcome(await parts.system.ask(question, prepared.at, f"component-{case.id}"), question)
    return list(judge(Expect.model_validate(case.expect), prepared.truths[0], got, prepared).problems)


async def _rows(plan: Plan, prepared: Prepared, case: ComponentCase, parts: Parts) -> list[str]:
    evidence = await parts.store.run(plan, prepared.at)
    names = evidence.rows.column_names
    got = table([tuple(row[n] for n in names) for row in evidence.rows.to_pylist()])
    expect = Expect.model_validate({k: v for k, v in case.expect.items() if k in ("sql", "accept", "match", "ordered")})
    if prepared.truths[0].holds(got, expect.match, ordered=expect.ordered):
        return []
    return [f"rows differ: expected {len(prepared.truths[0].accepted[0].rows)} rows, got {len(got.rows)}"]


def _read(prepared: Prepared, case: ComponentCase, parts: Parts) -> "Reading":
    return parts.reader.read(prepared.said(str(case.input)), prepared.at, None)


def _mentions(reading: "Reading", prepared: Prepared, case: ComponentCase) -> list[str]:
    told = "\n".join(
        [reading.text, reading.clarify or "", reading.nothing or "", reading.definition, *reading.defaults]
    ).casefold()
    wanted = map(prepared.said, _listed(case.expect.get("mentions", ())))
    return [f"the reading does not mention '{m}': {reading.text}" for m in wanted if m.casefold() not in told]


def filters_of(plan: Plan) -> dict[str, set[str]]:
    """What a plan's conditions ask to be equal: field → values, in lower case."""
    found: dict[str, set[str]] = {}
    for step in plan.steps.values():
        if isinstance(step, (Select, Filter)) and step.where:
            for name, value in _equal(step.where.node):
                found.setdefault(name, set()).add(value)
    return found


def _equal(node: Node) -> Iterator[tuple[str, str]]:
    for part in walk(node):
        match part:
            case Op("=", (Name(name), Value(value))):
                yield name, str(value).casefold()
            case Op("in", (Name(name), *values)):
                yield from ((name, str(v.value).casefold()) for v in values if isinstance(v, Value))


def _expected(case: ComponentCase, key: str) -> Any:
    if key not in case.expect:
        raise ConfigError(f"{case.id}: a {case.agent} case expects '{key}'")
    return case.expect[key]


def _listed(value: Any) -> list[str]:
    return [str(v) for v in value] if isinstance(value, (list, tuple)) else [str(value)]


_RUN: dict[str, Callable[[Prepared, ComponentCase, Parts], Awaitable[list[str]]]] = {
    "guard": _guard, "routing": _routing, "parser": _parser, "time": _time, "values": _values, "compile": _compile,
    "judge": _judge, "analysis": _analysis,
}  # fmt: skip
_INPUTS: dict[str, type] = {**dict.fromkeys(_RUN, str), "compile": dict, "judge": dict}

__all__ = ["Parts", "filters_of", "run_component"]
