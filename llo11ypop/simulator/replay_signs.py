"""What each fault of a trace leaves in the event tables: log lines, failed checks, state changes, planned work."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from llo11ypop.simulator.replay_fleet import CLUSTER, FANS, GPUS_PER_NODE, PSUS, ReplayFleet
from llo11ypop.simulator.trace_format import Trace, TraceFault
from llo11ypop.simulator.trace_kinds import Symptom
from llo11ypop.simulator.trace_merge import episodes, split

Row = tuple[str, dict[str, object]]
"""A dataset and one row of it."""

UNREACHABLE = frozenset({Symptom.UNKNOWN, Symptom.PANIC})
"""Faults that take the node off the network."""
SHORTEST = timedelta(seconds=1)
"""What starts and ends at one instant of a trace lasted a little: else its two rows would have no order."""
RECHECK = timedelta(hours=1)
"""How often a failing health check is reported again while it fails."""
STILL_OPEN = timedelta(days=30)
"""Work that outlives the trace is planned for longer than the trace: its end is not known, so it cannot overrun."""
XID_MIX = ((74, 1.51), (48, 0.085), (119, 0.034), (79, 0.008), (95, 0.0033))
"""Hardware XIDs per 1,000 GPU-days (Fire-Flyer: 74, 79, 95; Delta: 48, 119). A trace's "xid error" took a node out of
service, so the XIDs that a user's program causes (13, 31, 43) are left out: our assumption."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One fault of the trace as telemetry has it. `end_at` None = it outlives the trace."""

    fault: TraceFault
    symptom: Symptom
    start_at: datetime
    end_at: datetime | None
    slot: int
    """GPU of the node that it hits."""
    part: int
    """Any number: which fan, which supply."""
    xid: int = 0

    def during(self, start: datetime, end: datetime) -> bool:
        """Whether it goes on at any moment of `[start, end)`."""
        return self.start_at < end and (self.end_at is None or self.end_at > start)


def shown(trace: Trace) -> tuple[Shown, ...]:
    """Every fault and every piece of planned work with its place on the node; a refail hits the same part again."""
    unplanned, planned = split(trace)
    out = [_shown(trace, f, Symptom.PLANNED, 0) for f in planned]
    for episode in episodes(unplanned):
        draw = _hash("xid", episode.faults[0].node_id, f"{episode.start_day:.4f}")
        out += [_shown(trace, f, episode.symptom, _drawn_xid(draw)) for f in episode.faults]
    return tuple(sorted(out, key=lambda s: (s.start_at, s.fault.line)))


def _shown(trace: Trace, fault: TraceFault, symptom: Symptom, xid: int) -> Shown:
    number = _hash("part", fault.node_id, str(fault.kind))
    start = timedelta(days=fault.start_day)
    return Shown(
        fault=fault,
        symptom=symptom,
        start_at=trace.origin + start,
        end_at=None if fault.end_day is None else trace.origin + max(timedelta(days=fault.end_day), start + SHORTEST),
        slot=number % GPUS_PER_NODE,
        part=number // GPUS_PER_NODE,
        xid=xid if symptom is Symptom.XID else 0,
    )


def _hash(*words: str) -> int:
    return int.from_bytes(hashlib.sha256("/".join(words).encode()).digest()[:8], "big")


def _drawn_xid(number: int) -> int:
    point = number / 2**64 * sum(weight for _, weight in XID_MIX)
    for code, weight in XID_MIX:
        point -= weight
        if point < 0:
            return code
    return XID_MIX[0][0]


def event_rows(faults: Sequence[Shown], fleet: ReplayFleet, until: datetime) -> Iterator[Row]:
    """Every row that happens once, in no particular order."""
    for fault in faults:
        if fault.symptom is Symptom.PLANNED:
            yield from _planned(fault, until)
        elif fault.symptom in UNREACHABLE:
            yield from _unreachable(fault)
        elif fault.symptom is Symptom.GPU_HUNG:
            yield from _hung(fault, until)
        elif fault.symptom is Symptom.KUBELET:
            yield from _ready(fault, "Unknown", "NodeStatusUnknown")
        elif fault.symptom is Symptom.FILESYSTEM:
            yield from _filesystem(fault)
        else:
            yield from _xids(fault, fleet)


def _planned(fault: Shown, until: datetime) -> Iterator[Row]:
    kind = fault.fault.kind
    node = fault.fault.node_id
    words = f"{kind.cls} {kind.desc}".lower()
    names = ("stress_test", "troubleshooting", "change", "test")
    work = next((name for name in names if name.split("_", maxsplit=1)[0] in words), "change")
    yield (
        "maintenance_windows",
        {"start_at": fault.start_at, "end_at": fault.end_at or until + STILL_OPEN, "announced_at": fault.start_at,
         "window_id": f"work-{fault.fault.line}", "cluster": CLUSTER, "scope_level": "node", "scope_id": node,
         "kind": work, "description": str(kind)},
    )  # fmt: skip
    yield from _state(fault, "maint", str(kind), "admin", responding=True)


