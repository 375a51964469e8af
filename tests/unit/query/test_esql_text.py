"""Selects as ES|QL text: one pipe, names in backticks, values apart, and a sort that says where nulls go."""

from typing import Any

import pytest

from llo11ypop.catalog.models import AliasTable
from llo11ypop.query.compile.es_counters import stretches
from llo11ypop.query.compile.es_sql_names import foreign_index, own_index
from llo11ypop.query.compile.esql import compiler, text_of
from llo11ypop.query.fuse import fuse
from llo11ypop.query.plan import Select
from tests.conformance.store_tables import catalog

COUNT = {"n": {"agg": "count"}}


def texts(aliases: AliasTable | None = None, pattern: str = "x", **parts: Any) -> list[str]:
    known = catalog()
    dataset = known.datasets[parts["dataset"]]
    index = foreign_index(dataset, pattern, aliases) if aliases else own_index(dataset, "x-")
    compiled = compiler(lambda _: index)(fuse({"a": Select.model_validate(parts)})[0], known, False)
    assert not compiled.refused
    found = [text_of(native) for native in compiled.natives]
    assert all(one.text.count("?") == len(one.params) for one in found)
    return [one.text for one in found]


def test_a_window_is_half_open_and_its_ends_are_parameters() -> None:
    assert texts(dataset="syslog", window="1h", measures=COUNT) == [
        'FROM "x-syslog" | WHERE `@timestamp` >= TO_DATETIME(?) AND `@timestamp` < TO_DATETIME(?)'
        " | STATS n = COUNT(*) | KEEP n | LIMIT 10000"
    ]


def test_conditions_of_single_measures_share_one_query() -> None:
    measures = {
        "bad": {"agg": "count", "where": "process = 'kernel'"},
        "late": {"agg": "count", "over": "10m"},
        "all": {"agg": "count"},
    }
    (text,) = texts(dataset="syslog", window="1h", by=["node_id"], measures=measures)
    assert "n = COUNT(*), m2 = COUNT(*) WHERE `process` == ?, m3 = COUNT(*) WHERE `@timestamp` >= TO_DATETIME(?)" in text
    assert text.endswith(" BY k0 = `node_id` | KEEP k0, n, m2, m3 | LIMIT 10000")


@pytest.mark.parametrize(
    ("every", "said"),
    [
        ("5m", "5 minute"),
        ("90s", "90 second"),
        ("1d", "24 hour"),
        ("7d", "168 hour"),
        ("week", "1 week"),
        ("quarter", "1 quarter"),
    ],
)
def test_a_step_stays_fixed_and_a_calendar_unit_a_unit(every: str, said: str) -> None:
    (text,) = texts(dataset="syslog", window="90d", bucket={"every": every}, measures=COUNT)
    assert f" BY k0 = BUCKET(`@timestamp`, {said})" in text


def test_raw_rows_are_sorted_with_nulls_last_and_one_more_is_asked_for() -> None:
    (text,) = texts(dataset="syslog", window="1h", fields=["ts", "message"], limit=10)
    assert text.endswith(
        "| EVAL m0 = `@timestamp`, m1 = `message` | SORT m0 DESC NULLS LAST, m1 ASC NULLS LAST | KEEP m0, m1 | LIMIT 11"
    )


def test_names_and_patterns_are_quoted_whatever_is_in_them() -> None:
    names = {
        "gpu_metrics.power_w": ({"name": "gpu`power", "factor": 0.001},),
        "gpu_metrics.gpu_temp_c": ({"name": "t", "where": {"kind": "a' or \"b"}},),
    }
    table = AliasTable.model_validate({"source": "a test", "description": "a test", "names": names})
    measures = {"w": {"agg": "max", "field": "power_w"}, "t": {"agg": "max", "field": "gpu_temp_c"}}
    (text,) = texts(table, 'a"b\\*', dataset="gpu_metrics", window="1h", measures=measures)
    assert text.startswith('FROM "a\\"b\\\\*" | ')
    assert "MAX((`gpu``power` * 0.001))" in text and "`kind` == ?" in text and "or" not in text


def test_a_top_list_is_cut_by_the_cluster() -> None:
    order = [{"by": "w", "desc": True}]
    (text,) = texts(
        dataset="gpu_metrics",
        window="1h",
        by=["gpu_uuid"],
        measures={"w": {"agg": "max", "field": "power_w"}},
        order=order,
        limit=5,
    )
    assert "| SORT m3 DESC NULLS LAST, k0 ASC NULLS LAST | KEEP k0, n, m2, m3 | LIMIT 6" in text


def test_a_counter_is_looked_at_in_ever_shorter_stretches() -> None:
    measures = {"m": {"agg": "increase", "field": "pcie_replay_total"}}
    found = texts(dataset="gpu_metrics", window="1d", by=["gpu_uuid"], measures=measures)
    assert [text.partition("step = ")[2].partition(" | ")[0] for text in found] == [
        "", "", *(f"BUCKET(`@timestamp`, {step})" for step in ("1 hour", "5 minute", "1 minute", "10 second"))
    ]  # fmt: skip
    assert [step and step.total_seconds() for step in stretches(None, None)] == [None, 3600, 60, 10]
