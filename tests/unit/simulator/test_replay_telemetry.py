# ruff: noqa: S608, E501 - a table of queries over a database of made-up rows
"""How each description of a trace shows in the replayed telemetry, and which faults are one incident."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from llo11ypop.catalog import Catalog, load_catalog
from llo11ypop.simulator.replay import LOOK_BACK, ReplayedFleet
from llo11ypop.simulator.replay_signs import XID_MIX, shown
from llo11ypop.simulator.trace_format import TRACE_ORIGIN, FaultKind, Trace, TraceFault
from llo11ypop.simulator.trace_kinds import MODES, Symptom, symptom_of
from llo11ypop.simulator.trace_merge import episodes, split
from tests.shared_data import ROOT

UNKNOWN = FaultKind("Other Failure", "Unknown Error", "Unknown Error")
FAN = FaultKind("Hardware Failure", "Fan", "Speed Critical (Sensor)")


def fault(node: str, start: float, end: float | None, kind: FaultKind = UNKNOWN, line: int = 1) -> TraceFault:
    return TraceFault(node, start, end, kind, line)


def trace_of(*faults: TraceFault, end: float = 20.0) -> Trace:
    return Trace(tuple(sorted(faults, key=lambda f: f.start_day)), TRACE_ORIGIN, end)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(ROOT / "config")


@pytest.mark.parametrize(
    ("cls", "desc", "symptom"),
    [
        ("GPU", "GPU DBE(Double Bit ECC) > Threshold", Symptom.DBE),
        ("GPU", "GPU SBE(Single Bit ECC) > Threshold", Symptom.SBE),
        ("GPU", "GPU device unknow error", Symptom.GPU_HUNG),
        ("GPU", "GPU device unknown error", Symptom.GPU_HUNG),
        ("GPU", "nvidia-smi Timeout", Symptom.GPU_HUNG),
        ("GPU", "GPU PCI link width low", Symptom.PCIE_WIDTH),
        ("GPU", "GPU xid Error", Symptom.XID),
        ("GPU", "GPU Lost", Symptom.GPU_LOST),
        ("GPU", "GPU not found", Symptom.GPU_LOST),
        ("GPU", "GPU P2P Bandwidth Low", Symptom.NVLINK_SLOW),
        ("GPU", "GPU Temperature High", Symptom.GPU_HOT),
        ("GPU", "GPU SDC", Symptom.SILENT_CORRUPTION),
        ("Parameter Plane Cable", "Link Down", Symptom.LINK_DOWN),
        ("NIC", "NIC gid error", Symptom.NIC_GID),
        ("NIC", "NIC Link Speed low", Symptom.NIC_SLOW),
        ("NIC", "NIC Lost", Symptom.NIC_LOST),
        ("NIC", "NIC PCI link Width low", Symptom.NIC_WIDTH),
        ("Fan", "Speed Critical (Sensor)", Symptom.FAN),
        ("Fan", "Redundancy Lost", Symptom.FAN),
        ("Power Supply", "Power Supply Failure detected", Symptom.PSU),
        ("Software Tool", "Kubelet Date Absent", Symptom.KUBELET),
        ("File System", "FS: Multiple Disk FS Error", Symptom.FILESYSTEM),
        ("System Crash", "Kernel panic", Symptom.PANIC),
        ("Unknown Error", "Unknown Error", Symptom.UNKNOWN),
        ("Other Failures", "never heard of", Symptom.UNKNOWN),
        ("Stress Test Failure", "Unknown Error", Symptom.PLANNED),
        ("Troubleshooting", "Unknown Error", Symptom.PLANNED),
        ("Change", "Y-cables Taken offline", Symptom.PLANNED),
        ("Test", "Test", Symptom.PLANNED),
        ("Other", "scheduled maintenance", Symptom.PLANNED),
        ("Other", "unplanned exchange of latest firmware", Symptom.UNKNOWN),
    ],
)
def test_what_a_description_means(cls: str, desc: str, symptom: Symptom) -> None:
    assert symptom_of(FaultKind("Hardware Failure", cls, desc)) is symptom


def test_every_symptom_says_which_causes_are_right() -> None:
    assert set(MODES) == set(Symptom)
    assert MODES[Symptom.UNKNOWN] == {"UNKNOWN"}


def test_three_nodes_within_ten_minutes_are_one_incident() -> None:
    burst = [fault(n, 5 + k * 0.002, 6, FAN, k) for k, n in enumerate("abc")]
    assert [len(e.faults) for e in episodes(burst)] == [3]


@pytest.mark.parametrize(
    "faults",
    [
        [fault("a", 5, 6), fault("b", 5, 6)],
        [fault("a", 5, 6), fault("b", 5, 6), fault("c", 5.01, 6)],
        [fault("a", 5, 6), fault("b", 5, 6, FAN), fault("c", 5, 6)],
    ],
)
def test_fewer_later_or_other_faults_are_not(faults: list[TraceFault]) -> None:
    assert all(len(e.faults) == 1 for e in episodes(faults))


@pytest.mark.parametrize(("again", "merged"), [(6.9, 1), (7.1, 2)])
def test_the_same_fault_within_a_day_of_its_end_reopens(again: float, merged: int) -> None:
    assert len(episodes([fault("a", 5, 6), fault("a", again, 8)])) == merged


def test_another_fault_of_the_node_is_another_incident() -> None:
    assert len(episodes([fault("a", 5, 6), fault("a", 6.1, 7, FAN)])) == 2


def test_planned_work_is_split_off() -> None:
    work = fault("a", 1, 2, FaultKind("Other Failure", "Stress Test Failure", "Unknown Error"))
    assert split(trace_of(work, fault("b", 1, 2))) == ((fault("b", 1, 2),), (work,))


def test_a_refail_hits_the_same_part_and_a_burst_has_one_xid() -> None:
    xid = FaultKind("Hardware Failure", "GPU", "GPU xid Error")
    again = shown(trace_of(fault("a", 1, 2, FAN), fault("a", 9, 10, FAN)))
    assert len({(s.slot, s.part) for s in again}) == 1
    burst = shown(trace_of(*(fault(n, 5, 6, xid) for n in "abcd")))
    assert len({s.xid for s in burst}) == 1
    assert burst[0].xid in dict(XID_MIX)


def _look(catalog: Catalog, fault_: TraceFault, at_day: float, sql: str) -> list[tuple[Any, ...]]:
    fleet = ReplayedFleet(trace_of(fault_), catalog, nodes=8)
    try:
        fleet.advance(TRACE_ORIGIN + timedelta(days=at_day))
        return list(fleet.connection.execute(sql).fetchall())
    finally:
        fleet.close()


NODE = "node_id = 'a'"
PORTS = f"FROM fabric_ports WHERE {NODE} AND ts = (SELECT max(ts) FROM fabric_ports)"
BEFORE = "ts < '2024-04-01 04:48:00'"
"""Before day 2.2, where the tests look from: what happens once is written for the whole trace."""
LAST = f"FROM gpu_metrics WHERE {NODE} AND ts = (SELECT max(ts) FROM gpu_metrics)"


@pytest.mark.parametrize(
    ("cls", "desc", "sql", "rows"),
    [
        ("GPU", "GPU DBE", f"SELECT code FROM gpu_events WHERE {NODE} ORDER BY ts", [(48,), (63,)]),
        ("GPU", "GPU DBE", f"SELECT sum(remap_pending), sum(ecc_dbe_volatile_total) {LAST}", [(1, 1)]),
        ("GPU", "GPU SBE", f"SELECT sum(remap_correctable_total), sum(xid_last) {LAST}", [(16, 0)]),
        ("GPU", "GPU PCI link width low", f"SELECT count(*) {LAST} AND pcie_link_width = 8", [(1,)]),
        ("GPU", "GPU Lost", f"SELECT count(*) {LAST}", [(7,)]),
        ("GPU", "GPU Lost", "SELECT code FROM gpu_events", [(79,)]),
        ("GPU", "GPU Temperature High", f"SELECT count(*) {LAST} AND gpu_temp_c > 85", [(1,)]),
        ("GPU", "GPU P2P Bandwidth Low", f"SELECT count(*) {LAST} AND nvlink_bandwidth_bps < 1e11", [(1,)]),
        ("GPU", "nvidia-smi Timeout", f"SELECT count(*) {LAST}", [(0,)]),
        ("Fan", "Speed", f"SELECT count(DISTINCT sensor_id) FROM node_hw WHERE {NODE} AND sensor_type = 'fan' AND reading = 0", [(1,)]),
        ("Power Supply", "x", f"SELECT DISTINCT health, input_voltage_v FROM node_hw WHERE {NODE} AND reading = 0", [("Critical", 0.0)]),
        ("Cable", "Link Down", f"SELECT count(*), max(link_downed_total) {PORTS} AND port_state = 'DOWN'", [(1, 1)]),
        ("NIC", "NIC gid", f"SELECT count(*) {PORTS} AND gid = ''", [(1,)]),
        ("NIC", "NIC Link Speed low", f"SELECT count(*) {PORTS} AND rate_gbps = 100", [(1,)]),
        ("NIC", "NIC Lost", f"SELECT count(*) {PORTS}", [(7,)]),
        ("NIC", "NIC PCI link Width low", f"SELECT count(*) {PORTS} AND pcie_width = 8", [(1,)]),
        ("Unknown Error", "x", f"SELECT count(*) {LAST}", [(0,)]),
        ("Unknown Error", "x", f"SELECT last(state ORDER BY ts), last(not_responding ORDER BY ts) FROM slurm_nodes WHERE {NODE} AND {BEFORE}", [("down", 1)]),
        ("Unknown Error", "x", "SELECT (SELECT count(*) FROM syslog) + (SELECT count(*) FROM gpu_events)", [(0,)]),
        ("Kernel", "panic", f"SELECT count(*) > 0 FROM syslog WHERE {NODE} AND message LIKE '%panic%'", [(True,)]),
        ("Software Tool", "Kubelet Date Absent", f"SELECT count(*) {LAST}", [(8,)]),
        ("File System", "FS", f"SELECT count(*) FROM syslog WHERE {NODE}", [(2,)]),
        ("Stress Test Failure", "x", "SELECT scope_level, scope_id, kind FROM maintenance_windows", [("node", "a", "stress_test")]),
        ("Stress Test Failure", "x", f"SELECT last(state ORDER BY ts) FROM slurm_nodes WHERE {NODE} AND {BEFORE}", [("maint",)]),
    ],
)  # fmt: skip
def test_how_a_fault_shows(catalog: Catalog, cls: str, desc: str, sql: str, rows: list[tuple[Any, ...]]) -> None:
    assert _look(catalog, fault("a", 2.0, 4.0, FaultKind("Hardware Failure", cls, desc)), 2.2, sql) == rows


def test_a_failing_check_is_critical(catalog: Catalog) -> None:
    hung = fault("a", 2.0, 4.0, FaultKind("Hardware Failure", "GPU", "nvidia-smi Timeout"))
    worst = _look(catalog, hung, 2.2, f"SELECT result FROM health_checks WHERE {NODE} AND ts >= '2024-04-01' ORDER BY ts LIMIT 1")
    assert worst == [(2,)]


def test_healthy_nodes_send_everything_while_another_is_silent(catalog: Catalog) -> None:
    rows = _look(catalog, fault("a", 2.0, 4.0), 2.2, "SELECT count(DISTINCT node_id), min(ts), max(ts) FROM gpu_metrics")
    assert rows[0][0] == 7
    at = (TRACE_ORIGIN + timedelta(days=2.2)).replace(tzinfo=None)
    assert at - LOOK_BACK <= rows[0][1] < rows[0][2] < at


def test_a_node_comes_back_when_its_fault_ends(catalog: Catalog) -> None:
    rows = _look(catalog, fault("a", 2.0, 2.1), 2.3, f"SELECT last(state ORDER BY ts) FROM slurm_nodes WHERE {NODE}")
    assert rows == [("allocated",)]


def test_work_that_ends_in_the_instant_it_starts_leaves_the_node_in_service(catalog: Catalog) -> None:
    work = fault("a", 2.0, 2.0, FaultKind("x", "Stress Test Failure", "x"))
    last = "SELECT state, count(*) OVER (PARTITION BY ts) FROM slurm_nodes WHERE node_id = 'a' AND reason = '' ORDER BY ts DESC LIMIT 1"
    assert _look(catalog, work, 2.02, last) == [("allocated", 1)]


@pytest.mark.parametrize(
    ("cls", "desc"),
    [("x", "x"), ("GPU", "GPU xid Error"), ("GPU", "GPU Lost"), ("Fan", "Redundancy Lost"), ("System Crash", "Kernel panic")],
)
@pytest.mark.parametrize("ends_after", [0.0, 1e-9])
def test_a_fault_of_one_instant_is_over_when_the_next_row_is_written(
    catalog: Catalog, cls: str, desc: str, ends_after: float
) -> None:
    brief = fault("a", 2.0, 2.0 + ends_after, FaultKind("Hardware Failure", cls, desc))
    (sign,) = shown(trace_of(brief))
    assert sign.end_at is not None and sign.end_at > sign.start_at
    rows = "SELECT count(*) - count(DISTINCT ts), arg_max(state, ts) FROM slurm_nodes WHERE node_id = 'a'"
    assert _look(catalog, brief, 2.3, rows) == [(0, "allocated")]


def test_telemetry_is_the_same_whatever_the_steps_of_the_clock(catalog: Catalog) -> None:
    def rows(stops: list[float]) -> list[tuple[Any, ...]]:
        fleet = ReplayedFleet(trace_of(fault("a", 2.0, 2.05)), catalog, nodes=4)
        try:
            for day in stops:
                fleet.advance(TRACE_ORIGIN + timedelta(days=day))
            return list(fleet.connection.execute("SELECT * FROM gpu_metrics ORDER BY ts, gpu_uuid").fetchall())
        finally:
            fleet.close()

    assert rows([2.1]) == rows([1.0, 2.06, 2.08, 2.1])


def test_a_fleet_has_room_for_every_node_of_the_trace(catalog: Catalog) -> None:
    fleet = ReplayedFleet(trace_of(*(fault(f"n{k}", 1, 2) for k in range(6))), catalog, nodes=4)
    try:
        assert len(fleet.fleet.nodes) == 6
    finally:
        fleet.close()


def test_every_column_written_is_in_the_catalog(catalog: Catalog, tmp_path: Path) -> None:
    kinds = [
        FaultKind("H", c, d)
        for c, d in (("GPU", "GPU DBE"), ("Software Tool", "Kubelet"), ("System Crash", "panic"), ("Change", "x"))
    ]
    fleet = ReplayedFleet(
        trace_of(*(fault(f"n{k}", 1, 2, kind) for k, kind in enumerate(kinds))), catalog, 8, tmp_path / "f.duckdb"
    )
    fleet.advance(TRACE_ORIGIN + timedelta(days=1.5))
    fleet.close()
    assert (tmp_path / "f.duckdb").stat().st_size > 0