def _unreachable(fault: Shown) -> Iterator[Row]:
    yield from _state(fault, "down", "Not responding", "slurm", responding=False)
    yield from _ready(fault, "Unknown", "NodeStatusUnknown")
    if fault.symptom is Symptom.PANIC:
        for number, text in enumerate(("Kernel panic - not syncing: Fatal exception", "Rebooting in 10 seconds..")):
            at = fault.start_at - timedelta(seconds=2 - number)
            yield "syslog", _log(fault, at, "emerg", "kernel", text)


def _state(fault: Shown, state: str, reason: str, user: str, *, responding: bool) -> Iterator[Row]:
    row: dict[str, object] = {
        "ts": fault.start_at, "cluster": CLUSTER, "node_id": fault.fault.node_id, "partition": "train",
        "state": state, "not_responding": int(not responding), "reason": reason, "reason_user": user,
        "gpus": GPUS_PER_NODE, "gpus_used": 0,
    }  # fmt: skip
    yield "slurm_nodes", row
    if fault.end_at is not None:
        back = {"state": "allocated", "not_responding": 0, "reason": "", "reason_user": "", "gpus_used": GPUS_PER_NODE}
        yield "slurm_nodes", {**row, **back, "ts": fault.end_at}


def _ready(fault: Shown, status: str, reason: str) -> Iterator[Row]:
    row = {"ts": fault.start_at, "cluster": CLUSTER, "node_id": fault.fault.node_id, "condition": "Ready"}
    yield "k8s_node_conditions", {**row, "status": status, "reason": reason}
    event = {"ts": fault.start_at, "first_at": fault.start_at, "cluster": CLUSTER, "node_id": fault.fault.node_id,
             "object_kind": "Node", "object_name": fault.fault.node_id, "type": "Warning", "count": 1,
             "reason": "NodeNotReady", "component": "node-controller", "message": "Node status is now: NodeNotReady"}  # fmt: skip
    yield "k8s_events", event
    if fault.end_at is not None:
        yield "k8s_node_conditions", {**row, "ts": fault.end_at, "status": "True", "reason": "KubeletReady"}


def _hung(fault: Shown, until: datetime) -> Iterator[Row]:
    base = {"cluster": CLUSTER, "node_id": fault.fault.node_id, "check_name": "nvidia_smi", "check_type": "nagios"}
    at, end = fault.start_at, fault.end_at or until
    while at < end:
        yield "health_checks", {**base, "ts": at, "result": 2, "message": "nvidia-smi did not answer within 60 s"}
        at += RECHECK
    if fault.end_at is not None:
        yield "health_checks", {**base, "ts": fault.end_at, "result": 0, "message": "ok"}


def _filesystem(fault: Shown) -> Iterator[Row]:
    for second, text in enumerate(
        ("blk_update_request: I/O error, dev nvme1n1, sector 1953525", "EXT4-fs error (device nvme1n1p1): ext4_find_entry")
    ):
        yield "syslog", _log(fault, fault.start_at + timedelta(seconds=second), "err", "kernel", text)


def _log(fault: Shown, at: datetime, severity: str, process: str, text: str) -> dict[str, object]:
    return {"ts": at, "cluster": CLUSTER, "node_id": fault.fault.node_id, "facility": "kern", "severity": severity,
            "process": process, "message": text}  # fmt: skip


_XID_TEXT = {
    48: "pid='<unknown>', name=<unknown>, DBE (double bit error) detected",
    63: "pid=1896, name=python, Row Remapper: New row marked for remapping, reset gpu to activate.",
    74: "pid='<unknown>', name=<unknown>, NVLink: fatal error detected on link 4(0x0, 0x0, 0x10000, 0x0)",
    79: "pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
    95: "pid=1896, name=python, Uncontained ECC error",
    119: "pid=1896, name=nvidia-smi, Timeout after 6s of waiting for RPC response from GPU! Expected function 76",
}


def _xids(fault: Shown, fleet: ReplayFleet) -> Iterator[Row]:
    codes = {Symptom.DBE: (48, 63), Symptom.GPU_LOST: (79,)}.get(fault.symptom, (fault.xid,) if fault.xid else ())
    if fault.xid == 48:
        codes = (48, 63)
    for second, code in enumerate(codes):
        pci = f"0000:{0x19 + 0x11 * fault.slot:02x}:00"
        text = _XID_TEXT[code]
        yield (
            "gpu_events",
            {"ts": fault.start_at + timedelta(seconds=second), "cluster": CLUSTER, "node_id": fault.fault.node_id,
             "gpu_uuid": fleet.gpu(fault.fault.node_id, fault.slot), "gpu_index": fault.slot, "kind": "xid",
             "code": code, "severity": "", "pci": pci, "collector": "syslog",
             "message": text, "raw": f"NVRM: Xid (PCI:{pci}): {code}, {text}"},
        )  # fmt: skip


def failed_fan(fault: Shown) -> str:
    """The fan that a fan fault hits."""
    return FANS[fault.part % len(FANS)]


def failed_psu(fault: Shown) -> str:
    """The power supply that a supply fault hits."""
    return PSUS[fault.part % len(PSUS)]
