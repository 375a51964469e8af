"""The same plans on DuckDB and on Elasticsearch SQL give the same rows, or are refused with the reason."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llo11ypop.core.evidence import EvidenceStatus
from llo11ypop.core.vocabulary import Area
from llo11ypop.evals.parity import Compared, compare
from llo11ypop.playbooks import load_goals, load_playbooks
from llo11ypop.query.plan import Plan
from llo11ypop.stores.duckdb import DuckDbStore
from llo11ypop.stores.elasticsearch import ElasticsearchStore
from llo11ypop.stores.elasticsearch_access import Access
from tests.ask_fleet import CONFIG, END, fleet_file
from tests.conformance.elasticsearch_samples import Both, both, gpu_rows
from tests.conformance.store_tables import AT, catalog, plan
from tests.fakes.elasticsearch import FakeElasticsearch, serving

CONDITIONS = (
    "gpu_temp_c > 50",
    "power_w < 200 or gpu_temp_c is null",
    "not (node_id = 'n1' and power_w > 150)",
    "driver like '5%'",
    "driver != '550'",
    "driver not in ('550', '560')",
    "driver is null",
    "has_bits(xid_last, 48)",
    "gpu_temp_c - power_w / 4 > 10",
    "power_w < gpu_temp_c * 4",
    "coalesce(gpu_temp_c, 0) < 45",
    "gpu_uuid = 'none'",
    "contains(driver, '7') or starts_with(node_id, 'n0')",
    "hour_of_day(ts) = 11",
    "seconds_between(ts, at) < 2400",
    "ts >= '2026-05-02T11:00:00Z'",
)
SPANS: tuple[Any, ...] = ("20m", "1h", {"start": "50m", "end": "10m"}, "3h", {"start": "6h", "end": "2h"})
FIELDS = ("gpu_temp_c", "power_w", "xid_last")


@pytest.fixture(scope="module")
def pair() -> Iterator[Both]:
    with both(gpu_rows()) as made:
        yield made


def measures() -> st.SearchStrategy[dict[str, Any]]:
    extra = {"where": st.sampled_from(CONDITIONS)}
    plain = st.fixed_dictionaries(
        {
            "agg": st.sampled_from(["sum", "avg", "min", "max", "stddev", "count_distinct", "count", "list"]),
            "field": st.sampled_from((*FIELDS, "power_w * 2 - gpu_temp_c")),
        },
        optional=extra,
    )
    timed = st.fixed_dictionaries({"agg": st.sampled_from(["first", "last"]), "field": st.sampled_from(FIELDS)}, optional=extra)
    percentile = st.fixed_dictionaries(
        {"agg": st.just("percentile"), "field": st.just("power_w"), "q": st.sampled_from([0.5, 0.95])}
    )
    counted = st.fixed_dictionaries({"agg": st.just("count")}, optional=extra)
    refused = st.fixed_dictionaries({"agg": st.sampled_from(["increase", "rate"]), "field": st.just("pcie_replay_total")})
    return st.one_of(plain, plain, timed, percentile, counted, refused)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    keys = st.sampled_from(["gpu_uuid", "node_id", "driver", "gpu_index", "rack"])
    by = draw(st.lists(keys, max_size=2, unique=True))
    if "gpu_uuid" not in by:  # several rows of one instant: which is the first is for the engine to say
        measure = measures().filter(lambda m: m["agg"] not in ("first", "last"))
    else:
        measure = measures()
    parts: dict[str, Any] = {
        "dataset": "gpu_metrics",
        "window": draw(st.sampled_from(SPANS)),
        "by": by,
        "measures": {f"m{i}": draw(measure) for i in range(draw(st.integers(1, 3)))},
    }
    if draw(st.booleans()):
        parts["where"] = draw(st.sampled_from(CONDITIONS))
    if draw(st.integers(0, 3)) == 0:
        parts["bucket"] = {"every": draw(st.sampled_from(["10m", "1h", "day", "week"]))}
    if draw(st.integers(0, 3)) == 0:
        parts["order"] = [{"by": "m0", "desc": draw(st.booleans())}]
        parts["limit"] = draw(st.integers(1, 5))
    return plan(**parts)


@pytest.mark.slow
@pytest.mark.timeout(900)
@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=plans())
async def test_a_random_plan_gives_the_same_rows_or_is_refused_with_the_reason(pair: Both, made: Plan) -> None:
    ours = (await pair.duck.run_many({"p": made}, AT))["p"]
    theirs = (await pair.es.run_many({"p": made}, AT))["p"]
    result = compare(ours, theirs)
    assert result.verdict in ("equal", "refused", "estimated"), result
    if result.verdict == "refused":
        assert "Elasticsearch SQL" in result.why


@cache
def shipped() -> dict[str, Plan]:
    """Every plan that playbooks and goals run."""
    found = dict(load_playbooks(CONFIG, catalog()).plans(tuple(Area), at=END))
    for goal in load_goals(CONFIG, catalog()):
        found |= goal.plans()
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_every_playbook_and_goal_plan_gives_the_same_rows_or_is_refused_with_the_reason() -> None:
    fake = FakeElasticsearch()
    fake.hold(fleet_file(), catalog())
    with serving(fake):
        ours = await DuckDbStore.open(fleet_file(), catalog()).run_many(shipped(), END)
        theirs = await ElasticsearchStore(Access((fake.url,)), catalog()).run_many(shipped(), END)
    compared: dict[str, Compared] = {name: compare(ours[name], theirs[name]) for name in shipped()}
    assert {n: c for n, c in compared.items() if c.verdict == "different"} == {}
    assert sum(c.verdict == "refused" for c in compared.values()) <= 60
    assert fake.problems == []
    assert any(e.status is EvidenceStatus.OK for e in theirs.values())
