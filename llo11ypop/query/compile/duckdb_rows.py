# ruff: noqa: S608 - only identifiers of the catalog, quoted, and names of our own are put into text; values are parameters
"""The rows of one scan as DuckDB text: the right span of time, dimensions joined, and values that are no readings as NULL."""

import struct
from collections.abc import Iterable
from datetime import timedelta

from llo11ypop.catalog.catalog import Catalog, Route
from llo11ypop.catalog.models import Dataset, FieldSpec, Relation
from llo11ypop.query.compile.sql import Sql, all_of, instant, joined, quoted
from llo11ypop.query.plan import Span

TIME = '"_t"'
"""What the scan calls the instant of a row."""

BLANKS_64 = (0x7FFFFFFFFFFFFFF0, 0x7FFFFFFFFFFFFFF1, 0x7FFFFFFFFFFFFFF2, 0x7FFFFFFFFFFFFFF3)
BLANKS_32 = (0x7FFFFFF0, 0x7FFFFFF1, 0x7FFFFFF2, 0x7FFFFFF3)
"""What DCGM prints for blank, not found, not supported and not permitted (dcgm_structs.h: DCGM_INT64_BLANK, DCGM_INT32_BLANK)."""


def rows(catalog: Catalog, dataset: Dataset, names: Iterable[str], window: Span | None) -> Sql:
    """SELECT over one dataset with the named fields and dimensions, cleaned, and the row's instant."""
    routes = {name: catalog.route(dataset.dataset, name) for name in sorted(set(names))}
    tables = _tables(routes.values())
    columns = []
    for name, route in routes.items():
        table = tables[way(route.path)][0]
        cleaned = clean(f"{table}.{quoted(route.name)}", route.spec, catalog.datasets[route.dataset], table)
        columns.append(cleaned + f" AS {quoted(name)}")
    if dataset.time:
        columns.append(Sql(f"t.{quoted(dataset.time)} AS {TIME}"))
    source = Sql(f"{quoted(dataset.dataset)} AS t")
    for names_on_way, (alias, path) in tables.items():
        if path:
            near = tables[names_on_way[:-1]][0]
            source = source + _joined(catalog, dataset, path[-1], near, alias, window)
    kept = span_condition(dataset, window)
    head = "SELECT " + (joined(columns) if columns else Sql("1")) + " FROM " + source
    return head + " WHERE " + kept if kept is not None else head


def span_condition(dataset: Dataset, window: Span | None) -> Sql | None:
    """Which rows a window selects; without one, everything known at the instant. Never a row of the future.

    Of a slowly changing dimension a window selects every row that was valid at some time in it: its history.
    """
    parts: list[Sql | None] = []
    if dataset.known_at:
        parts.append(f"t.{quoted(dataset.known_at)} <= " + instant())
    if dataset.valid:
        start, end = (f"t.{quoted(name)}" for name in dataset.valid)
        since, until = (window.start, window.end) if window is not None else (timedelta(0), timedelta(0))
        parts.append(f"{start} <= " + instant(until) + f" AND ({end} IS NULL OR {end} > " + instant(since) + ")")
    elif dataset.span:
        start, end = (f"t.{quoted(name)}" for name in dataset.span)
        if window is not None:
            parts.append(f"{start} < " + instant(window.end) + f" AND ({end} IS NULL OR {end} > " + instant(window.start) + ")")
    elif dataset.time:
        time = f"t.{quoted(dataset.time)}"
        if window is None:
            parts.append(f"{time} < " + instant())
        else:
            parts.append(f"{time} >= " + instant(window.start) + f" AND {time} < " + instant(window.end))
    return all_of(parts)


def within(dataset: Dataset, inner: Span | None, outer: Span | None) -> Sql | None:
    """The condition, over the scan's columns, that a row lies in the inner span; None where every row does."""
    if inner is None or inner == outer or not dataset.time:
        return None
    parts: list[Sql | None] = []
    if outer is None or inner.start != outer.start:
        parts.append(f"{TIME} >= " + instant(inner.start))
    if outer is None or inner.end != outer.end:
        parts.append(f"{TIME} < " + instant(inner.end))
    return all_of(parts)


