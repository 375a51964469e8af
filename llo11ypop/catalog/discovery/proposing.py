"""The alias table for a whole store: each dataset in the place that fits it best."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.catalog.discovery.holding import Holding
from llo11ypop.catalog.discovery.matching import Match, match
from llo11ypop.catalog.models import AliasTable, Dataset, Kind, SeriesPlace

_WORTH_SAYING = 2
"""A place with so many telling fields of a dataset is shown although it is not enough."""


@dataclass(frozen=True)
class Discovery:
    """What was found, as a table to load and as words."""

    table: AliasTable
    found: tuple[Match, ...]
    nothing: tuple[str, ...]
    """Datasets of which nothing was found."""
    elsewhere: Mapping[str, tuple[str, ...]]
    """Dataset → other places that would have fitted it too."""
    strangers: tuple[str, ...] = ()
    """Where two datasets name clusters or nodes so differently that they never meet."""


def discover(catalog: Catalog, holdings: Iterable[Holding], source: str) -> Discovery:
    """Propose an alias table. The same findings give the same table."""
    places = sorted(holdings, key=lambda h: h.pattern)
    found: list[Match] = []
    unmapped: dict[str, str] = {}
    nothing: list[str] = []
    elsewhere: dict[str, tuple[str, ...]] = {}
    for name in sorted(catalog.datasets):
        dataset = catalog.datasets[name]
        tried = [match(catalog, dataset, h) for h in places if not h.metrics or dataset.kind is Kind.METRIC]
        ranked = sorted(tried, key=Match.rank, reverse=True)
        fitting = [m for m in ranked if m.holds(dataset)]
        if fitting:
            found.append(fitting[0])
            elsewhere |= {name: tuple(m.holding.pattern for m in fitting[1:])} if len(fitting) > 1 else {}
        elif near := _nearly(ranked, dataset):
            unmapped[name] = near
        else:
            nothing.append(name)
    return Discovery(_table(found, unmapped, source), tuple(found), tuple(nothing), elsewhere, tuple(_strangers(found)))


def _nearly(ranked: list[Match], dataset: Dataset) -> str:
    """The place that comes nearest to a dataset, where one comes near at all."""
    near = max(ranked, key=lambda m: (m.telling - (dataset.time in m.names), m.rank()), default=None)
    if near is None or near.telling - (dataset.time in near.names) < _WORTH_SAYING:
        return ""
    lost = near.missing(dataset) or list(near.unmapped)[:2]
    without = "; ".join(f"without {name}: {near.unmapped[name]}" for name in lost)
    return f"no place has enough of it; nearest is {near.holding.pattern} with {', '.join(near.names)}; {without}"


def _strangers(found: list[Match]) -> Iterator[str]:
    """Each dataset against the first one that has the field: names in common, or a line that says so."""
    for field in ("cluster", "node_id"):
        named = [(m.dataset, seen) for m in found if (seen := _named(m, field))]
        for dataset, seen in named[1:]:
            if not seen & named[0][1]:
                first, other = min(named[0][1]), min(seen)
                yield f"{field} is '{first}' … in {named[0][0]} and '{other}' … in {dataset}: what happens there never meets"


def _named(found: Match, field: str) -> set[str]:
    foreign = found.names.get(field)
    return {str(v) for v in found.holding.values.get(foreign.name, ())} - {""} if foreign else set()


def _table(found: list[Match], unmapped: dict[str, str], source: str) -> AliasTable:
    names = {f"{m.dataset}.{field}": (foreign,) for m in found for field, foreign in m.names.items()}
    reasons = unmapped | {f"{m.dataset}.{field}": why for m in found for field, why in m.unmapped.items()}
    return AliasTable(
        source=source,
        description=f"Names found there for {len(found)} datasets. Written by 'llo11ypop catalog discover'.",
        names=names,
        indices={m.dataset: m.holding.pattern for m in found if not m.holding.metrics},
        series={m.dataset: SeriesPlace(rows=_rows(m)) for m in found if m.holding.metrics},
        unmapped={name: reasons[name] for name in sorted(reasons)},
    )


def _rows(found: Match) -> str:
    """The field whose metric has the most series, so that each row has it; the catalog's first of equals."""
    counted = {
        field: found.holding.series.get(foreign.name, 0)
        for field, foreign in found.names.items()
        if found.holding.columns[foreign.name] == "number"
    }
    return max(counted, key=lambda field: counted[field], default="")
