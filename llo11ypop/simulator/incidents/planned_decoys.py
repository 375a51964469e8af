"""D10 to D18: more of what is no fault. Stress tests, upgrades, stale gauges, clocks, new hardware, twice-told lines.

A stress test over fourteen nodes at once is day 125.75 of the InfiniteHBD fault trace; failures in the first
minutes of new clusters are from Aegis (NSDI'25).
"""

import numpy as np

from llo11ypop.simulator.incidents import lines
from llo11ypop.simulator.incidents.case import DAY, HOUR, MINUTE, Case
from llo11ypop.simulator.incidents.decoys import harmless, take_out
from llo11ypop.simulator.incidents.network import link_down
from llo11ypop.simulator.incidents.placement import Placement
from llo11ypop.simulator.incidents.telemetry import hold
from llo11ypop.simulator.truth import Truth
from llo11ypop.simulator.world import World


def d10(world: World, at: Placement) -> Truth:
    """A stress test on many nodes at once: full power, heat, some checks fail, all announced."""
    c = Case(world, at, "D10")
    for node in c.nodes:
        world.maintenance(
            "node",
            node,
            c.t,
            c.end,
            "stress_test",
            announced_s=c.t - c.within(3, 48) * HOUR,
            cluster=world.shape.node(node).cluster,
            description="burn and NCCL stress test",
            window_id=f"CHG-ST{int(c.t) % 100000}",
        )
    take_out(c, "stress test")
    for node in c.nodes:
        gpus, tdp = c.gpus(node), world.shape.model(node).tdp_w
        c.put("gpu_metrics", gpus, "gpu_util_pct", 100.0, decisive=False)
        c.put("gpu_metrics", gpus, "power_w", round(tdp * 0.995, 1), decisive=False)
        c.shift("gpu_metrics", gpus, "gpu_temp_c", c.within(24, 34), decisive=False)
        c.put("gpu_metrics", gpus, "clock_event_reasons", 4, decisive=False)
        if c.chance(0.25):
            c.check(
                node,
                "dcgm_diag",
                "diag level 3 failed: memory bandwidth below limit",
                c.t + c.within(0.2, 0.8) * (c.end - c.t),
                decisive=False,
            )
        if c.chance(0.2):
            c.xid(c.one_of(*gpus), 31, lines.mmu_fault(c.rng), c.t + c.within(0.1, 0.9) * (c.end - c.t), decisive=False)
    return harmless(c, "announced stress test", planned=True, causes=("stress_test",))


def d11(world: World, at: Placement) -> Truth:
    """A gauge still shows the XID of a fault that was fixed long ago; no log line, no failing job."""
    c = Case(world, at, "D11")
    c.put("gpu_metrics", c.place.gpu, "xid_last", int(c.one_of(79, 48, 119, 63, 74, 94, 31)), decisive=False)
    return harmless(c, "sticky XID gauge of a fault that is over", causes=("sticky_gauge",))


def d12(world: World, at: Placement) -> Truth:
    """A switch is upgraded in its window: every link on it goes down and comes back."""
    c = Case(world, at, "D12")
    switch = at.name
    world.maintenance(
        "switch",
        switch,
        c.t,
        c.end,
        "upgrade",
        announced_s=c.t - c.within(24, 120) * HOUR,
        cluster=world.shape.switch(switch).cluster,
        description="switch firmware upgrade",
    )
    take_out(c, "switch upgrade", state="maint" if c.chance(0.5) else "reserved")
    for start, end in ((0.1, 0.45), (0.55, 0.7)):
        a, b = (c.t + share * (c.end - c.t) for share in (start, end))
        ports = [p.port_id for n in c.nodes for p in world.shape.node_ports(n)]
        link_down(c, ports, a, b, decisive=False)
        c.put("switch_metrics", switch, "reachable", 0, a, b, decisive=False)
        c.put("switch_metrics", switch, "ports_up", 0, a, b, decisive=False)
    c.put("switch_metrics", switch, "firmware", "31.2014.1068", c.t + 0.45 * (c.end - c.t), world.duration_s, decisive=False)
    return harmless(c, "announced switch upgrade", planned=True)


