"""Run cases against a system: every turn judged against its truth, every paraphrase against the question itself."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from llo11ypop.core.errors import Llo11yPopError
from llo11ypop.core.question import Status
from llo11ypop.evals.suite.case import Case, ComponentCase, Expect
from llo11ypop.evals.suite.judging import Judged, Result, judge, kind_of
from llo11ypop.evals.suite.outcome import Outcome, System, outcome
from llo11ypop.evals.suite.record import ParaphraseRecord, Record, TurnRecord
from llo11ypop.evals.suite.rows import same_rows
from llo11ypop.evals.suite.truth import Prepared, Truth

Component = Callable[[Prepared], Awaitable[list[str]]]
"""Runs a component case; one line per thing that is wrong."""
Made = Callable[[Prepared], Awaitable[Outcome]]
"""Makes the outcome of a report or a cycle."""
RANDOM = "random"
"""Tag of cases whose answer may differ from run to run: they must pass three times (pass^3)."""
TIMES = 3


async def run_cases(
    prepared: Iterable[Prepared],
    system: System,
    fleet: str,
    *,
    component: Component,
    made: Made,
    paraphrases: bool = True,
    progress: Callable[[str], None] | None = None,
) -> list[Record]:
    """Run every case on one fleet, in order. A known error of the harness is kept in its record and the run goes on."""
    records = []
    for number, one in enumerate(prepared, 1):
        records.append(await run_case(one, system, fleet, component=component, made=made, paraphrases=paraphrases))
        if progress is not None and number % 50 == 0:
            progress(f"{fleet}: {number} cases")
    return records


async def run_case(
    prepared: Prepared, system: System, fleet: str, *, component: Component, made: Made, paraphrases: bool = True
) -> Record:
    """Run one case; one whose answers are random three times. What the system raises unforeseen is its failure."""
    empty = _empty(prepared, fleet)
    if prepared.missing or prepared.error:
        return empty
    (ended,) = await asyncio.gather(_judged(prepared, system, empty, component, made, paraphrases), return_exceptions=True)
    if isinstance(ended, Record):
        return ended
    if isinstance(ended, Llo11yPopError):
        return replace(empty, error=ended.line())
    if isinstance(ended, Exception):
        return replace(empty, turns=(_crashed(prepared, ended),))
    raise ended


async def _judged(
    prepared: Prepared, system: System, empty: Record, component: Component, made: Made, paraphrases: bool
) -> Record:
    if isinstance(prepared.case, ComponentCase):
        return await _component(prepared, empty, component)
    case, fleet = prepared.case, empty.fleet
    times = TIMES if RANDOM in case.tags else 1
    runs = [await _case(prepared, case, system, f"{fleet}-{n}", made) for n in range(times)]
    others = await _paraphrases(prepared, case, system, runs[0][0], fleet) if paraphrases else ()
    turns = tuple(_turn(o, j) for o, j in zip(*runs[0], strict=True))
    stable = all(_same(a, b) for run in runs[1:] for a, b in zip(runs[0][0], run[0], strict=True))
    passed = stable and all(j.passed for _, judged in runs for j in judged)
    return replace(empty, passed=passed, turns=turns, paraphrases=others, runs=times)


def _crashed(prepared: Prepared, bad: Exception) -> TurnRecord:
    """The system raised what it does not declare: that is its failure, not the harness's."""
    case = prepared.case
    whole = isinstance(case, Case)
    question = case.asked[0].question if isinstance(case, Case) else str(case.input)
    kind = kind_of(case.asked[-1].expect, prepared.truths[-1]) if isinstance(case, Case) else "component"
    result = Result.DECLINED.value if kind == "answerable" else None
    problem = " ".join(f"crashed: {type(bad).__name__}: {bad}".split())[:300]
    return TurnRecord(prepared.said(question), Status.FAILED.value if whole else "", kind, result, False, False, (problem,))


def _empty(prepared: Prepared, fleet: str) -> Record:
    case = prepared.case
    whole = isinstance(case, Case)
    allowed = case.expect.get("allowed") if isinstance(case, ComponentCase) and case.agent == "guard" else None
    return Record(
        case.id, fleet, case.level if isinstance(case, Case) else "component",
        case.analyst or ("guard" if not whole and case.agent == "guard" else "reader"),
        "" if isinstance(case, Case) else case.agent, case.tags, False, missing=prepared.missing, error=prepared.error,
        wanted_allowed=allowed,
    )  # fmt: skip


async def _component(prepared: Prepared, empty: Record, component: Component) -> Record:
    problems = await component(prepared)
    case = prepared.case
    text = case.input if isinstance(case, ComponentCase) and isinstance(case.input, str) else ""
    turn = TurnRecord(prepared.said(text), "", "component", None, not problems, not problems, tuple(problems))
    return replace(empty, passed=not problems, turns=(turn,))


async def _case(prepared: Prepared, case: Case, system: System, thread: str, made: Made) -> tuple[list[Outcome], list[Judged]]:
    """The outcomes and verdicts of one run, turn by turn on one thread."""
    outcomes: list[Outcome] = []
    if case.report or case.loop:
        outcomes.append(await made(prepared))
    else:
        for turn in case.asked:
            outcomes.append(await _ask(system, prepared.said(turn.question), prepared.at, f"{case.id}-{thread}"))
    pairs = zip(case.asked, prepared.truths, outcomes, strict=True)
    return outcomes, [judge(turn.expect, truth, got, prepared) for turn, truth, got in pairs]


async def _ask(system: System, question: str, at: datetime, thread: str) -> Outcome:
    return outcome(await system.ask(question, at, thread[:100]), question)


async def _paraphrases(
    prepared: Prepared, case: Case, system: System, first: Sequence[Outcome], fleet: str
) -> tuple[ParaphraseRecord, ...]:
    records = []
    for number, text in enumerate(case.paraphrases):
        got = await _ask(system, prepared.said(text), prepared.at, f"{case.id}-{fleet}-p{number}")
        judged = judge(case.expect or Expect(), prepared.truths[0], got, prepared)
        records.append(
            ParaphraseRecord(
                got.question,
                got.status,
                _same(first[0], got),
                judged.passed,
                judged.result,
                judged.problems,
                got.grounded.said,
                len(got.grounded.loose),
                got.seconds,
            )
        )
    return tuple(records)


def _same(one: Outcome, other: Outcome) -> bool:
    """Whether two answers are the same: the same plans, or the same rows, or the same refusal."""
    if one.status is not other.status:
        return False
    if one.status is not Status.ANSWERED:
        return True
    if one.plans == other.plans:
        return True
    return same_rows(one.rows, other.rows, "rows") or same_rows(other.rows, one.rows, "rows")


def _turn(got: Outcome, judged: Judged) -> TurnRecord:
    return TurnRecord(
        got.question, got.status, judged.kind, judged.result, judged.status_right, judged.passed, judged.problems, got.text,
        got.told.partition("\n")[2].partition("\n")[0], judged.routed, got.grounded.said, len(got.grounded.loose), got.seconds,
    )  # fmt: skip


__all__ = ["Truth", "run_case", "run_cases"]
