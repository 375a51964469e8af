"""The shipped playbooks on small tables: decisive rows give the finding, look-alikes give none."""

from collections.abc import Callable

import pytest

from tests.conformance.store_tables import Row
from tests.unit.playbooks.playbook_fleet import (
    NODES,
    OPT_IN,
    findings,
    gpu_rows,
    gpus_of,
    healthy,
    named,
    ports_of,
    rack_of,
    steps,
    switch_of,
)

Tables = dict[str, list[Row]]


def xid(code: int, minutes: float = 20, gpu: str = "n1-g3", **more: object) -> Row:
    node = gpu.partition("-")[0]
    base = {
        "ts": minutes,
        "cluster": "c-a",
        "node_id": node,
        "gpu_uuid": gpu,
        "gpu_index": int(gpu[-1]),
        "kind": "xid",
        "code": code,
    }
    return {**base, "severity": "", "collector": "a", **more}


def sxid(code: int, severity: str, minutes: float = 20) -> Row:
    return xid(code, minutes, kind="sxid", gpu_uuid="", severity=severity)


def fans(node: str, stopped: tuple[str, ...] = (), since: float = 40, hours: float = 2, **more: object) -> list[Row]:
    rows = []
    for number in range(6):
        for minutes in steps(60 * hours, every=10):
            low = f"fan{number}" in stopped and minutes <= since
            rows.append(sensor(node, f"fan{number}", "fan", minutes, 0.0 if low else 8000.0, lower_critical=1500.0, **more))
    return rows


def sensor(node: str, name: str, kind: str, minutes: float, reading: float, **more: object) -> Row:
    base = {"ts": minutes, "cluster": "c-a", "rack": rack_of(node), "node_id": node, "sensor_id": name, "sensor_type": kind}
    return {**base, "reading": reading, "health": "OK", "state": "Enabled", **more}


def ready(status: str, minutes: float) -> list[Row]:
    base = {"cluster": "c-a", "node_id": "n1", "condition": "Ready", "reason": ""}
    return [{**base, "ts": 60.0, "status": "True"}, {**base, "ts": minutes, "status": status}]


def traffic(*odd: str, slow: float, **more: object) -> list[Row]:
    rows = []
    for gpu in gpus_of("n1"):
        usual = {"nvlink_bandwidth_bps": 2e11, "tensor_active_ratio": 0.45, "fb_used_mib": 70000.0}
        mine = {**usual, "nvlink_bandwidth_bps": slow, **more} if gpu in (odd or ("n1-g3",)) else usual
        rows += gpu_rows(gpu, steps(60), **mine)
    return rows


def supplies(node: str, bad: tuple[str, ...] = (), since: float = 40) -> list[Row]:
    return [
        sensor(
            node,
            f"psu{i}",
            "psu",
            m,
            0.0 if dead else 900.0,
            input_voltage_v=0.0 if dead else 230.0,
            health="Critical" if dead else "OK",
        )
        for i in range(4)
        for m in steps(120, every=10)
        for dead in [f"psu{i}" in bad and m <= since]
    ]


def ports(minutes: list[float], **changed: dict[str, object]) -> list[Row]:
    """All ports of all nodes; `changed` maps a port (with _ for /) to other fields for its last half hour."""
    rows = []
    for node in NODES:
        for port in ports_of(node):
            for m in minutes:
                row: Row = {
                    "ts": m,
                    "cluster": "c-a",
                    "node_id": node,
                    "port_id": port,
                    "switch_id": switch_of(node),
                    "link_layer": "ib",
                    "port_state": "ACTIVE",
                    "physical_state": "LinkUp",
                    "rate_gbps": 400.0,
                    "pcie_width": 16,
                    "gid": "fe80::1",
                    "link_downed_total": 2.0,
                    "symbol_error_total": 0.0,
                    "xmit_wait_total": 100.0 * (1600 - m),
                    "cnp_sent_total": 10.0 * (1600 - m),
                }
                rows.append({**row, **(changed.get(port.replace("/", "_"), {}) if m <= 30 else {})})
    return rows


