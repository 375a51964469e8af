"""Random valid plans over the rows of `gpu_rows`, for every engine that may answer or refuse them."""

from typing import Any

from hypothesis import strategies as st

from llo11ypop.query.plan import Plan
from tests.conformance.store_tables import plan

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
    counted = st.fixed_dictionaries({"agg": st.just("count")}, optional=extra)
    refused = st.fixed_dictionaries({"agg": st.sampled_from(["increase", "rate"]), "field": st.just("pcie_replay_total")})
    return st.one_of(plain, plain, timed, counted, refused)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    if draw(st.integers(0, 19)) == 0:  # of many rows: how the median of four is found differs from engine to engine
        measure = {"agg": "percentile", "field": "power_w", "q": draw(st.sampled_from([0.5, 0.95]))}
        return plan(dataset="gpu_metrics", window="3h", measures={"m0": measure})
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


def shapes() -> dict[str, Plan]:
    """One plan per way of saying something."""
    found = {
        f"where {condition}": plan(
            dataset="gpu_metrics", window="3h", by=["gpu_uuid"], where=condition, measures={"n": {"agg": "count"}}
        )
        for condition in CONDITIONS
    }
    for agg in ("sum", "avg", "min", "max", "stddev", "count_distinct", "count", "list", "first", "last"):
        measure = {"agg": agg, "field": "gpu_temp_c"}
        found[agg] = plan(dataset="gpu_metrics", window="3h", by=["gpu_uuid"], measures={"m": measure})
    for agg in ("increase", "rate"):
        measure = {"agg": agg, "field": "pcie_replay_total"}
        found[agg] = plan(dataset="gpu_metrics", window="3h", by=["node_id"], measures={"m": measure})
    measure = {"agg": "percentile", "field": "power_w", "q": 0.95}
    found["percentile"] = plan(dataset="gpu_metrics", window="3h", measures={"m": measure})
    for every in ("10m", "1h", "day", "week"):
        found[f"every {every}"] = plan(
            dataset="gpu_metrics", window="3h", bucket={"every": every}, measures={"n": {"agg": "count"}}
        )
    found["null key"] = plan(dataset="gpu_metrics", window="3h", by=["driver"], measures={"n": {"agg": "count"}})
    found["raw"] = plan(dataset="syslog", window="2h", fields=["ts", "node_id", "message"], limit=7)
    return found
