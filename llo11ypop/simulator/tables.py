"""From a world to Arrow tables with the catalog's columns, a span of time at a time.

Events are ordered by time. Metrics are ordered by time in blocks of one DuckDB row group, entity by entity inside
a block: scans by time still skip what they do not need, and the file is a third as large.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from llo11ypop.catalog.models import Dataset, FieldSpec, Kind
from llo11ypop.simulator.columns import Words
from llo11ypop.simulator.detail import detail_grids
from llo11ypop.simulator.grid import Grid
from llo11ypop.simulator.world import World

CHUNK_ROWS = 122_880
"""Rows of one DuckDB row group."""
ALL = (-np.inf, np.inf)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def exported_fields(dataset: Dataset, profile: str) -> dict[str, FieldSpec]:
    """The columns a fleet of this exporter profile has; empty when it does not have the dataset."""
    if profile == "full":
        return dict(dataset.fields)
    if dataset.exported == "opt_in":
        return {}
    return {name: field for name, field in dataset.fields.items() if field.exported != "opt_in"}


def sql_type(dataset: Dataset, field: FieldSpec) -> str:
    """DuckDB type: FLOAT for metric datasets, DOUBLE for the few rows of the others."""
    if field.type == "float":
        return "FLOAT" if dataset.kind is Kind.METRIC else "DOUBLE"
    return {"timestamp": "TIMESTAMP", "integer": "BIGINT"}.get(field.type, "VARCHAR")


def tables(world: World, dataset: Dataset, span: tuple[float, float] = ALL) -> Iterator[pa.Table]:
    """Arrow tables of one dataset with the rows whose time lies in [start, end), seconds since the world's start."""
    fields = exported_fields(dataset, world.profile)
    if not fields:
        return
    if dataset.dataset == "gpu_metrics_1m":
        for grid in detail_grids(world, span):
            yield from _grid_tables(world, dataset, fields, grid, ALL)
        return
    matrices = world.grids.get(dataset.dataset)
    if matrices is not None:
        yield from _grid_tables(world, dataset, fields, matrices, span)
    if world.events.get(dataset.dataset):
        yield from _event_tables(world, dataset, fields, span)