def states(node: str, state: str = "allocated", since: float = 30, before: str = "allocated", **more: object) -> list[Row]:
    old = [
        {"ts": m, "cluster": "c-a", "node_id": node, "state": before, "not_responding": 0, "reason": ""}
        for m in steps(600, since, 60)
    ]
    return [*old, {"ts": since, "cluster": "c-a", "node_id": node, "state": state, "not_responding": 0, "reason": "", **more}]


def all_states(**nodes: dict[str, object]) -> list[Row]:
    return [r for n in NODES for r in states(n, **nodes.get(n, {}))]  # type: ignore[arg-type]


def syslog(message: str, node: str = "n1", severity: str = "err", facility: str = "kern", minutes: float = 25) -> Row:
    return {"ts": minutes, "cluster": "c-a", "node_id": node, "severity": severity, "facility": facility, "message": message}


def check(name: str, result: int, minutes: float = 10, node: str = "n1", **more: object) -> Row:
    return {"ts": minutes, "cluster": "c-a", "node_id": node, "check_name": name, "result": result, "message": "", **more}


def env(hot: tuple[str, ...] = (), rise: float = 8.0, since: float = 45, **more: object) -> list[Row]:
    return [
        {
            "ts": m,
            "cluster": "c-a",
            "row": "w1",
            "rack": k,
            "unit_id": k,
            "unit_kind": "rack",
            "leak_state": "OK",
            "humidity_pct": 45.0,
            "dew_point_c": 9.0,
            "inlet_c": 22.0 + (rise if k in hot and m <= since else 0.0),
            **(more if m <= since else {}),
        }
        for k in ("k1", "k2")
        for m in steps(1560)
    ]


def inlets(hot: tuple[str, ...] = (), rise: float = 8.0, since: float = 45) -> list[Row]:
    return [
        sensor(n, "inlet", "inlet_temp", m, 23.0 + (rise if n in hot and m <= since else 0.0))
        for n in NODES
        for m in steps(1560, every=10)
    ]


def day_of(gpu: str, lately: dict[str, object], since: float = 60, **usual: object) -> list[Row]:
    return gpu_rows(gpu, steps(1560, since, 15), **usual) + gpu_rows(gpu, steps(since), **{**usual, **lately})


def run_minutes(minutes: list[float], **fields: object) -> list[Row]:
    base = {"run_id": "r-1", "job_id": 7, "cluster": "c-a", "loss": 2.0, "grad_norm": 0.5, "nan_count": 0, "step_time_s": 4.0}
    base |= {"rank_max_step_s": 4.0, "rank_min_step_s": 3.9, "slowest_stage": 0}
    return [{"ts": m, **base, "step": int(10 * (2000 - m)), "slowest_rank": int(m) % 7, **fields} for m in minutes]


def ranks() -> list[Row]:
    gpus = [g for n in ("n1", "n2") for g in gpus_of(n)]
    return [
        {
            "started_at": 3000,
            "run_id": "r-1",
            "job_id": 7,
            "cluster": "c-a",
            "rank": i,
            "pipeline_stage": 0,
            "node_id": g[:2],
            "gpu_uuid": g,
        }
        for i, g in enumerate(gpus)
    ]


def saves(run: str, last_s: float, bytes_: float = 1e11) -> list[Row]:
    base = {"run_id": run, "cluster": "c-a", "kind": "save", "mount": "/scratch", "outcome": "ok"}
    old = [{"ts": m, **base, "duration_s": 60.0, "bytes": 1e11} for m in steps(3000, 200, 300)]
    return [*old, {"ts": 20, **base, "duration_s": last_s, "bytes": bytes_}]


def servers(queue_ms: float, since: float = 40, **more: object) -> list[Row]:
    return [
        {
            "ts": m,
            "cluster": "c-a",
            "mount": "/scratch",
            "server": s,
            "role": "server",
            "rpc_queue_ms": queue_ms if m <= since else 3.0,
            "free_pct": 50.0,
            **more,
        }
        for s in ("oss1", "oss2")
        for m in steps(1560, every=5)
    ]


