"""Every construct of a select against rows worked out by hand."""

from datetime import timedelta
from typing import Any

import pytest

from llo11ypop.core.evidence import EvidenceStatus
from llo11ypop.stores.duckdb import DuckDbStore
from tests.conformance.store_tables import AT, Row, minutes_ago, plan, rows_of, store_of

BLANK = float(0x7FFFFFFFFFFFFFF0)


def gpu(minutes: float, name: str, node: str, temp: float | None, **more: Any) -> Row:
    return {"ts": minutes, "gpu_uuid": name, "node_id": node, "cluster": "c-a", "gpu_temp_c": temp, **more}


def store() -> DuckDbStore:
    return store_of(
        {
            "gpu_metrics": [
                gpu(50, "g1", "n1", 40, power_w=100, driver="1"),
                gpu(30, "g1", "n1", 60, power_w=300, driver="1"),
                gpu(10, "g1", "n1", None, power_w=200, driver="2"),
                gpu(50, "g2", "n1", 50, power_w=100, driver="1"),
                gpu(10, "g2", "n1", 70, power_w=700, driver="2"),
                gpu(20, "g3", "n2", 30, power_w=90, driver=None),
                gpu(60, "g3", "n2", 99, power_w=90),
                gpu(61, "g3", "n2", 1, power_w=9),
                gpu(0, "g3", "n2", 111, power_w=1111),
                gpu(-5, "g3", "n2", 120, power_w=1200),
            ],
            "inventory_nodes": [
                {"node_id": "n1", "rack": "r1", "site": "s1", "valid_from": 9999, "valid_to": 25},
                {"node_id": "n1", "rack": "r2", "site": "s1", "valid_from": 25, "valid_to": None},
                {"node_id": "n3", "rack": "r9", "site": "s1", "valid_from": -10, "valid_to": None},
            ],
            "inventory_sites": [{"site": "s1", "continent": "EU"}],
        }
    )


HOUR: dict[str, Any] = {"dataset": "gpu_metrics", "window": "1h"}


def one(agg: str, field: str | None = "gpu_temp_c", **more: Any) -> dict[str, Any]:
    return {"m": {"agg": agg, **({"field": field} if field else {}), **more}}


@pytest.mark.parametrize(
    ("measures", "value"),
    [
        (one("count", None), 7),
        (one("count"), 6),
        (one("count_distinct", "gpu_uuid"), 3),
        (one("sum", "power_w"), 1580.0),
        (one("avg"), (40 + 60 + 50 + 70 + 30 + 99) / 6),
        (one("min"), 30.0),
        (one("max"), 99.0),
        (one("percentile", q=0.5), 55.0),
        (one("stddev", "power_w", where="node_id = 'n2'"), 0.0),
        (one("first", "power_w", where="gpu_uuid = 'g1'"), 100.0),
        (one("last", "power_w", where="gpu_uuid = 'g1'"), 200.0),
        (one("last", where="gpu_uuid = 'g1'"), 60.0),
        (one("list", "node_id"), "n1,n2"),
        (one("list", "driver"), "1,2"),
        (one("max", over="15m"), 70.0),
        (one("max", over={"start": "60m", "end": "45m"}), 99.0),
        (one("count", None, where="power_w > 100"), 3),
        (one("count", None, where="power_w > 100 and driver = '2'", over="15m"), 2),
        (one("sum", "power_w * 2 + 1"), 3167.0),
        (one("max", "power_w / (gpu_temp_c - 40)"), 700 / 30),
        (one("count", None, where="driver is null"), 2),
        (one("count", None, where="gpu_uuid like 'g%' and not contains(gpu_uuid, 'G3')"), 5),
        (one("count", None, where="gpu_uuid not like 'g1'"), 4),
        (one("count", None, where="gpu_uuid in ('g1', 'nope')"), 3),
        (one("count", None, where="gpu_uuid not in ('g1')"), 4),
        (one("count", None, where="starts_with(gpu_uuid, 'g')"), 7),
        (one("count", None, where="hour_of_day(ts) = 11"), 7),
        (one("count", None, where="ts >= '2026-05-02T11:45:00Z'"), 2),
        (one("max", "seconds_between(ts, at)"), 3600.0),
        (one("sum", "if_else(power_w > 250, 1, 0)"), 2),
        (one("sum", "coalesce(gpu_temp_c, 0)"), 349.0),
        (one("max", "ln(gpu_temp_c - 99)"), None),
        (one("max", "sqrt(power_w - 700)"), 0.0),
        (one("max", "ts"), minutes_ago(10)),
        (one("max", "least(power_w, 150)"), 150.0),
        (one("list", "concat(node_id, '/', gpu_uuid)"), "n1/g1,n1/g2,n2/g3"),
        (one("max", where="gpu_uuid = 'none'"), None),
    ],
)
def test_one_measure_over_everything(measures: dict[str, Any], value: Any) -> None:
    assert rows_of(store(), **HOUR, measures=measures) == [{"m": pytest.approx(value) if isinstance(value, float) else value}]


