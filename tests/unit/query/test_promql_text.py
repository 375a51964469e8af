"""What a select becomes in PromQL, byte for byte, and that nothing in a plan breaks out of a selector."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llo11ypop.catalog.models import ForeignName
from llo11ypop.core.errors import PlanError
from llo11ypop.query.compile.promql import compiler
from llo11ypop.query.compile.promql_filter import Matcher, filter_of, text
from llo11ypop.query.compile.promql_names import RANGE, Names, Series, blanks_of, series_of
from llo11ypop.query.compile.promql_queries import Native, PromCompiled
from llo11ypop.query.expr import parse_expr
from llo11ypop.query.fuse import fuse
from tests.conformance.store_tables import catalog, plan

METRICS = frozenset(
    {"DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_POWER_USAGE", "DCGM_FI_DEV_PCIE_REPLAY_COUNTER", "DCGM_FI_DEV_XID_ERRORS"}
)
LABELS = frozenset({"UUID", "gpu", "Hostname", "cluster", "modelName", "DCGM_FI_DRIVER_VERSION"})
GPU = catalog().datasets["gpu_metrics"]


def dcgm(rows: str = "power_w", match: dict[str, str] | None = None) -> Series:
    found = series_of(GPU, catalog().aliases["dcgm_exporter"], METRICS, LABELS, match=match, rows=rows)
    assert found is not None
    return found


def compiled(series: Series | None = None, **parts: Any) -> PromCompiled:
    asked = plan(dataset="gpu_metrics", window="1h", **parts)
    (scan,) = fuse(asked.selects)
    return compiler(lambda _: series or dcgm())(scan, catalog(), False)


def texts(natives: tuple[Native, ...]) -> list[str]:
    return [n.text.replace(RANGE, "W") for n in natives]


def test_names_of_the_exporter_become_metrics_and_labels() -> None:
    series = dcgm()
    assert series.metrics["gpu_temp_c"].name == "DCGM_FI_DEV_GPU_TEMP"
    assert series.labels == {
        "cluster": "cluster", "node_id": "Hostname", "gpu_uuid": "UUID", "gpu_index": "gpu", "gpu_model": "modelName",
        "driver": "DCGM_FI_DRIVER_VERSION",
    }  # fmt: skip
    assert "mem_temp_c" not in series.metrics and series.anchor == "power_w"


def test_without_aliases_metrics_are_called_by_dataset_and_field() -> None:
    found = series_of(GPU, None, frozenset({"gpu_metrics_power_w"}), frozenset({"node_id"}))
    assert found is not None and found.metrics["power_w"].name == "gpu_metrics_power_w" and found.labels == {"node_id": "node_id"}
    assert series_of(GPU, None, frozenset({"up"}), LABELS) is None


def test_an_average_leaves_dead_sensors_out_and_looks_for_failing_ones() -> None:
    found = compiled(by=["node_id"], measures={"m": {"agg": "avg", "field": "gpu_temp_c"}})
    of = "DCGM_FI_DEV_GPU_TEMP[W]"
    dead = f"(max_over_time({of}) < 1.0) or (min_over_time({of}) > 130.0)"
    assert texts(found.natives) == [
        "group by (Hostname) (last_over_time(DCGM_FI_DEV_POWER_USAGE[W]) or last_over_time(DCGM_FI_DEV_GPU_TEMP[W]))",
        f"sum by (Hostname) ((sum_over_time({of}) unless ({dead})))"
        f" / sum by (Hostname) ((count_over_time({of}) unless ({dead})))",
    ]
    (check,) = found.checks
    assert texts((check.native,))[0].startswith(f"count(((min_over_time({of}) < 1.0)") and "readings and blanks" in check.reason


def test_the_same_query_is_asked_once() -> None:
    found = compiled(measures={n: {"agg": "max", "field": "power_w"} for n in "abc"})
    assert len(found.natives) == 2 and len(found.checks) == 1


def test_labels_of_the_place_are_in_every_selector() -> None:
    found = compiled(dcgm(match={"job": "dcgm"}), where="node_id = 'n1'", measures={"m": {"agg": "count"}})
    assert all('{Hostname="n1", job="dcgm"}' in text for text in texts(found.natives))


def test_rows_are_counted_only_by_a_metric_that_is_named_for_it() -> None:
    found = compiled(dcgm(rows=""), measures={"m": {"agg": "count"}})
    assert "name the metric that every row has" in found.refused["result"]


def test_a_dataset_that_lies_elsewhere_is_refused() -> None:
    (scan,) = fuse(plan(dataset="gpu_metrics", window="1h", measures={"m": {"agg": "count"}}).selects)
    assert "does not lie in Prometheus" in compiler(lambda _: None)(scan, catalog(), False).refused["result"]


@pytest.mark.parametrize(
    ("condition", "matchers"),
    [
        ("node_id = 'a.b'", ['Hostname="a.b"']),
        ("node_id in ('a.b', 'c')", ['Hostname=~"a\\\\.b|c"']),
        ("not node_id in ('a', 'c')", ['Hostname!~"a|c"']),
        ("node_id like 'n_%'", ['Hostname=~"n(?s:.)(?s:.*)"']),
        ("starts_with(node_id, 'a|b')", ['Hostname=~"a\\\\|b(?s:.*)"']),
        ("node_id is null", ['Hostname=""']),
        ("not (node_id = 'a' or cluster = 'c')", ['Hostname!="a"', 'cluster!="c"']),
        ("gpu_index = 3 and cluster != 'x'", ['cluster!="x"', 'gpu="3"']),
    ],
)
def test_conditions_on_labels(condition: str, matchers: list[str]) -> None:
    assert [str(m) for m in filter_of(parse_expr(condition), Names(GPU, dcgm())).matchers] == matchers


@pytest.mark.parametrize(
    "condition",
    [
        "power_w != 5",
        "node_id < 'b'",
        "power_w > gpu_temp_c",
        "gpu_index > 1",
        "node_id = 'a' or power_w > 3",
        "lower(node_id) = 'a'",
    ],
)
def test_conditions_that_are_refused(condition: str) -> None:
    with pytest.raises(PlanError, match="PromQL cannot say it"):
        filter_of(parse_expr(condition), Names(GPU, dcgm()))


@given(st.text(max_size=30))
def test_a_value_stays_inside_its_quotes(value: str) -> None:
    literal = text(value)
    inner = literal[1:-1]
    bare = inner.replace("\\\\", "").replace('\\"', "")
    assert literal[0] == literal[-1] == '"' and '"' not in bare and "\n" not in literal and RANGE not in literal
    assert str(Matcher("l", "=", value)) == f"l={literal}"


def test_a_blank_among_readings_is_refused() -> None:
    humidity = catalog().datasets["facility_env"]
    with pytest.raises(PlanError, match="turns its order round"):
        blanks_of(humidity, "inlet_c", ForeignName(name="x", factor=-1.0))
    assert blanks_of(GPU, "gpu_temp_c", ForeignName(name="x", factor=2.0)).high == 65.0


def test_integers_may_be_blank_as_32_and_as_64_bits() -> None:
    blanks = blanks_of(GPU, "xid_last", ForeignName(name="x"))
    assert 79.0 not in blanks and float(0x7FFFFFF0) in blanks and float(0x7FFFFFFFFFFFFFF1) in blanks
    assert math.nan in blanks  # noqa: PLW0177 - blanks say whether they hold it
