"""Playbooks that look at many things at once: drivers, lemons, power swings, congestion; and the shipped set as a whole."""

import json

import pytest
from typer.testing import CliRunner

from llo11ypop.cli.playbooks import app
from llo11ypop.core.vocabulary import Area
from llo11ypop.playbooks import load_goals
from llo11ypop.stores.duckdb import DuckDbStore
from tests.conformance.store_tables import AT, Row, catalog, store_of
from tests.unit.playbooks.playbook_fleet import (
    CONFIG,
    NODES,
    book,
    findings,
    inventory,
    named,
    ports_of,
    rack_of,
    steps,
    switch_of,
)

DRIVERS = [
    {**row, "node_id": f"d{i}", "driver": "570" if i < 4 else "550"} | ({"valid_from": 5 * 1440} if i < 4 else {})
    for i in range(12)
    for row in inventory()["inventory_nodes"][:1]
]


def gsp(*nodes: str) -> list[Row]:
    base = {"cluster": "c-a", "kind": "xid", "code": 119, "severity": ""}
    return [{"ts": 100 + i, "node_id": n, "gpu_uuid": f"{n}-g0", "gpu_index": 0, **base} for i, n in enumerate(nodes)]


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        (("d0", "d1", "d2"), {"F36 driver:570"}),
        (("d0", "d1"), set()),
        (("d4", "d5", "d6"), set()),  # everybody has had that one for long
        (("d0", "d1", "d2", "d4", "d5", "d6", "d7", "d8"), set()),
    ],
)
def test_one_driver_and_not_the_others(nodes: tuple[str, ...], expected: set[str]) -> None:
    assert named(findings({"inventory_nodes": DRIVERS, "gpu_events": gsp(*nodes)}, ["F36"])) == expected


@pytest.mark.parametrize(
    ("missing", "lemon"),
    [
        ((), True),
        (("tickets",), True),
        (("tickets", "remediations"), True),
        (("tickets", "remediations", "slurm_job_nodes"), False),
        (("user_exclusions",), False),
    ],
)
def test_a_lemon_is_avoided_by_users_and_in_some_trouble(missing: tuple[str, ...], lemon: bool) -> None:
    days = [1440 * d + 60 for d in (1, 6, 11, 19)]
    on = {"cluster": "c-a", "node_id": "n1"}
    troubles: dict[str, list[Row]] = {
        "remediations": [{"ts": m, **on, "gpu_uuid": "", "action": "REBOOT", "result": "ok"} for m in days],
        "slurm_job_nodes": [{"end_at": m, **on, "job_id": m, "state": "NODE_FAIL"} for m in days],
        "tickets": [{"ts": m, **on, "ticket_id": str(m)} for m in days],
        "user_exclusions": [{"ts": m, **on, "user": f"u{m}", "job_id": m} for m in days],
    }
    seen = {table: rows for table, rows in troubles.items() if table not in missing}
    assert named(findings(seen, ["F37"])) == ({"F37 node:n1"} if lemon else set())


def feeds(swing_w: float) -> list[Row]:
    return [
        {
            "ts": m,
            "cluster": "c-a",
            "row": "w1",
            "rack": k,
            "feed": f,
            "power_w": 9000.0,
            "power_min_w": 9000.0 - s,
            "power_max_w": 9000.0 + s,
        }
        for k in ("k1", "k2")
        for f in "AB"
        for m in steps(1440)
        for s in [swing_w / 2 if m <= 60 else 200.0]
    ]


def test_power_swings_of_the_cluster() -> None:
    assert named(findings({"facility_power": feeds(6000.0)}, ["F19"])) == {"F19 cluster:c-a"}
    assert findings({"facility_power": feeds(500.0)}, ["F19"]) == []


def congested(times: float, racks: str = "k1k2") -> dict[str, list[Row]]:
    ports = []
    for node in NODES:
        for port in ports_of(node):
            waits = 0.0
            for m in steps(1440, every=10):
                waits += 100.0 * (times if m <= 40 and rack_of(node) in racks else 1)
                ports.append(
                    {
                        "ts": m,
                        "cluster": "c-a",
                        "node_id": node,
                        "port_id": port,
                        "switch_id": switch_of(node),
                        "xmit_wait_total": waits,
                    }
                )
    pairs = [("n1", "n2"), ("n2", "n3"), ("n3", "n1"), ("n4", "n1"), ("n4", "n2")]
    probes = [
        {
            "ts": m,
            "cluster": "c-a",
            "src_node": a,
            "dst_node": b,
            "rtt_p99_us": 15.0 * (times if m <= 30 and rack_of(a) in racks else 1),
        }
        for a, b in pairs
        for m in steps(1440, every=10)
    ]
    return {"fabric_ports": ports, "net_probe": probes}


@pytest.mark.parametrize(("racks", "expected"), [("k1", {"F23 switch:sw1"}), ("k1k2", {"F23 cluster:c-a"}), ("", set())])
def test_congestion_of_a_switch_or_of_the_cluster(racks: str, expected: set[str]) -> None:
    assert named(findings(congested(6.0, racks), ["F23"])) == expected


def one_row_each() -> DuckDbStore:
    values = {"integer": 1, "float": 1.5, "string": "x", "timestamp": 9}
    return store_of({n: [{f: values[s.type] for f, s in d.fields.items()}] for n, d in catalog().datasets.items()})


def test_every_signal_and_goal_can_be_carried_out() -> None:
    store = one_row_each()
    plans = book().plans(tuple(Area), at=AT)
    for goal in load_goals(CONFIG, catalog()):
        plans |= {k: p for k, p in goal.plans().items() if k != goal.before_key}
    assert set(store.run_many_now(plans, AT)) == set(plans)


def test_no_more_scans_than_a_cycle_can_afford() -> None:
    store = one_row_each()
    store.run_many_now(book().plans(tuple(Area), at=AT), AT)
    assert store.query_count <= 90


def test_goals_are_complete() -> None:
    goals = load_goals(CONFIG, catalog())
    assert len(goals) == 25
    for goal in goals:
        assert len(goal.definition) > 40 and goal.areas and goal.source and goal.owner
        assert next(iter(goal.plans())) == goal.now_key
        assert set(goal.slice_keys()) <= {(f"{goal.id}:by:{d}", d) for d in goal.slices}


MODES = {f"F{i}" for i in range(1, 39)} | {"UNKNOWN", "C8", "C10", "SUPPLY"}


def test_every_mode_has_a_playbook_and_only_faults_have_actions() -> None:
    faults = {mode for mode, playbook in book().items() if not playbook.benign}
    assert faults == MODES
    for mode in faults:
        playbook = book()[mode]
        assert playbook.source and playbook.if_nothing_done and playbook.actions
        assert all(0 < s.weight < 1 for s in playbook.signals.values())


def test_the_command_line_checks_and_lists() -> None:
    checked = CliRunner().invoke(app, ["check"])
    assert checked.exit_code == 0 and "42 failure modes" in checked.output
    listed = json.loads(CliRunner().invoke(app, ["list", "--json"]).output)
    assert {v["id"] for v in listed if v["kind"] == "fault"} == MODES