def test_the_window_is_half_open_and_the_future_is_not_read() -> None:
    seen = rows_of(store(), dataset="gpu_metrics", window="61m", where="gpu_uuid = 'g3'", measures=one("list", "gpu_temp_c"))
    assert seen == [{"m": "1.0,30.0,99.0"}]


@pytest.mark.parametrize("ago", [-5, 0, 10, 20, 30, 60])
def test_nothing_at_or_after_the_instant_is_read(ago: float) -> None:
    at = minutes_ago(ago)
    rows = rows_of(store(), at, dataset="gpu_metrics", window="10h", fields=["ts"], limit=100)
    assert rows == [] or max(r["ts"] for r in rows) < at


def test_groups_having_order_and_limit() -> None:
    evidence = store().run_many_now(
        {
            "p": plan(
                **HOUR,
                by=["gpu_uuid", "node_id"],
                measures=one("max"),
                having="m >= 60 and node_id != 'x'",
                order=[{"by": "m", "desc": True}],
                limit=2,
            )
        },
        AT,
    )["p"]
    assert evidence.rows.to_pylist() == [
        {"gpu_uuid": "g3", "node_id": "n2", "m": 99.0},
        {"gpu_uuid": "g2", "node_id": "n1", "m": 70.0},
    ]
    assert evidence.truncated


def test_nulls_come_last_whatever_the_direction() -> None:
    for desc in (False, True):
        rows = rows_of(
            store(), **HOUR, by=["gpu_uuid"], measures=one("max", where="gpu_uuid != 'g1'"), order=[{"by": "m", "desc": desc}]
        )
        assert [r["gpu_uuid"] for r in rows][-1] == "g1"


def test_a_limit_that_cuts_nothing_is_not_a_truncation() -> None:
    evidence = store().run_many_now({"p": plan(**HOUR, by=["gpu_uuid"], measures=one("max"), limit=3)}, AT)["p"]
    assert (evidence.row_count, evidence.truncated) == (3, False)


@pytest.mark.parametrize(
    ("every", "starts"),
    [
        ("30m", [minutes_ago(60), minutes_ago(30)]),
        ("7m", None),
        ("hour", [minutes_ago(60)]),
        ("day", [AT.replace(hour=0)]),
        ("week", [AT.replace(hour=0) - timedelta(days=5)]),
        ("month", [AT.replace(hour=0, day=1)]),
        ("quarter", [AT.replace(hour=0, day=1, month=4)]),
        ("year", [AT.replace(hour=0, day=1, month=1)]),
    ],
)
def test_buckets_start_on_their_step_or_calendar_unit(every: str, starts: list[Any] | None) -> None:
    rows = rows_of(store(), **HOUR, bucket={"every": every, "name": "when"}, measures=one("count", None))
    assert sum(r["m"] for r in rows) == 7
    if starts is None:
        assert all(r["when"].timestamp() % 420 == 0 for r in rows)
    else:
        assert [r["when"] for r in rows] == starts


def test_a_dimension_is_the_one_that_was_valid_when_the_row_was_made() -> None:
    rows = rows_of(store(), **HOUR, by=["rack", "continent"], measures=one("count", None))
    assert rows == [
        {"rack": "r1", "continent": "EU", "m": 3},
        {"rack": "r2", "continent": "EU", "m": 2},
        {"rack": None, "continent": None, "m": 2},
    ]


def test_a_dimension_may_be_in_a_filter() -> None:
    assert rows_of(store(), **HOUR, where="rack = 'r2'", measures=one("list", "gpu_uuid")) == [{"m": "g1,g2"}]


def test_inventory_is_what_was_valid_at_the_instant() -> None:
    fields = {"dataset": "inventory_nodes", "by": ["node_id", "rack"], "measures": {"until": {"agg": "max", "field": "valid_to"}}}
    assert rows_of(store(), **fields) == [{"node_id": "n1", "rack": "r2", "until": None}]
    before = rows_of(store(), minutes_ago(30), **fields)
    assert before == [{"node_id": "n1", "rack": "r1", "until": None}]


def test_raw_rows_are_ordered_cut_and_cleaned() -> None:
    evidence = store().run_many_now(
        {
            "p": plan(
                **HOUR,
                where="node_id = 'n1'",
                fields=["ts", "gpu_uuid", "gpu_temp_c"],
                order=[{"by": "gpu_temp_c", "desc": True}],
                limit=2,
            )
        },
        AT,
    )["p"]
    assert [r["gpu_temp_c"] for r in evidence.rows.to_pylist()] == [70.0, 60.0]
    assert evidence.truncated
    assert evidence.rows.to_pylist()[0]["ts"] == minutes_ago(10)