def repairs(count: int, action: str = "RESET_GPU") -> list[Row]:
    return [
        {"ts": 60 + 1440 * i, "cluster": "c-a", "node_id": "n1", "gpu_uuid": "", "action": action, "result": "ok"}
        for i in range(count)
    ]


def window(scope: str, start: float, end: float, level: str = "node") -> Row:
    return {
        "start_at": start,
        "end_at": end,
        "announced_at": start + 1440,
        "window_id": "w-1",
        "cluster": "c-a",
        "scope_level": level,
        "scope_id": scope,
        "kind": "upgrade",
    }


def oom(count: int, user: str = "u1") -> list[Row]:
    return [
        {"end_at": 30 + i, "cluster": "c-a", "job_id": i, "user": user, "state": "OUT_OF_MEMORY", "exit_code": 137}
        for i in range(count)
    ]


Case = tuple[str, list[str], Callable[[], Tables], set[str]]
CASES: list[Case] = [
    ("XID 79 names the GPU", ["F1"], lambda: {"gpu_events": [xid(79)]}, {"F1 gpu:n1-g3"}),
    ("XID 79 repaired an hour ago", ["F1"], lambda: {"gpu_events": [xid(79, 90)], "remediations": repairs(1, "REBOOT")}, set()),
    ("the sticky gauge is not an event", ["F1"], lambda: {"gpu_metrics": gpu_rows("n1-g3", steps(120), xid_last=79)}, set()),
    ("48 with 63 is contained", ["F2", "F6"], lambda: {"gpu_events": [xid(48), xid(63)]}, {"F2 gpu:n1-g3"}),
    ("63 alone is no ticket", ["F2", "F6"], lambda: {"gpu_events": [xid(63)]}, set()),
    ("95 is uncontained", ["F2", "F3"], lambda: {"gpu_events": [xid(48), xid(63), xid(95)]}, {"F3 gpu:n1-g3"}),
    ("64 is a failed remap", ["F2", "F4"], lambda: {"gpu_events": [xid(48), xid(64)]}, {"F4 gpu:n1-g3"}),
    ("140 is SRAM", ["F2", "F6"], lambda: {"gpu_events": [xid(140)]}, {"F6 gpu:n1-g3"}),
    ("48 alone is SRAM", ["F2", "F6"], lambda: {"gpu_events": [xid(48)]}, {"F6 gpu:n1-g3"}),
    (
        "twelve correctable remaps in a day creep",
        ["F5"],
        lambda: {
            "gpu_metrics": [
                r for i, m in enumerate(steps(1400, every=100)) for r in gpu_rows("n1-g3", [m], remap_correctable_total=float(i))
            ]
        },
        {"F5 gpu:n1-g3"},
    ),
    (
        "a counter that restarts does not creep",
        ["F5"],
        lambda: {
            "gpu_metrics": [
                r for m, v in ((900, 500), (600, 0), (300, 500)) for r in gpu_rows("n1-g3", [m], remap_correctable_total=float(v))
            ]
        },
        set(),
    ),
    ("119 names the GPU", ["F7"], lambda: {"gpu_events": [xid(119)]}, {"F7 gpu:n1-g3"}),
    ("the GPU that erred first", ["F8"], lambda: {"gpu_events": [xid(74, 20), xid(74, 19, "n1-g5")]}, {"F8 gpu:n1-g3"}),
    ("one nonfatal 145 is watched", ["F8"], lambda: {"gpu_events": [xid(145, severity="Non-fatal")]}, set()),
    (
        "two nonfatal 145 are not",
        ["F8"],
        lambda: {"gpu_events": [xid(145, 300, severity="Non-fatal"), xid(145, severity="Non-fatal")]},
        {"F8 gpu:n1-g3"},
    ),
    ("slow links to one of eight equals", ["F8"], lambda: {"gpu_metrics": traffic(slow=6e10)}, {"F8 gpu:n1-g3"}),
    ("another job on one GPU", ["F8"], lambda: {"gpu_metrics": traffic(slow=6e10, tensor_active_ratio=0.1)}, set()),
    ("two GPUs of another job", ["F8"], lambda: {"gpu_metrics": traffic("n1-g3", "n1-g4", slow=6e10)}, set()),
    ("traffic a little lower", ["F8"], lambda: {"gpu_metrics": traffic(slow=1.5e11)}, set()),
    ("a fatal SXID is the node's", ["F9"], lambda: {"gpu_events": [sxid(20034, "Fatal"), xid(74)]}, {"F9 node:n1"}),
    ("one 12028 is watched", ["F9"], lambda: {"gpu_events": [sxid(12028, "Non-fatal")]}, set()),
    (
        "half the PCIe lanes",
        ["F10"],
        lambda: {
            "gpu_metrics": [r for g in gpus_of("n1") for r in gpu_rows(g, steps(120), pcie_link_width=8 if g == "n1-g3" else 16)]
        },
        {"F10 gpu:n1-g3"},
    ),
    (
        "idle generation drop",
        ["F10"],
        lambda: {
            "gpu_metrics": [
                r
                for g in gpus_of("n1")
                for r in gpu_rows(g, steps(120), pcie_link_width=16, pcie_link_gen=1 if g == "n1-g3" else 5)
            ]
        },
        set(),
    ),
    (
        "nvidia-smi fails",
        ["F11"],
        lambda: {"health_checks": [check("nvidia_smi", 2, 25), check("nvidia_smi", 2)]},
        {"F11 node:n1"},
    ),
    ("nvidia-smi fails once", ["F11"], lambda: {"health_checks": [check("nvidia_smi", 2)]}, set()),
    (
        "nvidia-smi works again",
        ["F11"],
        lambda: {"health_checks": [check("nvidia_smi", 2, 50), check("nvidia_smi", 0, 5)]},
        set(),
    ),
    ("seven of eight report", ["F12"], lambda: {"gpu_metrics": healthy(2, nodes=("n1",))[: 24 * 7]}, {"F12 node:n1"}),
    (
        "XID 79 explains the missing one",
        ["F12"],
        lambda: {"gpu_metrics": healthy(2, nodes=("n1",))[: 24 * 7], "gpu_events": [xid(79)]},
        set(),
    ),
    (
        "gres count",
        ["F12"],
        lambda: {
            "slurm_nodes": all_states(n1={"state": "drained", "reason": "gres/gpu count reported lower than configured (7 < 8)"})
        },
        {"F12 node:n1"},
    ),
    (
        "one GPU hotter than its siblings",
        ["F13"],
        lambda: {"gpu_metrics": [r for g in gpus_of("n1") for r in day_of(g, {"gpu_temp_c": 69.0 if g == "n1-g3" else 55.0})]},
        {"F13 gpu:n1-g3"},
    ),
    (
        "a slot that is always hotter",
        ["F13"],
        lambda: {"gpu_metrics": [r for g in gpus_of("n1") for r in day_of(g, {}, gpu_temp_c=65.0 if g == "n1-g3" else 55.0)]},
        set(),
    ),
    (
        "all eight warm with their load",
        ["F13"],
        lambda: {"gpu_metrics": [r for g in gpus_of("n1") for r in day_of(g, {"gpu_temp_c": 70.0, "power_w": 650.0})]},
        set(),
    ),
    (
        "one sample of 255 degrees",
        ["F13", "F38"],
        lambda: {"gpu_metrics": healthy(nodes=("n1",)) + gpu_rows("n1-g3", [2.5], gpu_temp_c=255.0)},
        set(),
    ),
    ("a rack warms", ["F14"], lambda: {"facility_env": env(("k1",)), "node_hw": inlets(("n1", "n2", "n3"))}, {"F14 rack:k1"}),
    (
        "both racks warm: the row",
        ["F14"],
        lambda: {
            "facility_env": env(("k1", "k2")),
            "node_hw": [r for r in inlets(NODES)]
            + [{**r, "sensor_id": "inlet_2"} for r in inlets(NODES) if r["node_id"] == "n4"],
        },
        {"F14 row:w1"},
    ),
    ("one sensor warms", ["F14"], lambda: {"facility_env": env(("k1",)), "node_hw": inlets()}, set()),
    ("a leak", ["F15"], lambda: {"facility_env": env(leak_state="Warning")[:312]}, {"F15 rack:k1"}),
    ("a stuck humidity sensor", ["F15"], lambda: {"facility_env": env(humidity_pct=100.0)}, set()),
    ("dry air in both racks is the row's", ["F15"], lambda: {"facility_env": env(humidity_pct=12.0)}, {"F15 row:w1"}),
    ("a stopped fan", ["F16"], lambda: {"node_hw": [*fans("n1", ("fan3",)), *fans("n2")]}, {"F16 node:n1"}),
    ("all fans at zero: powered off", ["F16"], lambda: {"node_hw": fans("n1", tuple(f"fan{i}" for i in range(6)))}, set()),
    ("a fan of a node in standby", ["F16"], lambda: {"node_hw": fans("n1", ("fan3",), state="StandbyOffline")}, set()),
    (
        "three nodes at once are one rack",
        ["F16"],
        lambda: {"node_hw": [r for n in NODES[:3] for r in fans(n, ("fan1",))]},
        {"F16 rack:k1"},
    ),
    ("a dead supply", ["F17", "F18"], lambda: {"node_hw": supplies("n1", ("psu2",))}, {"F17 node:n1"}),
    (
        "a feed of the rack",
        ["F17", "F18"],
        lambda: {"node_hw": [r for n in NODES[:3] for r in supplies(n, ("psu0", "psu1"))]},
        {"F18 rack:k1"},
    ),
    (
        "power brake on two nodes",
        ["F18"],
        lambda: {"gpu_metrics": [r for n in ("n1", "n2") for r in gpu_rows(f"{n}-g0", steps(60), clock_event_reasons=0x80)]},
        {"F18 rack:k1"},
    ),
    (
        "the software power cap is normal",
        ["F18"],
        lambda: {"gpu_metrics": [r for n in ("n1", "n2") for r in gpu_rows(f"{n}-g0", steps(60), clock_event_reasons=4)]},
        set(),
    ),
    (
        "a port is down",
        ["F20", "F21"],
        lambda: {"fabric_ports": ports(steps(180, every=10), n1_mlx5_2={"port_state": "DOWN", "physical_state": "Polling"})},
        {"F20 port:n1/mlx5_2"},
    ),
    (
        "one harmless flap",
        ["F20", "F21"],
        lambda: {"fabric_ports": ports(steps(180, every=10), n1_mlx5_2={"link_downed_total": 3.0})},
        set(),
    ),
    (
        "three flaps",
        ["F20", "F21"],
        lambda: {"fabric_ports": ports(steps(180, every=10), n1_mlx5_2={"link_downed_total": 5.0})},
        {"F20 port:n1/mlx5_2"},
    ),
    (
        "every port of a leaf",
        ["F20", "F21"],
        lambda: {
            "fabric_ports": ports(
                steps(180, every=10), **{p.replace("/", "_"): {"port_state": "DOWN"} for n in NODES[:3] for p in ports_of(n)}
            )
        },
        {"F21 switch:sw1"},
    ),
    (
        "every port of a node that is off",
        ["F20", "F21"],
        lambda: {
            "fabric_ports": ports(steps(180, every=10), **{p.replace("/", "_"): {"port_state": "DOWN"} for p in ports_of("n1")})
        },
        set(),
    ),
    (
        "a slow port",
        ["F22"],
        lambda: {"fabric_ports": ports(steps(180, every=10), n1_mlx5_2={"rate_gbps": 200.0})},
        {"F22 port:n1/mlx5_2"},
    ),
    (
        "a port without GID",
        ["F22"],
        lambda: {"fabric_ports": ports(steps(180, every=10), n1_mlx5_2={"gid": ""})},
        {"F22 port:n1/mlx5_2"},
    ),
    ("a stalled filesystem", ["F24"], lambda: {"fs_metrics": servers(90.0)}, {"F24 mount:c-a//scratch"}),
    ("a burst of one sample", ["F24"], lambda: {"fs_metrics": servers(90.0, since=5)}, set()),
    (
        "a disk with media errors",
        ["F25"],
        lambda: {
            "fs_metrics": [
                {
                    "ts": m,
                    "cluster": "c-a",
                    "mount": "/local",
                    "server": "n1",
                    "node_id": "n1",
                    "role": "local",
                    "free_pct": 60.0,
                    "smart_media_errors_total": 9.0 if m < 30 else 0.0,
                }
                for m in steps(180)
            ]
        },
        {"F25 node:n1"},
    ),
    (
        "an uncorrected machine check",
        ["F26"],
        lambda: {"syslog": [syslog("mce: [Hardware Error]: CPU 3: Machine Check: 0 Bank 7: uncorrected")]},
        {"F26 node:n1"},
    ),
    (
        "corrected EDAC",
        ["F26"],
        lambda: {"syslog": [syslog("EDAC MC0: 1 CE memory read error on CPU_SrcID#0", severity="warning")]},
        set(),
    ),
    (
        "panic and silence",
        ["F27", "UNKNOWN"],
        lambda: {
            "syslog": [syslog("Kernel panic - not syncing: Fatal exception", severity="emerg")],
            "slurm_nodes": all_states(n1={"state": "down", "not_responding": 1}),
            "gpu_metrics": healthy(2, nodes=("n2",)) + [r for g in gpus_of("n1") for r in gpu_rows(g, steps(120, 30))],
        },
        {"F27 node:n1", "UNKNOWN node:n1"},
    ),
    (
        "silence without a cause is unknown",
        ["F27", "UNKNOWN", "F38"],
        lambda: {
            "slurm_nodes": all_states(n1={"state": "down", "not_responding": 1}),
            "gpu_metrics": healthy(2, nodes=("n2",)) + [r for g in gpus_of("n1") for r in gpu_rows(g, steps(120, 30))],
        },
        {"UNKNOWN node:n1"},
    ),
    (
        "an exporter gap while jobs run",
        ["F27", "UNKNOWN", "F38"],
        lambda: {
            "slurm_nodes": all_states(),
            "gpu_metrics": healthy(2, nodes=("n2", "n3", "n4")) + [r for g in gpus_of("n1") for r in gpu_rows(g, steps(120, 30))],
        },
        {"F38 node:n1"},
    ),
    (
        "a node that was down and is back, its first GPU sample still to come",
        ["F27", "UNKNOWN", "F38"],
        lambda: {
            "slurm_nodes": [
                *all_states(n1={"state": "down", "not_responding": 1, "since": 26}),
                *(r for r in states("n1", since=3) if r["ts"] == 3),  # type: ignore[operator]
            ],
            "gpu_metrics": healthy(2, nodes=("n2", "n3", "n4")) + [r for g in gpus_of("n1") for r in gpu_rows(g, steps(120, 30))],
        },
        set(),
    ),
    (
        "a kubelet that stopped while the GPUs go on",
        ["UNKNOWN", "F38"],
        lambda: {"slurm_nodes": all_states(), "gpu_metrics": healthy(2), "k8s_node_conditions": ready("Unknown", 20)},
        {"F38 node:n1"},
    ),
    (
        "a kubelet that is late by minutes",
        ["UNKNOWN", "F38"],
        lambda: {"slurm_nodes": all_states(), "gpu_metrics": healthy(2), "k8s_node_conditions": ready("Unknown", 5)},
        set(),
    ),
    (
        "monitoring of the cluster is out",
        ["UNKNOWN", "F38"],
        lambda: {
            "slurm_nodes": all_states(),
            "gpu_metrics": [r for n in NODES for g in gpus_of(n) for r in gpu_rows(g, steps(120, 30))],
        },
        {"F38 cluster:c-a"},
    ),
    (
        "kill task failed",
        ["F28"],
        lambda: {"slurm_nodes": all_states(n1={"state": "drained", "reason": "Kill task failed"})},
        {"F28 node:n1"},
    ),
    ("drained by hand", ["F28"], lambda: {"slurm_nodes": all_states(n1={"state": "drained", "reason": "firmware"})}, set()),
    (
        "jobs blocked while GPUs idle",
        ["F29"],
        lambda: {
            "slurm_queue": [
                {
                    "ts": m,
                    "cluster": "c-a",
                    "partition": "batch",
                    "reason": "AssocGrpGRES",
                    "jobs": 20 if m < 30 else 0,
                    "gpus": 160 if m < 30 else 0,
                }
                for m in steps(300)
            ],
            "slurm_sched": [
                {"ts": m, "cluster": "c-a", "gpus_total": 512, "gpus_idle": 200 if m < 30 else 4} for m in steps(300)
            ],
        },
        {"F29 partition:c-a/batch"},
    ),
    (
        "a real shortage",
        ["F29"],
        lambda: {
            "slurm_queue": [
                {
                    "ts": m,
                    "cluster": "c-a",
                    "partition": "batch",
                    "reason": "AssocGrpGRES",
                    "jobs": 20 if m < 30 else 0,
                    "gpus": 160 if m < 30 else 0,
                }
                for m in steps(300)
            ],
            "slurm_sched": [{"ts": m, "cluster": "c-a", "gpus_total": 512, "gpus_idle": 0} for m in steps(300)],
        },
        set(),
    ),
    ("three OOMs of a user", ["F30"], lambda: {"slurm_jobs": oom(3)}, {"F30 user:u1"}),
    ("one OOM", ["F30"], lambda: {"slurm_jobs": oom(1)}, set()),
    (
        "a wave of preemptions",
        ["F30"],
        lambda: {"slurm_jobs": [{**r, "state": s} for s in ("PREEMPTED", "CANCELLED") for r in oom(9)]},
        set(),
    ),
    (
        "one rank slows",
        ["F31"],
        lambda: {
            "training_ranks": ranks(),
            "training_steps": run_minutes(steps(600, 40, 2))
            + run_minutes(steps(40, every=1), slowest_rank=3, rank_max_step_s=5.2),
        },
        {"F31 gpu:n1-g3"},
    ),
    (
        "a stage that was always slow",
        ["F31"],
        lambda: {
            "training_ranks": ranks(),
            "training_steps": run_minutes(steps(600, every=2), slowest_rank=3, rank_max_step_s=5.2),
        },
        set(),
    ),
    (
        "a replay differs",
        ["F32"],
        lambda: {
            "training_evals": [{"ts": 30, "run_id": "r-1", "cluster": "c-a", "kind": "replay", "node_id": "n1", "mismatch": 1}]
        },
        {"F32 node:n1"},
    ),
    (
        "a loss spike",
        ["F33"],
        lambda: {
            "training_steps": run_minutes(steps(600, 30, 2))
            + run_minutes([20, 19.5, 19.2], grad_norm=20.0, loss=3.5)
            + run_minutes(steps(19, every=1))
        },
        {"F33 run:r-1"},
    ),
    (
        "steady training",
        ["F31", "F33", "F34"],
        lambda: {
            "training_ranks": ranks(),
            "training_steps": run_minutes(steps(600, every=1)),
            "gpu_metrics": healthy(6, nodes=("n1", "n2")),
        },
        set(),
    ),
    (
        "steps stop at full utilisation and low power",
        ["F34"],
        lambda: {
            "training_ranks": ranks(),
            "training_steps": run_minutes(steps(350, 25, 1)),
            "gpu_metrics": [
                r
                for n in ("n1", "n2")
                for g in gpus_of(n)
                for r in gpu_rows(g, steps(350, 25)) + gpu_rows(g, steps(25), power_w=130.0, gpu_util_pct=100.0)
            ],
        },
        {"F34 run:r-1"},
    ),
    (
        "a run that ended",
        ["F34"],
        lambda: {
            "training_ranks": ranks(),
            "training_steps": run_minutes(steps(350, 25, 1)),
            "gpu_metrics": [
                r
                for n in ("n1", "n2")
                for g in gpus_of(n)
                for r in gpu_rows(g, steps(350, 25)) + gpu_rows(g, steps(25), power_w=90.0, gpu_util_pct=0.0)
            ],
        },
        set(),
    ),
    ("a slow save", ["F35"], lambda: {"checkpoints": saves("r-1", 300.0)}, {"F35 run:r-1"}),
    ("a bigger model", ["F35"], lambda: {"checkpoints": saves("r-1", 300.0, 6e11)}, set()),
    (
        "two runs save slowly",
        ["F35"],
        lambda: {"checkpoints": saves("r-1", 300.0) + saves("r-2", 400.0)},
        {"F35 mount:c-a//scratch"},
    ),
    (
        "a spare is out of stock",
        ["SUPPLY"],
        lambda: {
            "supply_chain": [
                {
                    "ts": 5000,
                    "part_no": "P1",
                    "part_type": "gpu",
                    "stock_on_hand": 0,
                    "on_order": 4,
                    "lead_time_days": 63.0,
                    "open_rma": 1,
                }
            ],
            "parts_replacements": [{"ts": 5000, "part_no": "P1", "part_type": "gpu", "node_id": "n1"}],
        },
        {"SUPPLY part:P1"},
    ),
    (
        "nobody needs the empty shelf",
        ["SUPPLY"],
        lambda: {
            "supply_chain": [
                {
                    "ts": 5000,
                    "part_no": "P1",
                    "part_type": "gpu",
                    "stock_on_hand": 0,
                    "on_order": 4,
                    "lead_time_days": 63.0,
                    "open_rma": 0,
                }
            ]
        },
        set(),
    ),
    ("five repairs in a week", ["C10"], lambda: {"remediations": repairs(5)}, {"C10 node:n1"}),
    ("four repairs in a week", ["C10"], lambda: {"remediations": repairs(4)}, set()),
    (
        "still drained after the window",
        ["C8"],
        lambda: {
            "slurm_nodes": all_states(n1={"state": "maint", "since": 300.0}),
            "maintenance_windows": [window("n1", 310, 60)],
        },
        {"C8 node:n1"},
    ),
    (
        "drained for another reason after the window",
        ["C8"],
        lambda: {
            "slurm_nodes": [*all_states(n1={"since": 300.0}), *all_states(n1={"state": "drained", "since": 5.0})],
            "maintenance_windows": [window("n1", 310, 60)],
        },
        set(),
    ),
    (
        "drained inside the window",
        ["C8"],
        lambda: {
            "slurm_nodes": all_states(n1={"state": "maint", "since": 300.0}),
            "maintenance_windows": [window("n1", 310, -60)],
        },
        set(),
    ),
    (
        "back in service after the window",
        ["C8"],
        lambda: {"slurm_nodes": all_states(), "maintenance_windows": [window("k1", 310, 60, "rack")]},
        set(),
    ),
    (
        "a user's XID storm is harmless",
        ["USER_ERRORS", "F1", "F7", "F8"],
        lambda: {"gpu_events": [xid(c, gpu=f"{n}-g1", user="u1") for n in NODES for c in (13, 43, 45)]},
        {"USER_ERRORS user:u1"},
    ),
]


@pytest.mark.parametrize(("modes", "tables", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_playbook(modes: list[str], tables: Callable[[], Tables], expected: set[str]) -> None:
    assert named(findings(tables(), modes)) == expected


DEFAULT = [
    c
    for c in CASES
    if c[0] not in ("half the PCIe lanes", "power brake on two nodes", "idle generation drop", "the software power cap is normal")
]


@pytest.mark.parametrize(("modes", "tables", "expected"), [c[1:] for c in DEFAULT[::4]], ids=[c[0] for c in DEFAULT[::4]])
def test_the_default_exporter_profile_is_enough(modes: list[str], tables: Callable[[], Tables], expected: set[str]) -> None:
    assert named(findings(tables(), modes, leave_out=OPT_IN)) == expected