def clean(text: str, spec: FieldSpec, dataset: Dataset, table: str) -> Sql:
    """A field, NULL where its value is no reading or was not known yet."""
    keep: list[Sql | None] = []
    if spec.valid is not None:
        low, high = spec.valid
        keep.append(Sql(f"{text} >= {_bound(low, spec)} AND {text} <= {_bound(high, spec)}"))
        outside = [v for v in spec.absent if low <= v <= high]
    else:
        outside = list(spec.absent)
        if dataset.blanks == "dcgm" and spec.type == "float":
            blanks = ", ".join(f"{float(b)!r}" for b in (*BLANKS_32, 2.0**31))
            keep.append(Sql(f"{text} < 9.2e18 AND {text} NOT IN ({blanks})"))
        elif dataset.blanks == "dcgm" and spec.type == "integer":
            keep.append(Sql(f"{text} < {BLANKS_64[0]} AND {text} NOT BETWEEN {BLANKS_32[0]} AND {BLANKS_32[-1]}"))
        elif spec.type == "float":
            keep.append(Sql(f"NOT isnan({text})"))
    if outside:
        keep.append(Sql(f"{text} NOT IN ({', '.join(repr(v) for v in outside)})"))
    if spec.known_at:
        keep.append(f"{table}.{quoted(spec.known_at)} <= " + instant())
    condition = all_of(keep)
    return Sql(text) if condition is None else "CASE WHEN " + condition + f" THEN {text} END"


def _bound(value: float, spec: FieldSpec) -> str:
    """A bound in the column's own type where that is exact, so that no column of millions of rows is converted."""
    if spec.type == "integer" and value.is_integer():
        return f"{int(value)}"
    exact = struct.unpack("f", struct.pack("f", value))[0] == value
    return f"CAST({value!r} AS FLOAT)" if exact else f"CAST({value!r} AS DOUBLE)"


def _tables(routes: Iterable[Route]) -> dict[tuple[str, ...], tuple[str, tuple[Relation, ...]]]:
    """Datasets on the way → alias and relations, nearer ones first; the scanned dataset itself is `t`."""
    paths = {way(r.path[:n]): r.path[:n] for r in routes for n in range(1, len(r.path) + 1)}
    tables: dict[tuple[str, ...], tuple[str, tuple[Relation, ...]]] = {(): ("t", ())}
    for names in sorted(paths, key=lambda names: (len(names), names)):
        tables[names] = (f"d{len(tables)}", paths[names])
    return tables


def way(path: tuple[Relation, ...]) -> tuple[str, ...]:
    """The datasets that a path of relations leads over."""
    return tuple(relation.to for relation in path)


def _joined(catalog: Catalog, base: Dataset, relation: Relation, near: str, alias: str, window: Span | None) -> Sql:
    """LEFT JOIN of one relation; over an interval where the other side is only valid for a while."""
    target = catalog.datasets[relation.to]
    on = [Sql(f"{near}.{quoted(own)} = {alias}.{quoted(other)}") for own, other in relation.on.items()]
    bounds: list[Sql | None] = []
    interval = relation.between or target.valid
    if interval:
        start, end = (quoted(name) for name in interval)
        if base.time:
            time = f"t.{quoted(base.time)}"
            on.append(Sql(f"{time} >= {alias}.{start} AND ({alias}.{end} IS NULL OR {time} < {alias}.{end})"))
            latest, earliest = (instant(window.end), instant(window.start)) if window else (instant(), None)
            bounds.append(f"{start} <= " + latest)
            bounds.append(f"({end} IS NULL OR {end} > " + earliest + ")" if earliest else None)
        else:
            bounds.append(f"{start} <= " + instant() + f" AND ({end} IS NULL OR {end} > " + instant() + ")")
    elif target.time:
        bounds.append(f"{quoted(target.time)} < " + instant())
    where = all_of(bounds)
    inner = Sql(f"SELECT * FROM {quoted(relation.to)}")
    side = "(" + (inner + " WHERE " + where if where is not None else inner) + f") AS {alias}"
    return " LEFT JOIN " + side + " ON " + joined(on, " AND ")