def test_raw_rows_without_an_order_are_the_newest() -> None:
    rows = rows_of(store(), **HOUR, fields=["ts"], limit=1)
    assert rows == [{"ts": minutes_ago(10)}]


@pytest.mark.parametrize(
    ("dataset", "field", "bad", "good"),
    [
        ("gpu_metrics", "gpu_temp_c", [0, -3, 131, BLANK, 2147483632, float("nan"), float("inf")], 55.0),
        ("gpu_metrics", "power_w", [-1, 1501, BLANK], 0.0),
        ("gpu_metrics", "temp_margin_c", [BLANK, BLANK + 3, 2147483632.0, 2147483635.0, float("nan")], -2.0),
        ("gpu_metrics", "energy_mj_total", [BLANK, float("nan")], 5e12),
        ("gpu_metrics", "xid_last", [0x7FFFFFFFFFFFFFF0, 0x7FFFFFFFFFFFFFF3, 0x7FFFFFF1], 79),
        ("gpu_metrics", "gr_engine_active_ratio", [1.5, -0.1, BLANK], 1.0),
        ("facility_env", "humidity_pct", [0, 100, 0.05], 99.9),
        ("training_steps", "loss", [float("nan")], 2.5),
        ("nvlink_metrics", "crc_error_total", [BLANK], 7.0),
    ],
)
def test_a_value_that_is_no_reading_reads_as_null(dataset: str, field: str, bad: list[float], good: float) -> None:
    fleet = store_of({dataset: [{"ts": i + 1, field: v} for i, v in enumerate([*bad, good])]})
    rows = rows_of(fleet, dataset=dataset, window="1h", measures={**one("list", field), "n": {"agg": "count"}})
    assert rows == [{"m": str(good), "n": len(bad) + 1}]


def test_planned_work_is_known_when_announced_and_found_by_overlap() -> None:
    windows = [
        {"window_id": "past", "start_at": 300, "end_at": 200, "announced_at": 999},
        {"window_id": "now", "start_at": 90, "end_at": -30, "announced_at": 100},
        {"window_id": "open", "start_at": 30, "end_at": None, "announced_at": 100},
        {"window_id": "next", "start_at": -60, "end_at": -90, "announced_at": 0},
        {"window_id": "secret", "start_at": 30, "end_at": -30, "announced_at": -1},
    ]
    fleet = store_of({"maintenance_windows": windows})
    listed = {"dataset": "maintenance_windows", "measures": one("list", "window_id")}
    assert rows_of(fleet, **listed) == [{"m": "next,now,open,past"}]
    assert rows_of(fleet, **listed, window="1h") == [{"m": "now,open"}]
    assert rows_of(fleet, **listed, window={"start": "4h", "end": "2h"}) == [{"m": "past"}]


def test_what_became_known_later_is_not_read() -> None:
    ticket = {"ts": 60, "ticket_id": "T", "drained_at": 50, "restored_at": -10, "cause": "fan"}
    fields = {"dataset": "tickets", "window": "10h", "fields": ["ticket_id", "drained_at", "restored_at", "cause"], "limit": 5}
    fleet = store_of({"tickets": [ticket]})
    assert rows_of(fleet, **fields) == [{"ticket_id": "T", "drained_at": minutes_ago(50), "restored_at": None, "cause": None}]
    assert rows_of(fleet, minutes_ago(-11), **fields)[0]["cause"] == "fan"


def test_a_state_without_a_window_is_everything_known_so_far() -> None:
    states = [{"ts": m, "node_id": "n", "state": s} for m, s in ((9000, "down"), (5, "idle"), (0, "fail"))]
    asked = {"dataset": "slurm_nodes", "by": ["node_id"], "measures": one("last", "state")}
    assert rows_of(store_of({"slurm_nodes": states}), **asked) == [{"node_id": "n", "m": "idle"}]


