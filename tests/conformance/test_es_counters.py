"""Increase and rate of counters without a row after another: equal to DuckDB, from few groups, or refused with the reason."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from llo11ypop.core.access import Access
from llo11ypop.core.errors import PlanError
from llo11ypop.core.evidence import EvidenceStatus
from llo11ypop.evals.parity import compare
from llo11ypop.query.compile.es_select import Compilation
from llo11ypop.query.compile.esql import EsqlCompilation
from llo11ypop.query.plan import Plan
from llo11ypop.stores import elasticsearch_ladders
from llo11ypop.stores.elasticsearch import ElasticsearchStore
from llo11ypop.stores.elasticsearch_languages import ESQL, SQL, Language
from tests.conformance.elasticsearch_samples import Both, Rows, both
from tests.conformance.store_tables import AT, catalog, plan

MINUTES = 240
GPUS = 14


def tables() -> Rows:
    """Counters that stand still, creep, run, are reset (also so that only a closer look shows it), or speak once."""
    rng = np.random.default_rng(7)
    rows: list[dict[str, Any]] = []
    for gpu in range(GPUS):
        value = float([0, 5, 0, 1e12, 1e12, 40][gpu % 6])
        for minute in range(MINUTES, 0, -5):
            match gpu % 6:
                case 1:
                    value = 0.0 if rng.random() < 0.06 else value + rng.integers(0, 3)
                case 2:
                    value = float(rng.integers(0, 4))
                case 3 | 4:
                    value = 0.0 if gpu % 6 == 4 and minute == 100 else value + 9e7 * rng.random()
                case 5:
                    value = (40.0, 43.0, 41.0, 44.0)[minute // 5 % 4]
            if gpu == 13 and minute != 60:
                continue
            missing = rng.random() < 0.1
            rows.append(
                {"ts": minute + rng.integers(0, 6) / 6, "cluster": "c-a", "gpu_uuid": f"g{gpu}", "node_id": f"n{gpu // 4}"}
                | {"driver": "570" if minute < 90 else "550", "power_w": 100 + 300 * rng.random()}
                | {"energy_mj_total": None if missing else value, "pcie_replay_total": float(gpu)}
            )
    return {"gpu_metrics": rows}


@pytest.fixture(scope="module", params=[SQL, ESQL], ids=lambda language: str(language.name))
def pair(request: pytest.FixtureRequest) -> Iterator[Both]:
    language: Language = request.param
    with both(tables(), language=language) as made:
        yield made


def counter(agg: str = "increase", field: str = "energy_mj_total", window: Any = "4h", **parts: Any) -> Plan:
    measure = {"agg": agg, "field": field, **parts.pop("measure", {})}
    return plan(dataset="gpu_metrics", window=window, measures={"m": measure}, **parts)


def both_of(by: list[str], measure: dict[str, Any] | None = None, **parts: Any) -> Plan:
    asked = {agg: {"agg": agg, "field": "energy_mj_total", **(measure or {})} for agg in ("increase", "rate")}
    return plan(**{"dataset": "gpu_metrics", "window": "4h", "by": by, "measures": asked, **parts})


PLANS = {
    f"by {' '.join(by) or 'nothing'}": both_of(by) for by in ([], ["gpu_uuid"], ["node_id"], ["driver"], ["driver", "gpu_uuid"])
} | {
    f"by {by} {name}": both_of([by], **parts)
    for by in ("node_id", "gpu_uuid")
    for name, parts in {
        "in buckets": {"bucket": {"every": "1h"}},
        "of some rows": {"where": "node_id != 'n1'", "measure": {"where": "power_w > 200"}},
        "in a shorter span": {"measure": {"over": {"start": "2h", "end": "30m"}}},
        "of a short window": {"window": "20m"},
    }.items()
}


async def test_gains_are_duckdbs(pair: Both) -> None:
    ours, theirs = await pair.duck.run_many(PLANS, AT), await pair.es.run_many(PLANS, AT)
    assert {n: compare(ours[n], theirs[n]) for n in PLANS if compare(ours[n], theirs[n]).verdict != "equal"} == {}
    assert not any(e.approximate for e in theirs.values())
    assert any((row["increase"] or 0) > 0 for e in theirs.values() for row in e.rows.to_pylist())


async def test_two_counters_and_another_measure_in_one_select(pair: Both) -> None:
    measures = {
        "up": {"agg": "increase", "field": "energy_mj_total"},
        "per_s": {"agg": "rate", "field": "energy_mj_total"},
        "replays": {"agg": "increase", "field": "pcie_replay_total"},
        "n": {"agg": "count"},
        "top": {"agg": "max", "field": "energy_mj_total"},
    }
    made = plan(dataset="gpu_metrics", window="3h", by=["gpu_uuid"], measures=measures, having="n > 1")
    beside = plan(dataset="gpu_metrics", window="3h", by=["gpu_uuid"], bucket={"every": "5m"}, measures={"n": {"agg": "count"}})
    asked = {"made": made, "beside": beside}
    ours, theirs = await pair.duck.run_many(asked, AT), await pair.es.run_many(asked, AT)
    assert [compare(ours[name], theirs[name]).verdict for name in asked] == ["equal", "equal"]


async def test_a_counter_that_stands_still_is_asked_for_once(pair: Both) -> None:
    found = await pair.es.run(counter(field="pcie_replay_total", by=["gpu_uuid"]), AT)
    assert len(found.queries) == 2
    assert {row["m"] for row in found.rows.to_pylist()} == {0.0, None}


async def test_only_what_is_open_is_looked_at_more_closely(pair: Both) -> None:
    found = await pair.es.run(counter(by=["gpu_uuid"]), AT)
    named = [set(query.params) & {f"g{i}" for i in range(GPUS)} for query in found.queries]
    still = {"g0", "g6", "g12", "g13"}
    creeping = {"g3", "g9"}
    assert named[:2] == [set(), set()]
    assert all(one and not one & (still | creeping) for one in named[2:])
    assert found.row_count == GPUS


async def test_many_series_are_asked_for_some_at_a_time(pair: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elasticsearch_ladders, "MOST_SERIES", 2)
    made = counter(by=["gpu_uuid"])
    theirs = await pair.es.run(made, AT)
    assert compare(await pair.duck.run(made, AT), theirs).verdict == "equal"
    assert len(theirs.queries) > 6


async def test_what_would_take_too_many_queries_is_refused_alone(pair: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elasticsearch_ladders, "MOST_QUERIES", 0)
    moving, still = counter(by=["gpu_uuid"]), counter(field="pcie_replay_total")
    found = await pair.es.run_many({"moving": moving, "still": still}, AT)
    assert (found["moving"].status, found["still"].status) == (EvidenceStatus.UNREAD, EvidenceStatus.OK)
    assert "ask for a shorter window or fewer series" in found["moving"].note
    with pytest.raises(PlanError, match="takes more than 0 queries"):
        await pair.es.run(moving, AT)


async def test_more_series_than_a_query_may_have_are_refused_alone(pair: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    for language in (Compilation, EsqlCompilation):
        monkeypatch.setattr(language, "most_groups", 6)
    many = counter()
    few = plan(dataset="gpu_metrics", window="4h", by=["node_id"], measures={"n": {"agg": "count"}})
    fresh = ElasticsearchStore(Access(pair.fake.url), catalog(), language=pair.es.language)
    found = await fresh.run_many({"many": many, "few": few}, AT)
    assert (found["many"].status, found["few"].status) == (EvidenceStatus.UNREAD, EvidenceStatus.OK)
    assert "6 groups or more" in found["many"].note


async def test_readings_that_cannot_be_told_apart_are_refused() -> None:
    rows = [{"ts": 30 - i / 60, "cluster": "c-a", "gpu_uuid": "g0", "energy_mj_total": float((i * 7) % 5)} for i in range(20)]
    with both({"gpu_metrics": rows}) as made, pytest.raises(PlanError, match="closer together than its shortest stretch"):
        await made.es.run(counter(window="1h"), AT)