# ---- metric datasets ------------------------------------------------------------------------------------------
def _grid_tables(
    world: World, dataset: Dataset, fields: dict[str, FieldSpec], grid: Grid, span: tuple[float, float]
) -> Iterator[pa.Table]:
    """Slices of the matrices."""
    first, last = (0, grid.steps) if span == ALL else ((w := grid.span(*span)).start, w.stop)
    step = max(1, CHUNK_ROWS // max(1, len(grid.entities)))
    begin_us = _micros(world.start_at)
    for a in range(first, last, step):
        b = min(a + step, last)
        rows = np.flatnonzero(grid.present[:, a:b].ravel())
        if not len(rows):
            continue
        entity, at = np.divmod(rows, b - a)
        out = {}
        for name, field in fields.items():
            if name == dataset.time:
                steps_us = ((np.arange(a, b) * grid.step_s + grid.offset_s) * 1_000_000).astype(np.int64)
                out[name] = pa.array(steps_us[at] + begin_us, pa.timestamp("us"))
            elif name in grid.columns:
                values = grid.columns[name][:, a:b].ravel()[rows]
                out[name] = _words(values, grid.labels[name]) if name in grid.labels else _numbers(values, field)
            elif name in grid.static:
                out[name] = _static(grid.static[name], entity, field)
            else:
                out[name] = pa.nulls(len(rows), _arrow_type(field))
        yield pa.table(out)


def _static(values: NDArray[Any], entity: NDArray[Any], field: FieldSpec) -> Any:
    """A per-entity constant, repeated."""
    if field.type == "string":
        words, codes = np.unique(values.astype(str), return_inverse=True)
        return _words(codes.astype(np.int32)[entity], words.tolist())
    return _numbers(values[entity], field)


def _words(codes: NDArray[Any], words: list[str]) -> Any:
    """A dictionary-encoded text column; a negative code is an empty text."""
    listed = [*words, ""]
    return pa.DictionaryArray.from_arrays(
        pa.array(np.where(codes < 0, len(words), codes).astype(np.int32)), pa.array(listed, pa.string())
    )


def _numbers(values: NDArray[Any], field: FieldSpec) -> Any:
    """A number column; NaN is empty."""
    if values.dtype.kind == "f":
        missing = np.isnan(values)
        if field.type == "integer":
            values = np.where(missing, 0, values).astype(np.int64)
        return pa.array(values, mask=missing if missing.any() else None)
    return pa.array(values)


def _arrow_type(field: FieldSpec) -> Any:
    return {"timestamp": pa.timestamp("us"), "integer": pa.int64(), "float": pa.float64()}.get(field.type, pa.string())


def _micros(at: datetime) -> int:
    """Microseconds since the Unix epoch."""
    return round((at - _EPOCH).total_seconds()) * 1_000_000


# ---- event, state and dimension datasets ----------------------------------------------------------------------
def _event_tables(world: World, dataset: Dataset, fields: dict[str, FieldSpec], span: tuple[float, float]) -> Iterator[pa.Table]:
    """All chunks of a dataset as one ordered table."""
    chunks = [c for c in world.events[dataset.dataset] if c]
    sizes = [_size(chunk) for chunk in chunks]
    total = sum(sizes)
    order: NDArray[Any] = np.arange(total)
    if dataset.time:
        ts = _concat(chunks, sizes, dataset.time)
        order = np.argsort(ts, kind="stable")
        if span != ALL:
            inside = (_concat(chunks, sizes, dataset.known_at) if dataset.known_at else ts)[order]
            order = order[(inside >= span[0]) & (inside < span[1])]
    if not len(order):
        return
    out = {}
    for name, field in fields.items():
        if field.type == "string":
            codes, words = _concat_words(world, chunks, sizes, name)
            out[name] = _words(codes[order], words)
        else:
            values = _concat(chunks, sizes, name)[order]
            out[name] = _instants(world, values) if field.type == "timestamp" else _numbers(values, field)
    yield pa.table(out)


def _size(chunk: dict[str, Any]) -> int:
    """Rows of a chunk: the length of its arrays, or one when all are scalars."""
    return max((len(v) for v in chunk.values() if isinstance(v, (np.ndarray, list, Words))), default=1)


def _concat(chunks: list[dict[str, Any]], sizes: list[int], name: str) -> NDArray[np.float64]:
    """A numeric column over all chunks, NaN where a chunk lacks it."""
    parts = []
    for chunk, size in zip(chunks, sizes, strict=True):
        value = chunk.get(name)
        values = np.asarray(np.nan if value is None else value)
        parts.append(np.broadcast_to(values.astype(np.float64), (size,)))
    return np.concatenate(parts) if parts else np.empty(0)


def _concat_words(world: World, chunks: list[dict[str, Any]], sizes: list[int], name: str) -> tuple[NDArray[np.int32], list[str]]:
    """A text column over all chunks as codes into one list."""
    place: dict[str, int] = {}
    parts = []
    for chunk, size in zip(chunks, sizes, strict=True):
        value = chunk.get(name)
        if value is None and name == "cluster" and "node_id" in chunk:
            value = _cluster_of(world, chunk["node_id"])
        if isinstance(value, Words):
            listed = np.array([place.setdefault(w, len(place)) for w in [*value.words, ""]], dtype=np.int32)
            parts.append(listed[np.where(value.codes < 0, len(value.words), value.codes)])
        elif isinstance(value, (np.ndarray, list)):
            coded = pa.array(np.asarray(value, dtype=object), pa.string()).fill_null("").dictionary_encode()
            listed = np.array([place.setdefault(w, len(place)) for w in coded.dictionary.to_pylist()], dtype=np.int32)
            parts.append(np.broadcast_to(listed[coded.indices.to_numpy()], (size,)))
        else:
            code = place.setdefault("" if value is None else str(value), len(place))
            parts.append(np.full(size, code, dtype=np.int32))
    return np.concatenate(parts), list(place)


def _cluster_of(world: World, node_id: Any) -> Any:
    """Clusters of nodes, where an event row names only the node."""
    known = world.shape.index.node
    if isinstance(node_id, Words):
        return Words(node_id.codes, [known[n].cluster if n in known else "" for n in node_id.words])
    if isinstance(node_id, (np.ndarray, list)):
        return np.array([known[n].cluster if n in known else "" for n in node_id], dtype=object)
    return known[node_id].cluster if node_id in known else ""


def _instants(world: World, seconds: NDArray[np.float64]) -> Any:
    """Seconds since the start as naive UTC timestamps, to the millisecond; NaN is empty."""
    missing = ~np.isfinite(seconds)
    micros = (np.rint(np.where(missing, 0, seconds) * 1e3) * 1000).astype(np.int64) + _micros(world.start_at)
    return pa.array(micros, pa.timestamp("us"), mask=missing if missing.any() else None)
