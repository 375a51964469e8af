"""The sentences that answer, by templates from the rows: the first one answers, the others say what stands out."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from llo11ypop.ask import comparing
from llo11ypop.ask.comparing import compared
from llo11ypop.ask.shape import Shape, additive
from llo11ypop.core.question import Column, Result
from llo11ypop.language.binding import Derived, Sentence
from llo11ypop.language.figures import figure, listed, percent, period
from llo11ypop.language.reading import Reading
from llo11ypop.language.scope import Scope

NAMED = 5
"""Things that a sentence names before it says how many more there are."""
FEW = 12
"""Columns of a single row that are all said."""
_SUPERLATIVE = re.compile(r"^(highest|largest|longest|most|maximum|lowest|smallest|least|shortest|fewest|minimum) ")
ENOUGH = 4
"""Buckets that a comparison of halves needs."""
STEADY = 0.05
"""Halves that differ by less than this are called the same (our choice)."""


_GOAL = re.compile(r"the goal is (\d+(?:\.\d+)?) %")
_ASKS_GOAL = re.compile(r"\b(?:goals?|targets?|meet|meeting|slo|sla|objective)\b")


def sentences(reading: Reading, result: Result) -> tuple[Sentence, ...]:
    """What the rows say. No rows give no sentence: `nothing` words that."""
    shape = Shape(result)
    if not shape.count or shape.empty_measures():
        return ()
    pair = compared(reading.scope, shape)
    if pair is not None and shape.time is None:
        return tuple(comparing.sentences(reading.scope, shape, pair, headline(reading, pair), when(reading)))
    if shape.time is not None and shape.measures:
        return tuple(_course(reading, shape))
    if not shape.dimensions and shape.measures:
        return tuple(_single(reading, shape))
    if shape.measures and (shape.dimensions or shape.time):
        return tuple(_ranking(reading, shape))
    return tuple(_listing(reading, shape))


def plainest(reading: Reading, result: Result) -> Sentence:
    """The template that is always bound: how many rows there are."""
    rows = result.rows.num_rows
    what = "one row" if rows == 1 else f"{rows:,} rows"
    return Sentence(f"The answer has {what}; see the table.", (Derived("rows"),))


def when(reading: Reading) -> str:
    """', 2026-05-01 to 2026-05-21'; nothing without a window."""
    return f", {period(reading.window)}" if reading.window else ""


def _single(reading: Reading, shape: Shape) -> list[Sentence]:
    cells = [(c, shape.values(c)[0]) for c in shape.measures]
    if shape.count > 1:
        return [plainest(reading, shape.result)]
    first, value = cells[0]
    if len(cells) == 1:
        out = [Sentence(f"{headline(reading, first)}: {figure(value, first.unit)}{when(reading)}.")]
    elif value is None or all(c.unit == first.unit for c, _ in cells):
        said = "; ".join(f"{c.label} {figure(v, c.unit)}" for c, v in cells[:FEW])
        out = [Sentence(f"{capital(said)}{when(reading)}.")]
    else:
        out = [Sentence(f"{headline(reading, first)}: {figure(value, first.unit)}{when(reading)}.")]
        others = [f"{c.label} {figure(v, c.unit)}" for c, v in cells[1:FEW] if v is not None]
        out += [Sentence(f"{capital(listed(others, FEW))}.")] if others else []
    missed = _missed(reading, shape, first, [0] if value is not None else [])
    if missed is not None:
        out.append(Sentence(f"That {'misses' if missed[1] else 'meets'} the goal of {missed[0]} %."))
    return out


def headline(reading: Reading, column: Column) -> str:
    """What a single figure is of: the label, and what the question narrows it to."""
    narrowed = listed([c.words for c in reading.scope.filters if c.words and c.words.casefold() not in column.label.casefold()])
    return capital(f"{column.label} ({narrowed})" if narrowed else column.label)


def _ranking(reading: Reading, shape: Shape) -> list[Sentence]:
    measure = lead(reading.scope, shape)
    order = shape.ordered(measure)
    cells = shape.values(measure)
    rows = [i for i, v in enumerate(cells) if v is not None]
    if shape.count == 1:
        return [Sentence(f"{shape.thing(0)}: {_said(shape, 0)}{when(reading)}.")]
    if not order and not reading.scope.ordered:
        order = "desc"
        rows.sort(key=lambda i: -cells[i])
    if not rows:
        return [plainest(reading, shape.result)]
    words = {"desc": "most", "asc": "fewest"} if counted(shape, measure) else {"desc": "highest", "asc": "lowest"}
    extreme = words.get(order, "")
    top, others = rows[0], rows[1:NAMED]
    if not extreme:
        opening = f"{capital(measure.label)} is {figure(cells[top], measure.unit)} for all {len(rows):,} {plural(shape)}"
        return [Sentence(f"{opening}{when(reading)}.", (Derived("rows", rows=tuple(rows)),))]
    first = Sentence(
        f"{shape.thing(top)} has the {extreme} {bare(measure.label)}: {figure(cells[top], measure.unit)}{when(reading)}"
        + (f"; then {listed([f'{shape.thing(i)} {figure(cells[i], measure.unit)}' for i in others])}." if others else ".")
    )
    return [first, *_against_goal(reading, shape, measure, rows), *_whole(reading, shape, measure, rows)]


def _missed(reading: Reading, shape: Shape, measure: Column, rows: Sequence[int]) -> tuple[str, list[int]] | None:
    """The goal that the definition names and the rows that miss it; None where the question does not ask about it."""
    named = _GOAL.search(reading.definition)
    if named is None or not rows or _ASKS_GOAL.search(reading.question.casefold()) is None:
        return None
    goal, cells = float(named[1]), shape.values(measure)
    return named[1], [i for i in rows if (cells[i] > goal if measure.better == "lower" else cells[i] < goal)]


def _against_goal(reading: Reading, shape: Shape, measure: Column, rows: Sequence[int]) -> list[Sentence]:
    missed = _missed(reading, shape, measure, rows)
    if missed is None:
        return []
    goal, short = missed
    if not short:
        return [Sentence(f"All meet the goal of {goal} %.")]
    who = listed([f"{shape.thing(i)} ({figure(shape.values(measure)[i], measure.unit)})" for i in short], NAMED)
    return [
        Sentence(f"The goal of {goal} % is missed by {who}{_more(len(short))}.", (Derived("rows", rows=tuple(short[NAMED:])),))
    ]


def _whole(reading: Reading, shape: Shape, measure: Column, rows: Sequence[int]) -> list[Sentence]:
    out: list[Sentence] = []
    if len(rows) > NAMED:
        out.append(Sentence(f"The table has {shape.count:,} {plural(shape)}.", (Derived("rows"),)))
    if additive(reading.scope, measure) and not shape.result.truncated and not reading.scope.top:
        total = sum(shape.values(measure)[i] for i in rows)
        share = shape.values(measure)[rows[0]] / total if total else 0
        made = (Derived("sum", measure.name), Derived("share", measure.name, (rows[0],)))
        text = f"All together {figure(total, measure.unit)}; {shape.thing(rows[0])} is {percent(share)} of it."
        out.append(Sentence(text, made) if total else Sentence(""))
    empty = [i for i, v in enumerate(shape.values(measure)) if v is None]
    if empty:
        text = f"{listed([shape.thing(i) for i in empty], NAMED)} gave no reading{_more(len(empty))}; that is not zero."
        out.append(Sentence(text, (Derived("rows", rows=tuple(empty[NAMED:])),)))
    return out


def _course(reading: Reading, shape: Shape) -> list[Sentence]:
    time, measure = shape.time, lead(reading.scope, shape)
    if time is None:
        return []
    cells, instants = shape.values(measure), shape.values(time)
    known = [i for i, v in enumerate(cells) if v is not None and instants[i] is not None]
    if not known:
        return []
    high, low_ = max(known, key=lambda i: cells[i]), min(known, key=lambda i: cells[i])
    many = bool(shape.dimensions)

    def at(i: int) -> str:
        whose = f"{shape.thing(i)}, " if many else ""
        return f"{figure(cells[i], measure.unit)} ({whose}{bucket_name(instants[i], reading.scope.bucket)})"

    bucket = f" per {reading.scope.bucket}" if reading.scope.bucket else ""
    total = ""
    made: tuple[Derived, ...] = ()
    if additive(reading.scope, measure):
        total = f"{figure(sum(cells[i] for i in known), measure.unit)} in all, "
        made = (Derived("sum", measure.name),)
    name = capital(f"{measure.label}{bucket}")
    if len(known) == 1:
        return [Sentence(f"{name}{when(reading)}: {at(known[0])}.")]
    if cells[high] == cells[low_]:
        return [Sentence(f"{name}{when(reading)}: {total}{figure(cells[high], measure.unit)} throughout.", made)]
    first = Sentence(f"{name}{when(reading)}: {total}highest {at(high)}, lowest {at(low_)}.", made)
    return [first, *([] if many else _halves(reading, shape, measure))]


def _halves(reading: Reading, shape: Shape, measure: Column) -> list[Sentence]:
    """How the second half of the buckets compares with the first; a bucket that is not over is left out."""
    known = [i for i, v in enumerate(shape.values(measure)) if v is not None]
    if reading.scope.window and reading.scope.window.partial:
        known = known[:-1]
    if len(known) < ENOUGH:
        return []
    recipe = Derived("halves", measure.name, tuple(known))
    half = len(known) // 2
    cells = shape.values(measure)
    before, after = (sum(cells[i] for i in part) / len(part) for part in (known[:half], known[-half:]))
    if not before:
        return []
    change = after / before - 1
    if abs(change) < STEADY:
        return [Sentence("The second half of the period is about the same as the first.")]
    better = measure.better
    judged = ""
    if better != "neither":
        judged = ", which is better" if (change > 0) == (better == "higher") else ", which is worse"
    word = "more" if change > 0 else "less"
    return [Sentence(f"The mean of the second half is {percent(abs(change))} {word} than that of the first{judged}.", (recipe,))]


def _listing(reading: Reading, shape: Shape) -> list[Sentence]:
    named = shape.dimensions[0] if shape.dimensions else None
    if named is None:
        return [plainest(reading, shape.result)]
    whole = list(dict.fromkeys(str(v) for v in shape.values(named) if v is not None))
    count = "More than " if shape.result.truncated else ""
    rows = f"{shape.count:,} {'row' if shape.count == 1 else 'rows'}"
    things = f"{len(whole):,} {noun(named, len(whole))}"
    opening = things if len(whole) == shape.count else f"{rows} about {things}"
    more = len(whole) - NAMED
    text = f"{count}{opening}{when(reading)}: {listed(whole, NAMED)}" + (f", and {more:,} more." if more > 0 else ".")
    made = (Derived("distinct", named.name), Derived("rows"), Derived("rest", named.name, value=NAMED))
    return [Sentence(text, made)]


def _said(shape: Shape, row: int) -> str:
    return ", ".join(f"{low(c.label)} {figure(shape.values(c)[row], c.unit)}" for c in shape.measures[:FEW])


def _more(count: int) -> str:
    return f" (and {count - NAMED:,} more)" if count > NAMED else ""


def lead(scope: Scope, shape: Shape) -> Column:
    """The measure that the answer is about: the one rows are ordered by, else the first."""
    if scope.ordered or scope.top:
        ranked = [c for c in shape.measures if shape.ordered(c)]
        asked = [c for c in ranked if any(c.name == m.name for m in scope.measures)]
        if ranked:
            return (asked or ranked)[0]
    return shape.measures[0]


def bare(label: str) -> str:
    """A label without the superlative that the sentence adds itself: 'largest rise' is a rise."""
    return _SUPERLATIVE.sub("", low(label))


def counted(shape: Shape, measure: Column) -> bool:
    """Whether a measure is a number of things."""
    whole = str(shape.result.rows.schema.field(measure.name).type) == "int64"
    return whole and measure.unit in ("", "1") and measure.label.endswith("s")


def plural(shape: Shape) -> str:
    """'clusters': what the rows are about."""
    return noun(shape.dimensions[0], shape.count) if len(shape.dimensions) == 1 else "rows"


def noun(column: Column, count: int) -> str:
    """'node' or 'nodes' from a column's label."""
    label = low(column.label)
    if count == 1 or label.endswith("s"):
        return label
    return f"{label[:-1]}ies" if label.endswith("y") and label[-2:-1] not in "aeiou" else f"{label}s"


