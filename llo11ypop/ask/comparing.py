"""The sentences for a measure in two periods: how much it was, how much before, and whether that is better."""

from llo11ypop.ask.shape import Shape
from llo11ypop.core.question import Column
from llo11ypop.language.binding import Sentence
from llo11ypop.language.figures import figure
from llo11ypop.language.scope import Scope

SAME_PCT = 1.0
"""A change of less than this is called none (our choice)."""
NAMED = 3


def compared(scope: Scope, shape: Shape) -> Column | None:
    """The measure of which the rows hold two periods; none where they hold one."""
    names = {c.name for c in shape.measures}
    if scope.compare is None:
        return None
    return next((c for c in shape.measures if {f"{c.name}_before", f"{c.name}_change"} <= names), None)


def sentences(scope: Scope, shape: Shape, measure: Column, head: str, window: str) -> list[Sentence]:
    """One sentence for one pair; for many, those that changed the most, in the order of the rows."""
    if scope.compare is None:
        return []
    before = f"{scope.compare.label}"
    if shape.count == 1:
        return [Sentence(f"{head}: {_pair(shape, measure, 0, before)}{window}{_judged(shape, measure, 0)}.")]
    known = [i for i in range(min(shape.count, NAMED)) if _cell(shape, measure.name, i) is not None]
    said = [f"{shape.thing(i)} {_pair(shape, measure, i, before if i == known[0] else '')}" for i in known]
    return [Sentence(f"{head}{window}: {'; '.join(said)}.")] if said else []


def _pair(shape: Shape, measure: Column, row: int, label: str) -> str:
    now, then = _cell(shape, measure.name, row), _cell(shape, f"{measure.name}_before", row)
    of = f" in the {label}" if label.startswith(("week", "month", "day", "period")) else f" {label}" if label else ""
    return f"{figure(now, measure.unit)} against {figure(then, measure.unit)}{of}"


def _judged(shape: Shape, measure: Column, row: int) -> str:
    change, share = _cell(shape, f"{measure.name}_change", row), _cell(shape, f"{measure.name}_change_pct", row)
    if change is None:
        return "; a period was not measured"
    if change == 0 or (share is not None and abs(share) < SAME_PCT):
        return "; that is the same"
    amount = figure(abs(change), measure.unit) if share is None else figure(abs(share), "%")
    judged = ""
    if measure.better != "neither":
        judged = ", which is better" if (change > 0) == (measure.better == "higher") else ", which is worse"
    return f"; {amount} {'more' if change > 0 else 'less'}{judged}"


def _cell(shape: Shape, name: str, row: int) -> float | None:
    column = next((c for c in shape.measures if c.name == name), None)
    value = shape.values(column)[row] if column else None
    return None if value is None else float(value)
