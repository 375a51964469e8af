# ruff: noqa: S608 - text that is expected, never run
"""What a select becomes in Elasticsearch SQL, and what is refused with the reason."""

from typing import Any

import pytest

from llo11ypop.catalog.models import ForeignName
from llo11ypop.query.compile.es_native import MAX_ROWS, EsCompiled
from llo11ypop.query.compile.es_sql import compiler, text_of
from llo11ypop.query.compile.es_sql_names import Index, foreign_index, own_index
from llo11ypop.query.compile.sql import Instant
from llo11ypop.query.fuse import fuse
from llo11ypop.query.plan import Select
from tests.conformance.store_tables import catalog


def compiled(index: Index | None = None, **parts: Any) -> EsCompiled:
    select = Select.model_validate(parts)
    known = catalog()
    scan = fuse({"a": select})[0]
    return compiler(lambda name: index or own_index(known.datasets[name], "x-"))(scan, known, False)


def texts(**parts: Any) -> list[str]:
    found = compiled(**parts)
    assert not found.refused
    return [text_of(native).text for native in found.natives]


def refusal(**parts: Any) -> str:
    return next(iter(compiled(**parts).refused.values()))


def gpu(**measure: Any) -> dict[str, Any]:
    return {"dataset": "gpu_metrics", "window": "1h", "measures": {"m": measure}}


def test_a_plain_count_is_one_query_half_open_in_time_with_a_limit() -> None:
    assert texts(dataset="syslog", window="1h", by=["node_id"], measures={"n": {"agg": "count"}}) == [
        'SELECT "node_id" AS k0, COUNT(*) AS n FROM "x-syslog" WHERE "@timestamp" >= CAST(? AS DATETIME)'
        f' AND "@timestamp" < CAST(? AS DATETIME) GROUP BY "node_id" LIMIT {MAX_ROWS}'
    ]


def test_a_condition_of_one_aggregate_is_a_query_of_its_own() -> None:
    queries = texts(
        dataset="syslog",
        window="1h",
        by=["node_id"],
        measures={"n": {"agg": "count"}, "xid": {"agg": "count", "where": "contains(message, 'Xid')"}},
    )
    assert len(queries) == 2
    assert 'LOCATE(?, LCASE("message")) > 0' in queries[1]
    assert "FILTER" not in " ".join(queries)
    assert "CASE WHEN" not in " ".join(queries)


def test_values_are_parameters_and_never_text() -> None:
    nasty = "x' OR 1=1 --"
    found = compiled(
        dataset="syslog",
        window="1h",
        where=f"process = '{nasty.replace(chr(39), chr(39) * 2)}'",
        measures={"n": {"agg": "count"}},
    )
    sql = text_of(found.natives[0])
    assert nasty not in sql.text
    assert nasty in sql.params
    assert sql.text.count("?") == len(sql.params)
    assert sum(isinstance(p, Instant) for p in sql.params) == 2


def test_a_reading_outside_what_is_valid_does_not_reach_the_aggregate() -> None:
    assert '("gpu_temp_c" >= 1.0 AND "gpu_temp_c" <= 130.0)' in texts(**gpu(agg="avg", field="gpu_temp_c"))[1]


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("driver != '550'", '("driver" <> ? AND "driver" IS NOT NULL)'),
        ("not (driver = '550')", '("driver" <> ? AND "driver" IS NOT NULL)'),
        (
            "not (driver = '550' or gpu_model = 'x')",
            '(("driver" <> ? AND "driver" IS NOT NULL) AND ("gpu_model" <> ? AND "gpu_model" IS NOT NULL))',
        ),
        ("driver not in ('550', '570')", '("driver" NOT IN (?, ?) AND "driver" IS NOT NULL)'),
        ("driver not like '5%'", '("driver" NOT LIKE ? AND "driver" IS NOT NULL)'),
        ("driver is null", '"driver" IS NULL'),
        ("5 < xid_last", '"xid_last" > ?'),
    ],
)
def test_what_is_missing_is_neither_equal_nor_unequal(where: str, said: str) -> None:
    assert said in texts(dataset="gpu_metrics", window="1h", where=where, measures={"n": {"agg": "count"}})[0]


