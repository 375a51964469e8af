"""Steps carried out in memory give what the engine gives, for any rows."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llo11ypop.query.arrow_steps import carry_out
from llo11ypop.query.check import check
from llo11ypop.query.combine import Combiner
from llo11ypop.query.compile.duckdb_combine import compile_combine
from llo11ypop.query.rows import rows_hash, typed
from tests.conformance.store_tables import AT, catalog, minutes_ago, plan

NUMBERS: dict[str, Any] = {
    "x": {"agg": "avg", "field": "power_w"},
    "n": {"agg": "count"},
    "seen_at": {"agg": "max", "field": "ts"},
}
SOURCE: dict[str, Any] = {"dataset": "gpu_metrics", "window": "1h", "by": ["node_id", "gpu_uuid"], "measures": NUMBERS}
OTHER: dict[str, Any] = {
    "dataset": "gpu_metrics",
    "window": "2h",
    "by": ["node_id"],
    "measures": {
        "y": {"agg": "max", "field": "power_w"},
        "from_at": {"agg": "min", "field": "ts"},
        "to_at": {"agg": "max", "field": "ts"},
    },
}
CONDITIONS = (
    "x > 2", "not (x > 2)", "x is null or n != 1", "x in (1, 2.5) and n < 3", "node_id like 'a%'", "contains(node_id, 'B')",
    "starts_with(gpu_uuid, 'a')", "seen_at < at", "seconds_between(seen_at, at) > 600", "x / n > 0.5", "x between 1 and 3",
    "median_of(x, node_id) < x", "count_of(x > 1, node_id) >= 2", "sum_of(n) > 4", "avg_of(x, node_id) <= 2",
    "max_of(seen_at, gpu_uuid) = seen_at", "coalesce(x, 0) = 0", "if_else(x > 1, n, 0) > 1", "nullif(n, 2) is null",
    "greatest(x, n) > 2", "least(x, 2) < 2", "count_listed(node_id) > 1", "abs(x - 2) < 1", "n % 2 = 1", "lower(node_id) = 'b'",
)  # fmt: skip
MEASURES = (
    {"agg": "count"}, {"agg": "count", "field": "x", "where": "n > 1"}, {"agg": "sum", "field": "n"},
    {"agg": "sum", "field": "x"},
    {"agg": "avg", "field": "x / n"}, {"agg": "min", "field": "seen_at"}, {"agg": "max", "field": "gpu_uuid"},
    {"agg": "max", "field": "x", "where": "node_id = 'b'"}, {"agg": "count_distinct", "field": "node_id"},
    {"agg": "list", "field": "gpu_uuid"}, {"agg": "percentile", "field": "x", "q": 0.9}, {"agg": "stddev", "field": "x"},
    {"agg": "last", "field": "gpu_uuid"},
)  # fmt: skip
NAMES = st.sampled_from(["a", "ab", "b", "B,a", "", None])
TIMES = st.none() | st.integers(0, 90).map(minutes_ago)
ROWS = st.lists(
    st.tuples(NAMES, NAMES, st.none() | st.sampled_from([-1.5, 0.0, 1.0, 2.5, 3.0, 1e9]), st.integers(0, 4), TIMES), max_size=12
)
OTHERS = st.lists(st.tuples(NAMES, st.none() | st.floats(-9, 9), TIMES, TIMES), max_size=6)


def steps() -> st.SearchStrategy[list[dict[str, Any]]]:
    kept = st.sampled_from(CONDITIONS).map(lambda text: {"op": "filter", "source": "s", "where": text})
    made = st.sampled_from(CONDITIONS).map(
        lambda text: {"op": "derive", "source": "s", "columns": {"c": text, "x": "x + n", "d": "x"}}
    )
    by = st.lists(st.sampled_from(["node_id", "gpu_uuid"]), max_size=2, unique=True)
    group = st.builds(lambda by, m: {"op": "group", "source": "s", "by": by, "measures": {"m": m}}, by, st.sampled_from(MEASURES))
    join = st.builds(
        lambda how, within: {"op": "join", "left": "s", "right": "o", "on": ["node_id"], "how": how} | within,
        st.sampled_from(["inner", "left", "semi", "anti", "full"]),
        st.sampled_from([{}, {"within": ["seen_at", "from_at", "to_at"]}]),
    )
    union = st.just({"op": "union", "sources": ["s", "o"]})
    order = [{"by": "x", "desc": True}, {"by": "node_id"}]
    sort = st.just({"op": "sort", "source": "s", "order": order, "limit": 3})
    return st.one_of(*(one.map(lambda step: [step]) for one in (kept, made, group, join, union, sort)))


@pytest.fixture(scope="module")
def combiner() -> Combiner:
    return Combiner()


@settings(deadline=None, max_examples=100)
@given(asked=steps(), rows=ROWS, others=OTHERS)
def test_the_engine_agrees(combiner: Combiner, asked: list[dict[str, Any]], rows: list[Any], others: list[Any]) -> None:
    one = plan(steps={"s": SOURCE, "o": OTHER, "r": asked[0]})
    schemas = check(one, catalog())
    selects = {"s": _table(schemas["s"], rows), "o": _table(schemas["o"], others)}
    found = carry_out(one, schemas, selects, AT)
    if found is None:
        return
    statement, tables = compile_combine(one, schemas)
    wanted = typed(combiner.run(statement, {tables[n]: t for n, t in selects.items()}, AT), schemas["r"])
    found = typed(found, schemas["r"])
    assert found.schema == wanted.schema
    assert rows_hash(found) == rows_hash(wanted), (found.to_pylist(), wanted.to_pylist())


@pytest.mark.parametrize("text", [c for c in CONDITIONS if "%" not in c or "like" in c])
def test_what_signals_say_needs_no_engine(text: str) -> None:
    one = plan(steps={"s": SOURCE, "r": {"op": "filter", "source": "s", "where": text}})
    schemas = check(one, catalog())
    assert carry_out(one, schemas, {"s": _table(schemas["s"], [("a", "b", 1.0, 2, minutes_ago(1))])}, AT) is not None


def _table(schema: Any, rows: list[Any]) -> pa.Table:
    from llo11ypop.query.arrow_expr import TYPES

    naive = [[v.replace(tzinfo=None) if hasattr(v, "tzinfo") else v for v in row] for row in rows]
    return pa.table({n: pa.array([row[i] for row in naive], TYPES[k]) for i, (n, k) in enumerate(schema.items())})
