"""F20 to F23: the compute fabric. A cable, a switch, an adapter, too much traffic.

Thresholds of what counts as a flap or a drop: leptonai/gpud component documentation; congestion durations of 24 to
72 minutes: GREYHOUND (fail-slow study).
"""

import numpy as np

from llo11ypop.simulator.incidents.case import HOUR, MINUTE, Case
from llo11ypop.simulator.incidents.placement import Placement
from llo11ypop.simulator.incidents.repair import repair
from llo11ypop.simulator.incidents.runs import slow_run, stop_traffic
from llo11ypop.simulator.truth import Truth
from llo11ypop.simulator.world import World

NCCL_TIMEOUT = "Watchdog caught collective operation timeout: WorkNCCL(OpType=ALLREDUCE)"
NCCL_S = (10 * MINUTE, 30 * MINUTE)
"""From a dead link to the job's death: the watchdog of NCCL (ByteRobust, arXiv 2509.16293)."""


def f20(world: World, at: Placement) -> Truth:
    """A link goes down for good, or flaps three times and more within twelve hours; jobs time out in NCCL."""
    c = Case(world, at, "F20")
    port = c.place.port
    flapping = c.chance(0.45) and c.end - c.t > 6 * HOUR
    _jobs_time_out(c, c.node, 0.35 if flapping else 0.8)
    repair(c, "TECH", reason="NHC: check_hw_ib link down", part=c.one_of("optic", "cable"), swap=0.7)
    if flapping:
        established = flap(c, port, int(c.scaled(4, 14)), min(c.end - c.t, 11 * HOUR))
        return c.truth(first_s=established, text="fabric link flaps")
    link_down(c, [port], c.t, c.end)
    c.log(c.node, c.t + c.within(0, 2), f"mlx5_core 0000:18:00.0 {port.split('/')[1]}: Link down", severity="warning")
    if c.chance(0.3):
        c.row(
            "syslog",
            c.t - c.within(5, 900),
            note=False,
            node_id=c.node,
            facility="kern",
            severity="err",
            process="kernel",
            message="mlx5_core 0000:18:00.0: Port module event[error]: module 0, Cable error, High Temperature",
        )
    return c.truth(text="fabric link down")


def _jobs_time_out(c: Case, node: str, share: float) -> None:
    """Multi-node jobs on a node die in NCCL some time after the link."""
    jobs = [j for j in c.jobs_on([node]) if c.world.jobs.column["n_nodes"][j] > 1 and c.chance(share)]
    c.fail_jobs(jobs, *NCCL_S, exit_code=134, exit_signal=6, reason=NCCL_TIMEOUT)


def link_down(c: Case, ports: list[str], start_s: float, end_s: float, *, decisive: bool = True) -> None:
    """Ports that are down: state, physical state, counters, no traffic, a light module."""
    c.put("fabric_ports", ports, "port_state", "DOWN", start_s, end_s, decisive=decisive)
    c.put("fabric_ports", ports, "physical_state", "Polling", start_s, end_s, decisive=False)
    c.count("fabric_ports", ports, "link_downed_total", 1.0, start_s, start_s, decisive=decisive)
    c.count("fabric_ports", ports, "carrier_changes_total", 1.0, start_s, start_s, decisive=False)
    c.put("fabric_ports", ports, "rate_gbps", 0.0, start_s, end_s, decisive=False)
    stop_traffic(c, ports, start_s, end_s)
    c.count("fabric_ports", ports, "carrier_changes_total", 1.0, end_s, end_s, decisive=False)


def flap(c: Case, port: str, times: int, within_s: float) -> float:
    """Down and up again, several times; returns when the third one happened (a flap is established)."""
    when = np.sort(np.append(c.rng.random(times - 1) * within_s, 0.0)) + c.t
    for i, at in enumerate(when):
        c.count("fabric_ports", port, "link_downed_total", 1.0, float(at), float(at))
        c.count("fabric_ports", port, "carrier_changes_total", 2.0, float(at), float(at), decisive=False)
        c.count("fabric_ports", port, "link_error_recovery_total", 1.0, float(at), float(at), decisive=False)
        c.count("fabric_ports", port, "symbol_error_total", c.scaled(20, 3000), float(at), float(at) + 900, decisive=False)
        if i < 8:
            c.log(c.node, float(at), f"mlx5_core 0000:18:00.0 {port.split('/')[1]}: Link down", severity="warning")
            c.log(c.node, float(at) + c.within(2, 60), f"mlx5_core 0000:18:00.0 {port.split('/')[1]}: Link up", severity="info")
    c.put("fabric_ports", port, "effective_ber", 10 ** -c.scaled(11, 8), decisive=False)
    return float(when[2]) if len(when) > 2 else float(when[-1])


