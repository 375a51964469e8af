"""Hold one outcome against one expectation: what is wrong with it, and if it is right, silently wrong, asked back or declined."""

from dataclasses import dataclass
from enum import StrEnum

from llo11ypop.agents.judge import equivalent, states
from llo11ypop.core.question import Status
from llo11ypop.evals.suite.case import Expect
from llo11ypop.evals.suite.outcome import Outcome
from llo11ypop.evals.suite.truth import Prepared, Truth


class Result(StrEnum):
    """How a question with an answer in the data ended."""

    RIGHT = "right"
    SILENT_WRONG = "silent_wrong"
    """Answered, and the rows or the fact are not true: the failure that matters."""
    ASKED_BACK = "asked_back"
    DECLINED = "declined"
    """Declined, 'no data' or failed although there is an answer."""


WEIGHTS = {Result.RIGHT: 1, Result.SILENT_WRONG: -4, Result.ASKED_BACK: 0, Result.DECLINED: -1}
"""Cost-weighted score: a wrong answer costs four right ones (LLo11yPop issue 3, our choice)."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One turn, judged."""

    passed: bool
    problems: tuple[str, ...]
    """One line per expectation that does not hold."""
    kind: str
    """What was wanted: answerable, no_data, clarify or declined."""
    result: Result | None
    """For answerable questions."""
    status_right: bool
    routed: bool | None
    """Whether the right analysts worked; None where the case does not say."""


def judge(expect: Expect, truth: Truth, got: Outcome, prepared: Prepared) -> Judged:
    """Judge one turn."""
    problems = list(_status_problems(expect, truth, got))
    status_right = not problems
    content: list[str] = []
    if status_right and got.status is Status.ANSWERED:
        content = [*_row_problems(expect, truth, got), *_fact_problems(expect, truth, got, prepared)]
        if got.grounded.loose:
            problems.append(f"not grounded: {', '.join(got.grounded.loose[:5])}")
    problems += content
    if status_right:
        problems += _told_problems(expect, got, prepared)
    routed = _routed(expect, got)
    if routed is False:
        problems.append(f"analysts {', '.join(sorted(got.areas)) or 'none'} instead of {', '.join(expect.areas)}")
    kind = kind_of(expect, truth)
    result = _result(got, status_right, content) if kind == "answerable" else None
    if kind != "answerable" and got.status is Status.ANSWERED and not status_right:
        problems[0] = f"answered although {kind} was right"
    return Judged(not problems, tuple(problems), kind, result, status_right, routed)


def kind_of(expect: Expect, truth: Truth) -> str:
    """What is wanted; a question whose truth is empty and may be 'no data' wants no more than that."""
    wanted = set(expect.status)
    if Status.ANSWERED not in wanted:
        return expect.status[0].value
    if Status.NO_DATA in wanted and (truth.empty or not (truth.accepted or truth.fact)):
        return "either"
    return "answerable" if expect.status[0] is Status.ANSWERED else expect.status[0].value


def _status_problems(expect: Expect, truth: Truth, got: Outcome) -> list[str]:
    if got.status not in expect.status:
        return [f"{got.status} instead of {' or '.join(expect.status)}: {got.text[:160]}"]
    if got.status is Status.NO_DATA and Status.ANSWERED in expect.status and truth.accepted and not truth.empty:
        return [f"no_data although there are rows: {got.text[:160]}"]
    return []


def _row_problems(expect: Expect, truth: Truth, got: Outcome) -> list[str]:
    if not truth.accepted or truth.holds(got.rows, expect.match, ordered=expect.ordered):
        return []
    return [f"rows differ: expected {_few(truth.accepted[0].rows)}, got {_few(got.rows.rows)}"]


def _few(rows: tuple[tuple[object, ...], ...]) -> str:
    shown = "; ".join(", ".join(f"{v:g}" if isinstance(v, float) else str(v) for v in row) for row in rows[:3])
    return f"{len(rows)} rows [{shown}{' …' if len(rows) > 3 else ''}]"[:240]  # noqa: PLR2004 - a few


def _fact_problems(expect: Expect, truth: Truth, got: Outcome, prepared: Prepared) -> list[str]:
    if expect.fact is None:
        return []
    problems = []
    if truth.fact:
        verdict = states(truth.fact, got.text, question=got.question)
        whole = verdict if verdict.equal else equivalent(truth.fact, got.text, question=got.question)
        if not whole.equal:
            problems.append(f"the sentence does not say '{truth.fact}' ({verdict.why}): {got.text[:160]}")
    words = [prepared.said(w) for w in expect.fact.any_of]
    if words and not any(w.casefold() in got.text.casefold() for w in words):
        problems.append(f"the sentence says none of {', '.join(words)}: {got.text[:160]}")
    return problems


def _told_problems(expect: Expect, got: Outcome, prepared: Prepared) -> list[str]:
    told = got.told.casefold()
    problems = [f"does not mention '{m}'" for m in map(prepared.said, expect.mentions) if m.casefold() not in told]
    problems += [f"says '{f}'" for f in map(prepared.said, expect.forbidden) if f.casefold() in told]
    if got.status is not Status.ANSWERED:
        return problems
    if expect.chart == "none" and got.chart:
        problems.append(f"a {got.chart} chart where none helps")
    elif expect.chart == "any" and not got.chart:
        problems.append("no chart")
    elif expect.chart not in (None, "any", "none") and got.chart != expect.chart:
        problems.append(f"{got.chart or 'no'} chart instead of {expect.chart}")
    missing = [d for d in expect.evidence if d not in got.datasets]
    if missing:
        problems.append(f"cites {', '.join(sorted(got.datasets)) or 'nothing'}, not {', '.join(missing)}")
    if got.followups < expect.followups:
        problems.append(f"{got.followups} follow-ups instead of {expect.followups}")
    return problems


def _routed(expect: Expect, got: Outcome) -> bool | None:
    """All expected analysts worked, and no more others than those: what has no part in a question must not answer it."""
    if not expect.areas or got.status not in (Status.ANSWERED, Status.NO_DATA):
        return None
    wanted = {a.value for a in expect.areas}
    return wanted <= got.areas and len(got.areas) <= 2 * len(wanted)


def _result(got: Outcome, status_right: bool, content: list[str]) -> Result:
    if got.status is Status.CLARIFY:
        return Result.ASKED_BACK
    if got.status is Status.ANSWERED:
        return Result.SILENT_WRONG if content or not status_right else Result.RIGHT
    return Result.DECLINED
