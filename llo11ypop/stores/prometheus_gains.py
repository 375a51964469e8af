"""What counters gained that started again or changed labels, from their samples: exact, in order of time."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from llo11ypop.core.errors import PlanError
from llo11ypop.query.compile.promql import Native, Odd
from llo11ypop.query.compile.promql_filter import Matcher, regex
from llo11ypop.stores.prometheus_http import Labels, Reader

AT_ONCE = 50
"""Things read by one query, so that its text stays short (our assumption)."""
MAX_THINGS = 2_000
"""More that are read sample by sample would be a scan and no exception (our assumption)."""

Samples = list[tuple[Labels, list[tuple[float, float]]]]


async def odd_gains(reader: Reader, native: Native, dataset: str) -> list[tuple[Labels, int, float]]:
    """A row per group and thing for `Reader.samples`. Raises StoreError, and PlanError where there are too many."""
    odd = native.odd
    if odd is None:
        return []
    found = await reader.samples(Native(odd.text, odd.grain, (), native.window), dataset)
    if len(found) > MAX_THINGS:
        raise PlanError(f"dataset '{dataset}': {len(found):,} counters started again, over {MAX_THINGS:,}: ask for less")
    rows: list[tuple[Labels, int, float]] = []
    things = [labels for labels, _, _ in found]
    for start in range(0, len(things), AT_ONCE):
        some = things[start : start + AT_ONCE]
        samples = await reader.raw(_selector(odd, some), native.window, dataset)
        wanted = {_key(labels, odd.grain) for labels in some}
        rows += gains([s for s in samples if _key(s[0], odd.grain) in wanted], odd, native.labels)
    return rows


def gains(samples: Samples, odd: Odd, by: Sequence[str]) -> list[tuple[Labels, int, float]]:
    """What each thing gained per group. A drop is a reset: the counter has counted from zero to its new value.

    A gain belongs to the group of the later reading; a thing with one reading says nothing, not zero.
    """
    things: dict[tuple[str, ...], list[tuple[float, float, Labels]]] = {}
    for labels, values in samples:
        readings = things.setdefault(_key(labels, odd.grain), [])
        readings += [(stamp, value, labels) for stamp, value in values if value not in odd.blanks]
    rows: list[tuple[Labels, int, float]] = []
    for readings in things.values():
        readings.sort(key=lambda reading: reading[:2])
        summed: dict[tuple[str, ...], tuple[Labels, float]] = {}
        for (_, before, _), (_, value, labels) in pairwise(readings):
            key = _key(labels, by)
            gained = value - before if value >= before else value
            summed[key] = (labels, summed.get(key, (labels, 0.0))[1] + gained)
        rows += [(labels, 0, gained) for labels, gained in summed.values()]
    return rows


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