def f21(world: World, at: Placement) -> Truth:
    """A leaf dies: every port on it down within half a minute, the jobs of all its nodes die together."""
    c = Case(world, at, "F21")
    dead_leaf(c, at.name)
    return c.truth(extra={"port": tuple(_ports_of(c, at.name))})


def _ports_of(c: Case, switch: str) -> list[str]:
    """Port ids cabled to a switch."""
    return [p.port_id for n in c.world.shape.switch(switch).nodes for p in c.world.shape.node_ports(n)]


def dead_leaf(c: Case, switch: str) -> list[str]:
    """The signature of a dead leaf; returns the ports."""
    ports = _ports_of(c, switch)
    jobs = [j for j in c.jobs_on(c.nodes) if c.world.jobs.column["n_nodes"][j] > 1]
    c.fail_jobs(jobs, *NCCL_S, together=True, exit_code=134, exit_signal=6, reason=NCCL_TIMEOUT, requeue=0.8)
    link_down(c, ports, c.t, c.end)
    for node in c.nodes:
        c.log(node, c.t + c.within(0, 30), "mlx5_core 0000:18:00.0 mlx5_0: Link down", severity="warning")
    for column in ("reachable", "ports_up"):
        c.put("switch_metrics", switch, column, 0)
    probes = sorted({u for n in c.nodes for u in (*c.units("net_probe", src_node=n), *c.units("net_probe", dst_node=n))})
    c.put("net_probe", probes, "loss_ratio", 1.0, decisive=False)
    for column in ("rtt_p50_us", "rtt_p99_us"):
        c.put("net_probe", probes, column, np.nan, decisive=False)
    return ports


def f22(world: World, at: Placement) -> Truth:
    """An adapter runs at a lower rate or width, has lost its GID, or is gone."""
    c = Case(world, at, "F22")
    port = c.place.port
    variant = c.one_of("rate", "rate", "width", "gid", "lost")
    if variant in ("gid", "lost"):
        _jobs_time_out(c, c.node, 0.6)
    repair(c, "TECH", reason="NHC: check_hw_ib rate", part="hca", swap=0.6)
    if variant == "rate":
        c.put("fabric_ports", port, "rate_gbps", c.one_of(200.0, 100.0))
    elif variant == "width":
        c.put("fabric_ports", port, "pcie_width", 8)
    elif variant == "gid":
        c.put("fabric_ports", port, "gid", "")
        c.check(c.node, "ib_link", f"{port.split('/')[1]}: GID table empty", c.t + c.within(60, 1200), c.end)
    else:
        c.silence("fabric_ports", [port])
        c.check(c.node, "ib_link", f"{port.split('/')[1]}: device not found", c.t + c.within(60, 1200), c.end)
        c.log(c.node, c.t, f"mlx5_core 0000:18:00.0: {port.split('/')[1]}: device's health compromised - reached miss count")
    if variant in ("rate", "width"):
        slow_run(c, c.node, 1 + c.scaled(0.03, 0.25))
    return c.truth(text={"rate": "adapter at a lower rate", "width": "adapter at half PCIe width", "gid": "adapter lost its GID",
                         "lost": "adapter gone"}[variant], also=(f"node:{c.node}",))  # fmt: skip


def f23(world: World, at: Placement) -> Truth:
    """Congestion: waits, CNPs and pauses on many ports, tails of the round trip ×3 to ×10, longer steps, no errors."""
    c = Case(world, at, "F23")
    struck = c.nodes[: max(2, int(len(c.nodes) * c.scaled(0.5, 1.0)))]
    ports = [p.port_id for n in struck for p in world.shape.node_ports(n)]
    hours = (c.end - c.t) / HOUR
    c.count("fabric_ports", ports, "xmit_wait_total", c.scaled(3e8, 4e9) * hours)
    if world.shape.cluster(c.place.cluster).link_layer == "roce":
        c.count("fabric_ports", ports, "cnp_sent_total", c.scaled(3e5, 4e6) * hours)
        c.count("fabric_ports", ports, "rx_pause_total", c.scaled(5e4, 1e6) * hours)
    probes = sorted({u for n in struck for u in c.units("net_probe", src_node=n)})
    c.scale("net_probe", probes, "rtt_p99_us", c.scaled(3, 10))
    c.scale("net_probe", probes, "rtt_p50_us", c.scaled(1.2, 2.0), decisive=False)
    slow_run(c, c.node, 1 + c.scaled(0.15, 1.0), all_nodes=True)
    return c.truth(forbidden=("RMA", "TECH", "RESET_GPU", "REBOOT"), also=tuple(
        f"switch:{s.switch_id}" for s in world.shape.switches if s.cluster == c.place.cluster))  # fmt: skip


MODES = {"F20": f20, "F21": f21, "F22": f22, "F23": f23}