def test_two_numeric_fields_are_compared_by_their_difference() -> None:
    text = texts(dataset="node_hw", window="1h", where="reading < lower_critical", measures={"n": {"agg": "count"}})[0]
    assert '("reading" - "lower_critical") < 0' in text


def test_a_bit_is_asked_for_by_division() -> None:
    text = texts(dataset="gpu_metrics", window="1h", where="has_bits(clock_event_reasons, 40)", measures={"n": {"agg": "count"}})[
        0
    ]
    assert 'FLOOR("clock_event_reasons" / 8.0) % 2 = 1 OR FLOOR("clock_event_reasons" / 32.0) % 2 = 1' in text


@pytest.mark.parametrize(
    ("every", "said"),
    [
        ("5m", "INTERVAL 5 MINUTE"),
        ("90s", "INTERVAL 90 SECOND"),
        ("1d", "INTERVAL 1 DAY"),
        ("2d", "INTERVAL 48 HOUR"),
        ("month", "INTERVAL 1 MONTH"),
        ("week", "DATE_TRUNC('week', \"@timestamp\")"),
    ],
)
def test_buckets_keep_their_fixed_or_calendar_length(every: str, said: str) -> None:
    assert said in texts(dataset="syslog", window="90d", bucket={"every": every}, measures={"n": {"agg": "count"}})[0]


def test_raw_rows_state_where_nulls_go_and_ask_for_one_more_than_the_limit() -> None:
    text = texts(dataset="syslog", window="1h", fields=["ts", "message"], limit=10)[0]
    assert text.endswith("ORDER BY m0 DESC NULLS LAST, m1 ASC NULLS LAST LIMIT 11")


def test_estimates_are_marked() -> None:
    answer = compiled(**gpu(agg="count_distinct", field="gpu_uuid")).answers["a"]
    assert answer.approximate == ("m",)
    assert compiled(**gpu(agg="max", field="gpu_temp_c")).answers["a"].approximate == ()


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        (gpu(agg="increase", field="pcie_replay_total * 2"), "'increase' of anything but a field"),
        (gpu(agg="rate", field="energy_mj_total / 1000"), "'rate' of anything but a field"),
        ({**gpu(agg="count"), "by": ["rack"]}, "joins no two indices"),
        ({**gpu(agg="count"), "where": "rack = 'r1'"}, "joins no two indices"),
        ({**gpu(agg="count"), "where": "driver = gpu_model"}, "comparison between two text fields"),
        ({**gpu(agg="count"), "by": ["gpu_temp_c"]}, "blanks must read as nothing"),
        (gpu(agg="last", field="gpu_temp_c * 2"), "'last' of anything but a field"),
    ],
)
def test_what_cannot_be_said_is_refused_with_the_reason(parts: dict[str, Any], reason: str) -> None:
    assert reason in refusal(**parts)


def test_a_refused_select_leaves_its_partners_alone() -> None:
    known = catalog()
    good = Select.model_validate({"dataset": "gpu_metrics", "window": "1h", "measures": {"n": {"agg": "count"}}})
    bad = Select.model_validate(gpu(agg="increase", field="pcie_replay_total * 2"))
    found = compiler(lambda name: own_index(known.datasets[name], "x-"))(fuse({"good": good, "bad": bad})[0], known, False)
    assert set(found.answers) == {"good"}
    assert set(found.refused) == {"bad"}
    assert len(found.natives) == 1


def test_a_foreign_name_and_unit_are_read_as_the_catalogs() -> None:
    known = catalog()
    index = foreign_index(known.datasets["gpu_metrics"], "metrics-nvidia_gpu.stats-*", known.aliases["elastic_nvidia_gpu"])
    columns = {**index.columns, "gpu_util_pct": ForeignName(name="gpu.utilization.gpu", factor=100, where={"hw.type": "gpu"})}
    found = compiled(Index(index.pattern, columns), **{**gpu(agg="avg", field="gpu_util_pct"), "by": ["node_id"]})
    text = text_of(found.natives[1]).text
    assert text.startswith('SELECT "gpu.labels.Hostname" AS k0, COUNT(*) AS n, AVG(("gpu.utilization.gpu" * 100.0))')
    assert '"hw.type" = ?' in text
    assert 'FROM "metrics-nvidia_gpu.stats-*"' in text