def d13(world: World, at: Placement) -> Truth:
    """One pipeline stage has more to do than the others: its ranks are slow on every node it runs on, hardware is fine."""
    c = Case(world, at, "D13")
    run = next(r for r in world.runs if r.run_id == at.name)
    stages = max(run.pipeline_stages, 1)
    factor, stage = c.scaled(1.12, 1.45), int(c.rng.integers(stages))
    grid = world.run_steps
    nodes = run.nodes_at(c.t)
    c.nodes = list(nodes)
    c.scale("training_steps", run.run_id, "step_time_s", factor, decisive=False)
    c.scale("training_steps", run.run_id, "rank_max_step_s", factor, decisive=False)
    c.scale("training_steps", run.run_id, "mean_seq_len", 1.0 if stages > 1 else factor, decisive=False)
    if grid is not None and nodes:
        span = grid.span(c.t, c.end)
        per = max(run.ranks // stages, 1)
        ranks = stage * per + c.rng.integers(0, per, span.stop - span.start)
        codes = np.array([grid.code("slowest_node", n) for n in nodes])
        row = grid.row(run.run_id)
        c.strokes.append(lambda: grid.put("slowest_rank", row, span, ranks))
        c.strokes.append(lambda: grid.put("slowest_node", row, span, codes[np.minimum(ranks // 8, len(codes) - 1)]))
    return harmless(c, "uneven pipeline stages or longer sequences", causes=("pipeline_imbalance",), extra={"run": (run.run_id,)})


def d14(world: World, at: Placement) -> Truth:
    """The clock of a node is minutes off: its log lines carry another time than its metrics."""
    c = Case(world, at, "D14")
    skew = c.one_of(-1, 1) * c.scaled(90, 420)
    for table in ("syslog", "gpu_events"):
        _skew(world, table, c.node, c.t, c.end, skew)
    c.log(c.node, c.t + 60, f"System clock wrong by {skew:.6f} seconds", facility="daemon", severity="warning", process="chronyd")
    jobs = c.jobs_on([c.node], c.t + HOUR)
    if jobs:
        gpu = world.jobs.gpus_of(jobs[0])[0].gpu_uuid
        c.fail_jobs(jobs[:1], 0, 20, at_s=c.t + HOUR, exit_code=134, exit_signal=6, requeue=0)
        if world.shape.gpu(gpu).node_id == c.node:
            c.xid(gpu, 31, lines.mmu_fault(c.rng), c.t + HOUR + skew, decisive=False)
    return harmless(c, "node clock off by minutes", causes=("clock_skew",), acceptable=("NONE", "PLATFORM"))


def _skew(world: World, table: str, node: str, start_s: float, end_s: float, skew_s: float) -> None:
    """Move the stamps of a node's event rows."""
    for chunk in world.events.get(table, []):
        ts = np.asarray(chunk["ts"], dtype=float)
        if ts.ndim == 0:
            continue
        mine = np.broadcast_to(np.asarray(chunk.get("node_id", ""), dtype=object) == node, ts.shape)
        hit = mine & (ts >= start_s) & (ts < end_s)
        if hit.any():
            chunk["ts"] = np.where(hit, np.clip(ts + skew_s, 0, world.duration_s - 1), ts)


def d15(world: World, at: Placement) -> Truth:
    """Idle GPUs save power: PCIe generation 1 and low clocks until the next job."""
    c = Case(world, at, "D15")
    gpus = c.gpus()
    for column, value in (("pcie_link_gen", 1), ("gpu_util_pct", 0.0), ("tensor_active_ratio", 0.0), ("clock_event_reasons", 1)):
        c.put("gpu_metrics", gpus, column, value, decisive=False)
    model = world.shape.model(c.node)
    c.put("gpu_metrics", gpus, "sm_clock_mhz", model.idle_clock_mhz, decisive=False)
    c.put("gpu_metrics", gpus, "power_w", lambda t: model.idle_w + 2 * np.sin(t / 500), decisive=False)
    c.put("gpu_metrics", gpus, "gpu_temp_c", lambda t: np.rint(34 + np.sin(t / 900)), decisive=False)
    return harmless(c, "idle power saving")


def d16(world: World, at: Placement) -> Truth:
    """A node is taken away for good; its last values linger for a while, then stop."""
    c = Case(world, at, "D16")
    world.maintenance("node", c.node, c.t, c.end, "decommission", announced_s=c.t - c.within(2, 6) * DAY, cluster=c.place.cluster)
    take_out(c, "decommission", state="down")
    linger = c.t + c.within(2, 20) * HOUR
    for column in ("gpu_temp_c", "power_w", "gpu_util_pct", "mem_temp_c", "sm_clock_mhz"):
        hold(c, c.gpus(), column, c.t, min(linger, c.end), decisive=False)
    for dataset in ("gpu_metrics", "nvlink_metrics"):
        c.silence(dataset, [c.node], linger, c.end, note=False)
    for dataset in ("node_hw", "fabric_ports", "health_checks", "syslog"):
        c.silence(dataset, [c.node], c.t + 20 * MINUTE, c.end, note=False)
    return harmless(c, "decommissioned node, stale values", planned=True, causes=("decommission",))


def d17(world: World, at: Placement) -> Truth:
    """New hardware burns in: jobs die in their first minutes, links flap, checks fail, inside an announced window."""
    c = Case(world, at, "D17")
    for node in c.nodes:
        world.maintenance(
            "node",
            node,
            c.t,
            c.end,
            "burn_in",
            announced_s=c.t - c.within(1, 5) * DAY,
            cluster=world.shape.node(node).cluster,
            description="burn-in after bring-up",
            window_id=f"CHG-BI{int(c.t) % 100000}",
        )
    take_out(c, "burn-in")
    for node in c.nodes:
        for _ in range(int(c.rng.integers(1, 4))):
            when = c.within(c.t, c.end)
            c.xid(c.one_of(*c.gpus(node)), c.one_of(31, 13, 43), lines.mmu_fault(c.rng), when, decisive=False)
        port = c.one_of(*world.shape.node_ports(node)).port_id
        for _ in range(int(c.rng.integers(1, 6))):
            c.count("fabric_ports", port, "link_downed_total", 1.0, (when := c.within(c.t, c.end)), when, decisive=False)
        c.check(node, c.one_of("ib_link", "dcgm_diag"), "not within limits", c.within(c.t, c.end), decisive=False)
    return harmless(c, "burn-in of new hardware", planned=True, causes=("burn_in",))


def d18(world: World, at: Placement) -> Truth:
    """Two collectors deliver the same harmless XID: two rows, one event."""
    c = Case(world, at, "D18")
    gpu = c.place.gpu
    code = int(c.one_of(31, 13, 43, 63))
    text = {31: lines.mmu_fault(c.rng), 13: lines.warp_exception(1, 2, 0), 43: "Ch 00000010", 63: lines.ROW_REMAP}[code]
    pid = str(int(c.rng.integers(3000, 4_000_000)))
    jobs = c.jobs_of_gpu(gpu)
    for collector, late in (("journald", 0.0), ("filebeat", c.one_of(0.0, c.within(0.1, 2)))):
        c.xid(gpu, code, text, c.t + late, pid=pid, process="python3", collector=collector, decisive=False)
    if code != 63:
        c.fail_jobs(jobs, 1, 30, exit_code=134, exit_signal=6, requeue=0)
    return harmless(c, "one XID ingested twice", causes=("duplicate",))


DECOYS = {"D10": d10, "D11": d11, "D12": d12, "D13": d13, "D14": d14, "D15": d15, "D16": d16, "D17": d17, "D18": d18}