@pytest.mark.parametrize(
    ("parts", "status", "rows"),
    [
        ({**HOUR, "measures": one("max")}, EvidenceStatus.OK, 1),
        ({**HOUR, "by": ["node_id"], "measures": one("max"), "having": "m > 500"}, EvidenceStatus.EMPTY, 0),
        ({**HOUR, "measures": one("count", None), "where": "gpu_uuid = 'x'"}, EvidenceStatus.OK, 1),
        ({**HOUR, "window": {"start": "9h", "end": "8h"}, "measures": one("count", None)}, EvidenceStatus.NO_DATA, 1),
        ({**HOUR, "window": {"start": "9h", "end": "8h"}, "by": ["node_id"], "measures": one("max")}, EvidenceStatus.NO_DATA, 0),
        ({**HOUR, "window": {"start": "62m", "end": "61m"}, "by": ["node_id"], "measures": one("max")}, EvidenceStatus.EMPTY, 0),
        (
            {"dataset": "gpu_events", "window": "1h", "by": ["code"], "measures": one("count", None)},
            EvidenceStatus.NOT_EXPORTED,
            0,
        ),
        ({**HOUR, "measures": one("max", "temp_margin_c")}, EvidenceStatus.OK, 1),
    ],
)
def test_zero_nothing_silence_and_not_exported_are_different(parts: dict[str, Any], status: EvidenceStatus, rows: int) -> None:
    evidence = store().run_many_now({"p": plan(**parts)}, AT)["p"]
    assert (evidence.status, evidence.row_count) == (status, rows)


def test_no_events_are_nothing_and_not_silence() -> None:
    fleet = store_of({"gpu_events": []})
    asked = plan(dataset="gpu_events", window="1h", by=["code"], measures=one("count", None))
    assert fleet.run_many_now({"p": asked}, AT)["p"].status is EvidenceStatus.EMPTY


def test_a_field_that_is_not_exported_is_named_and_leaves_partners_alone() -> None:
    fleet = store_of({"gpu_metrics": [gpu(5, "g1", "n1", 50)]}, leave_out=("gpu_metrics.temp_margin_c",))
    found = fleet.run_many_now(
        {"margin": plan(**HOUR, measures=one("min", "temp_margin_c")), "temp": plan(**HOUR, measures=one("max"))}, AT
    )
    assert found["margin"].status is EvidenceStatus.NOT_EXPORTED
    assert found["margin"].missing == ("gpu_metrics.temp_margin_c",)
    assert found["temp"].rows.to_pylist() == [{"m": 50.0}]


@pytest.mark.parametrize(
    "hostile",
    [
        "'; DROP TABLE gpu_metrics; --",
        '" OR 1=1 --',
        "') UNION SELECT path FROM glob('/*') --",
        "\\'; --",
        "?",
        "$1",
        "%",
        "a\x00b",
        "𝕏'",
    ],
)
def test_hostile_text_is_only_ever_a_value(hostile: str) -> None:
    fleet = store_of({"gpu_metrics": [gpu(5, hostile, "n1", 50), gpu(5, "other", "n2", 60)]})
    literal = hostile.replace("'", "''")
    evidence = fleet.run_many_now({"p": plan(**HOUR, by=["gpu_uuid"], where=f"gpu_uuid = '{literal}'", measures=one("max"))}, AT)[
        "p"
    ]
    assert evidence.rows.to_pylist() == [{"gpu_uuid": hostile, "m": 50.0}]
    if len(hostile) > 1:
        assert all(hostile not in q.text for q in evidence.queries)
    assert rows_of(fleet, **HOUR, measures=one("count", None)) == [{"m": 2}]


@pytest.mark.parametrize(
    "name", ['x"; DROP TABLE gpu_metrics; --', "select", 'a"b', "m0", "k0", "_t", "keep0", "ts", "x y", "count(*)"]
)
def test_hostile_names_of_measures_buckets_and_steps_are_only_names(name: str) -> None:
    fleet = store_of({"gpu_metrics": [gpu(5, "g", "n1", 50)]})
    chain = {
        f"s{name}": {
            **HOUR,
            "by": ["node_id"],
            "measures": {name: {"agg": "max", "field": "gpu_temp_c"}, "z": {"agg": "count"}},
            "having": "z > 0",
        },
        f"t{name}": {"op": "derive", "source": f"s{name}", "columns": {f"d{name}": "z + 1"}},
        f"u{name}": {"op": "rank", "source": f"t{name}", "by": name, "per": ["node_id"], "name": f"r{name}"},
    }
    assert rows_of(fleet, steps=chain) == [{"node_id": "n1", name: 50.0, "z": 1, f"d{name}": 2, f"r{name}": 1}]


def test_evidence_says_what_was_asked() -> None:
    asked = plan(**HOUR, where="node_id = 'n1'", measures=one("max"))
    first, again = (store().run_many_now({"p": asked}, AT)["p"] for _ in range(2))
    assert (first.id, first.hash) == (again.id, again.hash)
    assert first.window is not None and first.window.end == AT and first.window.start == AT - timedelta(hours=1)
    assert [q.engine for q in first.queries] == ["duckdb"]
    assert "n1" in first.queries[0].params and "n1" not in first.queries[0].text
    assert type(asked).model_validate(first.plan) == asked