def capital(text: str) -> str:
    """With a large first letter; a name that has digits or capitals in it stays as it is."""
    first = text.split(" ", 1)[0]
    return text if any(c.isupper() or c.isdigit() for c in first) else text[:1].upper() + text[1:]


def low(text: str) -> str:
    """With a small first letter, unless the first word is a name such as GPU or XID."""
    first = text.split(" ", 1)[0]
    return text if sum(c.isupper() for c in first) > 1 or any(c.isdigit() for c in first) else text[:1].lower() + text[1:]


def bucket_name(at: datetime, bucket: str) -> str:
    """A bucket's start as people name it: a day, an hour, a month."""
    if bucket == "hour" or (not bucket and at.minute + at.hour):
        return f"{at:%Y-%m-%d %H:%M}"
    return f"{at:%B %Y}" if bucket == "month" else f"{at:%Y-%m-%d}"


def partial_note(reading: Reading, at: datetime) -> str:
    """That the period asked about is not over yet; empty when it is."""
    window = reading.scope.window
    if window is None or not window.partial:
        return ""
    until = min(at, window.end_at)
    left = "" if reading.scope.bucket == "" else f"; the last {reading.scope.bucket} is incomplete"
    return f"{capital(window.label)} is not over: counted until {until:%Y-%m-%d %H:%M} UTC{left}."


def truncation_note(result: Result) -> str:
    """That rows were cut off; empty when none were."""
    if not result.truncated:
        return ""
    return f"Cut off at {result.rows.num_rows:,} rows: there are more, so totals over the table would be too small."


def age(newest: datetime | None, at: datetime) -> str:
    """How old the newest row is."""
    if newest is None:
        return "nothing arrived lately"
    left = max(at - newest, timedelta(0))
    return f"newest row {newest:%Y-%m-%d %H:%M} UTC, {figure(left.total_seconds(), 's')} before the answer"
