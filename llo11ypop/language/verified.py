"""Verified questions: people checked their plans, so a question that says the same takes the plan as it stands."""

from datetime import datetime
from typing import TYPE_CHECKING

from rapidfuzz import fuzz

from llo11ypop.core.question import Column
from llo11ypop.language.entries import VerifiedQuestion
from llo11ypop.language.intent import Intent
from llo11ypop.language.lexicon import filled
from llo11ypop.language.periods import trailing
from llo11ypop.language.reading import Reading
from llo11ypop.language.scope import Scope
from llo11ypop.language.times import Times
from llo11ypop.language.words import Token, normalise, tokens
from llo11ypop.query.check import check
from llo11ypop.query.plan import Plan

if TYPE_CHECKING:
    from llo11ypop.language.reader import Reader

SAME = 92.0
"""Similarity of the words (order does not count) at which a question is taken for a verified one; all its words must be in it."""


def reading(reader: "Reader", question: str, words: list[Token], times: Times, at: datetime) -> Reading | None:
    """The reading of a verified question that says the same; none when there is none."""
    asked = _content(reader, [t for t in words if not any(s <= t.start < e for s, e in times.spans)])
    if not asked:
        return None
    for name, verified in reader.lexicon.verified.items():
        for known in verified.questions:
            wanted = _content(reader, tokens(normalise(known), reader.index.whole))
            if set(asked) == set(wanted) or (
                fuzz.token_sort_ratio(" ".join(asked), " ".join(wanted)) >= SAME and set(asked) <= set(wanted)
            ):
                return _reading(reader, question, name, verified, times, at)
    return None


def _content(reader: "Reader", words: list[Token]) -> list[str]:
    soft = reader.lexicon.words.soft
    return sorted(t.lemma for t in words if t.lemma not in soft)


def _reading(reader: "Reader", question: str, name: str, verified: VerifiedQuestion, times: Times, at: datetime) -> Reading:
    window = (
        times.periods[0][2]
        if times.periods
        else trailing(at, verified.window, f"last {verified.window.days} days", defaulted=True)
    )
    span = {"start": at - window.start_at, "end": max(at - window.end_at, at - at)}
    plan = Plan.model_validate(filled(verified.plan, span))
    schema = check(plan, reader.catalog)[plan.result]
    columns = tuple(
        Column(
            c,
            label,
            "measure" if schema[c].value in ("integer", "number") else "time" if schema[c].value == "time" else "dimension",
            verified.units.get(c, ""),
        )
        for c, label in verified.columns.items()
        if c in schema
    )
    scope = Scope(Intent.VALUE if verified.scalar else Intent.BREAKDOWN, window=window, verified=name)
    areas = tuple(dict.fromkeys(reader.catalog.datasets[s.dataset].area for s in plan.selects.values()))
    defaults = (f"no time was named: {window.label}",) if window.defaulted else ()
    return Reading(
        question,
        scope.intent,
        scope,
        plan,
        f"{verified.title}, {window.label}",
        columns,
        window.window,
        verified.definition,
        areas,
        defaults,
        scalar=verified.scalar,
        chart_hint="stat" if verified.scalar else "bar",
        title=verified.title,
    )
