"""The regular telemetry of a replayed fleet for a span of time: what a healthy node sends, with the faults laid over it.

Made for the spans the loop looks at and no others: 400 nodes at a five-minute step are 320 million rows a year.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from llo11ypop.simulator.replay_fleet import (
    CLUSTER,
    DRIVER,
    FANS,
    GPU_MODEL,
    GPUS_PER_NODE,
    INLET,
    PORTS_PER_NODE,
    PSUS,
    ReplayFleet,
)
from llo11ypop.simulator.replay_signs import UNREACHABLE, Shown, failed_fan, failed_psu
from llo11ypop.simulator.trace_kinds import Symptom

STEPS = {
    "gpu_metrics": timedelta(minutes=5),
    "node_hw": timedelta(minutes=10),
    "fabric_ports": timedelta(minutes=10),
    "slurm_nodes": timedelta(hours=1),
    "k8s_node_conditions": timedelta(hours=1),
    "health_checks": timedelta(hours=1),
}
"""How often a healthy thing sends a row; the catalog's cadences."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DARK = UNREACHABLE | {Symptom.PLANNED}
"""Faults during which a node sends nothing of its own."""

Columns = dict[str, Any]


def steps(dataset: str, start: datetime, end: datetime) -> list[datetime]:
    """The instants in `[start, end)` at which a dataset has rows, on a grid that does not depend on the span."""
    step = STEPS[dataset]
    at = EPOCH + -(-(start - EPOCH) // step) * step
    out = []
    while at < end:
        out.append(at)
        at += step
    return out


class Beats:
    """Makes the regular rows of one dataset at one instant."""

    def __init__(self, fleet: ReplayFleet, faults: Sequence[Shown], seed: int = 0) -> None:
        self._fleet = fleet
        self._faults = sorted(faults, key=lambda f: f.start_at)
        self._seed = seed

    def table(self, dataset: str, start: datetime, end: datetime) -> pa.Table | None:
        """All rows of a dataset in `[start, end)`, by time; None when the span holds no step."""
        make = {
            "gpu_metrics": self._gpus,
            "node_hw": self._sensors,
            "fabric_ports": self._ports,
            "slurm_nodes": self._states,
            "k8s_node_conditions": self._conditions,
            "health_checks": self._checks,
        }[dataset]
        near = [f for f in self._faults if f.during(start, end + STEPS[dataset])]
        parts = [_rows(make(at, [f for f in near if f.during(at, at + timedelta(microseconds=1))]), at)
                 for at in steps(dataset, start, end)]  # fmt: skip
        return pa.concat_tables(parts) if parts else None

    def _noise(self, name: str, at: datetime, size: int) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        step = int((at - EPOCH).total_seconds())
        return np.random.default_rng([self._seed, step, sum(map(ord, name))]).standard_normal(size)

    def _up(self, active: Sequence[Shown]) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
        """Which nodes send anything."""
        up = np.ones(len(self._fleet.nodes), dtype=bool)
        for fault in active:
            if fault.symptom in DARK:
                up[self._fleet.index[fault.fault.node_id]] = False
        return up

    def _count(self, kinds: frozenset[Symptom], at: datetime) -> list[Shown]:
        """Faults of some kinds that began by now: what counters have counted."""
        return [f for f in self._faults if f.symptom in kinds and f.start_at <= at]

    def _gpus(self, at: datetime, active: Sequence[Shown]) -> Columns:
        size = len(self._fleet.gpus)
        noise = self._noise("gpu", at, size)
        sends = np.repeat(self._up(active), GPUS_PER_NODE)
        c: Columns = {
            "node_id": np.repeat(self._fleet.node_column, GPUS_PER_NODE),
            "gpu_uuid": self._fleet.gpus,
            "gpu_index": np.tile(np.arange(GPUS_PER_NODE), len(self._fleet.nodes)),
            "gpu_temp_c": 55 + noise, "mem_temp_c": 62 + noise, "power_w": 520 + 8 * noise,
            "gpu_util_pct": np.clip(96 + noise, 0, 100), "sm_clock_mhz": np.full(size, 1755.0),
            "tensor_active_ratio": 0.45 + 0.01 * noise, "nvlink_bandwidth_bps": 2e11 * (1 + 0.02 * noise),
            "fb_used_mib": np.full(size, 70_000.0), "fb_free_mib": np.full(size, 10_000.0),
            "pcie_link_width": np.full(size, 16), "pcie_link_gen": np.full(size, 5),
            "pcie_replay_total": np.zeros(size), "xid_last": np.zeros(size, dtype=int),
            "remap_pending": np.zeros(size, dtype=int), "remap_failed": np.zeros(size, dtype=int),
            "remap_uncorrectable_total": np.zeros(size), "remap_correctable_total": np.zeros(size),
            "ecc_dbe_volatile_total": np.zeros(size), "nvlink_crc_error_total": np.zeros(size),
            "nvlink_replay_error_total": np.zeros(size), "clock_event_reasons": np.zeros(size, dtype=int),
            "thermal_violation_ns_total": np.zeros(size),
        }  # fmt: skip
        for fault in active:
            _lay_on_gpu(c, sends, self._gpu_row(fault), fault)
        for fault in self._count(frozenset({Symptom.DBE, Symptom.SBE}), at):
            unc = fault.symptom is Symptom.DBE
            c["remap_uncorrectable_total" if unc else "remap_correctable_total"][self._gpu_row(fault)] += 1 if unc else 16
            if unc:
                c["ecc_dbe_volatile_total"][self._gpu_row(fault)] += 1
        fixed = {"cluster": CLUSTER, "gpu_model": GPU_MODEL, "driver": DRIVER}
        return _only(c, sends) | fixed

    def _gpu_row(self, fault: Shown) -> int:
        return self._fleet.index[fault.fault.node_id] * GPUS_PER_NODE + fault.slot

    def _sensors(self, at: datetime, active: Sequence[Shown]) -> Columns:
        names = (*FANS, *PSUS, INLET)
        nodes, size = len(self._fleet.nodes), len(self._fleet.nodes) * len(names)
        kinds = np.array(["fan"] * len(FANS) + ["psu"] * len(PSUS) + ["inlet_temp"], dtype=object)
        usual = np.array([8000.0] * len(FANS) + [2400.0] * len(PSUS) + [24.0])
        low = np.array([1000.0] * len(FANS) + [np.nan] * (len(PSUS) + 1))
        high = np.array([np.nan] * (len(FANS) + len(PSUS)) + [45.0])
        volts = np.array([np.nan] * len(FANS) + [230.0] * len(PSUS) + [np.nan])
        c: Columns = {
            "node_id": np.repeat(self._fleet.node_column, len(names)),
            "rack": np.repeat(np.array([self._fleet.rack(i) for i in range(nodes)], dtype=object), len(names)),
            "sensor_id": np.tile(np.array(names, dtype=object), nodes), "sensor_type": np.tile(kinds, nodes),
            "reading": np.tile(usual, nodes) * (1 + 0.01 * self._noise("hw", at, size)),
            "lower_critical": np.tile(low, nodes), "upper_critical": np.tile(high, nodes),
            "input_voltage_v": np.tile(volts, nodes), "health": np.full(size, "OK", dtype=object),
            "state": np.full(size, "Enabled", dtype=object),
        }  # fmt: skip
        for fault in active:
            base = self._fleet.index[fault.fault.node_id] * len(names)
            if fault.symptom in (Symptom.FAN, Symptom.PSU):
                fan = fault.symptom is Symptom.FAN
                row = base + names.index(failed_fan(fault) if fan else failed_psu(fault))
                c["reading"][row], c["health"][row] = 0.0, "Critical"
                if not fan:
                    c["input_voltage_v"][row], c["state"][row] = 0.0, "UnavailableOffline"
        return _only(c, np.repeat(self._up(active), len(names))) | {"cluster": CLUSTER}

    def _ports(self, at: datetime, active: Sequence[Shown]) -> Columns:
        size = len(self._fleet.ports)
        sent = (at - EPOCH).total_seconds() % 1e8 * 2e9
        zeros = ("link_error_recovery_total", "symbol_error_total", "rcv_error_total", "xmit_discard_total",
                 "xmit_wait_total", "carrier_changes_total", "link_downed_total")  # fmt: skip
        c: Columns = {
            "node_id": np.repeat(self._fleet.node_column, PORTS_PER_NODE), "port_id": self._fleet.ports,
            "switch_id": np.array([self._fleet.leaf(i // PORTS_PER_NODE) for i in range(size)], dtype=object),
            "port_state": np.full(size, "ACTIVE", dtype=object),
            "physical_state": np.full(size, "LinkUp", dtype=object),
            "rate_gbps": np.full(size, 400.0), "pcie_width": np.full(size, 16),
            "gid": np.array([f"fe80::{i + 1:x}" for i in range(size)], dtype=object),
            "xmit_bytes_total": np.full(size, sent), "rcv_bytes_total": np.full(size, sent),
            "module_temp_c": 48 + self._noise("port", at, size),
            **{name: np.zeros(size) for name in zeros},
        }  # fmt: skip
        sends = np.repeat(self._up(active), PORTS_PER_NODE)
        for fault in active:
            _lay_on_port(c, sends, self._port_row(fault), fault)
        for fault in self._count(frozenset({Symptom.LINK_DOWN}), at):
            c["link_downed_total"][self._port_row(fault)] += 1
            c["carrier_changes_total"][self._port_row(fault)] += 1
        return _only(c, sends) | {"cluster": CLUSTER, "link_layer": "roce"}

    def _port_row(self, fault: Shown) -> int:
        return self._fleet.index[fault.fault.node_id] * PORTS_PER_NODE + fault.part % PORTS_PER_NODE

    def _states(self, at: datetime, active: Sequence[Shown]) -> Columns:
        size = len(self._fleet.nodes)
        c: Columns = {
            "node_id": self._fleet.node_column, "state": np.full(size, "allocated", dtype=object),
            "not_responding": np.zeros(size, dtype=int), "reason": np.full(size, "", dtype=object),
            "reason_user": np.full(size, "", dtype=object), "gpus_used": np.full(size, GPUS_PER_NODE),
        }  # fmt: skip
        for fault in active:
            row = self._fleet.index[fault.fault.node_id]
            if fault.symptom in DARK:
                planned = fault.symptom is Symptom.PLANNED
                c["state"][row] = "maint" if planned else "down"
                c["reason"][row] = str(fault.fault.kind) if planned else "Not responding"
                c["reason_user"][row] = "admin" if planned else "slurm"
                c["not_responding"][row], c["gpus_used"][row] = int(not planned), 0
        return c | {"cluster": CLUSTER, "partition": "train", "gpus": GPUS_PER_NODE}

    def _conditions(self, at: datetime, active: Sequence[Shown]) -> Columns:
        c: Columns = {
            "node_id": self._fleet.node_column,
            "status": np.full(len(self._fleet.nodes), "True", dtype=object),
            "reason": np.full(len(self._fleet.nodes), "KubeletReady", dtype=object),
        }
        for fault in active:
            if fault.symptom in UNREACHABLE or fault.symptom is Symptom.KUBELET:
                row = self._fleet.index[fault.fault.node_id]
                c["status"][row], c["reason"][row] = "Unknown", "NodeStatusUnknown"
        return c | {"cluster": CLUSTER, "condition": "Ready"}

    def _checks(self, at: datetime, active: Sequence[Shown]) -> Columns:
        up = self._up(active)
        for fault in active:
            if fault.symptom is Symptom.GPU_HUNG:
                up[self._fleet.index[fault.fault.node_id]] = False
        c = _only({"node_id": self._fleet.node_column}, up)
        return c | {"cluster": CLUSTER, "check_name": "nvidia_smi", "check_type": "nagios", "result": 0, "message": "ok"}


def _lay_on_gpu(c: Columns, sends: Any, row: int, fault: Shown) -> None:
    symptom = fault.symptom
    if symptom is Symptom.GPU_HUNG:
        first = row - fault.slot
        sends[first : first + GPUS_PER_NODE] = False
    elif symptom is Symptom.GPU_LOST or fault.xid == 79:
        sends[row] = False
    elif symptom is Symptom.PCIE_WIDTH:
        c["pcie_link_width"][row] = 8
    elif symptom is Symptom.GPU_HOT:
        c["gpu_temp_c"][row] += 37
        c["mem_temp_c"][row] += 30
        c["clock_event_reasons"][row] = 0x60
        c["sm_clock_mhz"][row] = 1100.0
    elif symptom is Symptom.NVLINK_SLOW:
        c["nvlink_bandwidth_bps"][row] *= 0.3
    elif symptom is Symptom.DBE:
        c["remap_pending"][row], c["xid_last"][row] = 1, 63
    elif symptom is Symptom.XID:
        c["xid_last"][row] = fault.xid


def _lay_on_port(c: Columns, sends: Any, row: int, fault: Shown) -> None:
    if fault.symptom is Symptom.LINK_DOWN:
        c["port_state"][row], c["physical_state"][row] = "DOWN", "Polling"
    elif fault.symptom is Symptom.NIC_LOST:
        sends[row] = False
    elif fault.symptom is Symptom.NIC_SLOW:
        c["rate_gbps"][row] = 100.0
    elif fault.symptom is Symptom.NIC_GID:
        c["gid"][row] = ""
    elif fault.symptom is Symptom.NIC_WIDTH:
        c["pcie_width"][row] = 8


def _only(columns: Columns, sends: Any) -> Columns:
    return {name: values[sends] for name, values in columns.items()}


def _rows(columns: Columns, at: datetime) -> pa.Table:
    """Columns of one instant as a table; single values are repeated."""
    size = max(len(v) for v in columns.values() if isinstance(v, np.ndarray))
    arrays = {"ts": pa.array(np.full(size, np.datetime64(at.replace(tzinfo=None), "us")))}
    for name, values in columns.items():
        arrays[name] = pa.array(values) if isinstance(values, np.ndarray) else pa.repeat(pa.scalar(values), size)
    return pa.table(arrays)
