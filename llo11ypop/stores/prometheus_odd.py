"""What is read sample by sample, and so exact: counters that started again, things that fell silent or reached a value."""

import operator
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

from llo11ypop.core.errors import PlanError
from llo11ypop.query.compile.promql_filter import Matcher, regex
from llo11ypop.query.compile.promql_queries import Native, Odd
from llo11ypop.stores.prometheus_http import Labels, Reader

AT_ONCE = 50
"""Things read by one query, so that its text stays short (our assumption)."""
_COMPARED: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq,
}  # fmt: skip
MAX_THINGS = 2_000
"""More that are read sample by sample would be a scan and no exception (our assumption)."""

Samples = list[tuple[Labels, list[tuple[float, float]]]]
Readings = list[tuple[float, float, Labels]]
"""Of one thing, in order of time: seconds after 1970, value, labels."""


async def odd_rows(reader: Reader, native: Native, dataset: str) -> list[tuple[Labels, int, float]]:
    """A row per group and thing for `Reader.samples`. Raises StoreError, and PlanError where there are too many."""
    odd = native.odd
    if odd is None:
        return []
    found = await reader.samples(Native(odd.text, odd.grain, (), native.window), dataset)
    if len(found) > MAX_THINGS:
        raise PlanError(
            f"dataset '{dataset}': {len(found):,} series to be read sample by sample, over {MAX_THINGS:,}: ask for less"
        )
    rows: list[tuple[Labels, int, float]] = []
    things = [labels for labels, _, _ in found]
    for start in range(0, len(things), AT_ONCE):
        some = things[start : start + AT_ONCE]
        samples = await reader.raw(_selector(odd, some), native.window, dataset)
        wanted = {_key(labels, odd.grain) for labels in some}
        rows += taken([s for s in samples if _key(s[0], odd.grain) in wanted], odd, native.labels)
    return rows


def taken(samples: Samples, odd: Odd, by: Sequence[str]) -> list[tuple[Labels, int, float]]:
    """What is wanted of each thing per group; a group is that of the reading."""
    things: dict[tuple[str, ...], Readings] = {}
    for labels, values in samples:
        readings = things.setdefault(_key(labels, odd.grain), [])
        readings += [(stamp, value, labels) for stamp, value in values if value not in odd.blanks and _meets(value, odd.meets)]
    rows: list[tuple[Labels, int, float]] = []
    for readings in things.values():
        readings.sort(key=lambda reading: reading[:2])
        groups: dict[tuple[str, ...], tuple[Labels, float]] = {}
        for labels, value in _WANTED[odd.wanted](readings, by):
            groups[_key(labels, by)] = (labels, value)
        rows += [(labels, 0, value) for labels, value in groups.values()]
    return rows


def _meets(value: float, comparison: tuple[str, float] | None) -> bool:
    return comparison is None or _COMPARED[comparison[0]](value, comparison[1])


def _gains(readings: Readings, by: Sequence[str]) -> Iterable[tuple[Labels, float]]:
    """A drop is a reset: the counter has counted from zero to its new value. One reading says nothing, not zero."""
    summed: dict[tuple[str, ...], float] = {}
    for (_, before, _), (_, value, labels) in pairwise(readings):
        key = _key(labels, by)
        summed[key] = summed.get(key, 0.0) + (value - before if value >= before else value)
        yield labels, summed[key]


def _firsts(readings: Readings, _by: Sequence[str]) -> Iterable[tuple[Labels, float]]:
    return ((labels, value) for _, value, labels in reversed(readings))


def _counts(readings: Readings, by: Sequence[str]) -> Iterable[tuple[Labels, float]]:
    counted = Counter(_key(labels, by) for _, _, labels in readings)
    return ((labels, float(counted[_key(labels, by)])) for _, _, labels in readings)


def _value(reading: tuple[float, float, Labels]) -> float:
    return reading[1]


def _earliest(readings: Readings, _by: Sequence[str]) -> Iterable[tuple[Labels, float]]:
    return ((labels, stamp) for stamp, _, labels in reversed(readings))


def _latest(readings: Readings, _by: Sequence[str]) -> Iterable[tuple[Labels, float]]:
    return ((labels, stamp) for stamp, _, labels in readings)


_WANTED: Mapping[str, Callable[[Readings, Sequence[str]], Iterable[tuple[Labels, float]]]] = {
    "gain": _gains,
    "first": _firsts,
    "count": _counts,
    "lowest": lambda readings, _by: ((labels, value) for _, value, labels in sorted(readings, key=_value, reverse=True)),
    "highest": lambda readings, _by: ((labels, value) for _, value, labels in sorted(readings, key=_value)),
    "earliest": _earliest,
    "latest": _latest,
}
"""(labels, value) in an order in which the last one of a group is the one that counts."""


def _key(labels: Labels, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(labels.get(name, "") for name in names)


def _selector(odd: Odd, things: list[Labels]) -> str:
    """The series of some things; with several labels to a thing a few more may come along."""
    more = []
    for label in odd.grain:
        values = sorted({thing.get(label, "") for thing in things})
        more.append(str(Matcher(label, "=~", "|".join(map(regex, values)))))
    head, _, rest = odd.selector.partition("{")
    inner = rest.removesuffix("}")
    return f"{head}{{{', '.join([*([inner] if inner else []), *more])}}}"
