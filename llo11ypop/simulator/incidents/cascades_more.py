"""C6 to C10: chains over tables and over people: a fan to a slow run, hands that break, windows that overrun.

The limit of five remediations in seven days before a human must look is NVIDIA NVSentinel's.
"""

from dataclasses import replace

from llo11ypop.simulator.incidents import lines
from llo11ypop.simulator.incidents.cascades import child, named, under
from llo11ypop.simulator.incidents.case import DAY, HOUR, MINUTE, Case, rise
from llo11ypop.simulator.incidents.cooling import stop_fan
from llo11ypop.simulator.incidents.decoys import take_out
from llo11ypop.simulator.incidents.gpu_bus import degrade_pcie, off_bus
from llo11ypop.simulator.incidents.heat import heat
from llo11ypop.simulator.incidents.placement import Placement
from llo11ypop.simulator.incidents.repair import remedy, repair
from llo11ypop.simulator.incidents.runs import slow_run
from llo11ypop.simulator.incidents.telemetry import blind
from llo11ypop.simulator.truth import Truth
from llo11ypop.simulator.world import World

REMEDIATION_LIMIT = 5


def c6(world: World, at: Placement) -> list[Truth]:
    """A fan stops, one GPU gets warm and throttles, it holds back its run: MFU 9 % down."""
    c = Case(world, at, "F16")
    repair(c, "TECH", reason="fan failure", part="fan")
    warm = stop_fan(c, c.node, c.t, severe=False)
    parent = c.truth(causes=("F16", "fan_failure", "F13", "F31"))
    hot = Case(world, child(at, f"gpu:{warm}", c.t + 20 * MINUTE), "F13")
    heat(hot, [warm], lambda t: 26 * rise(90 * MINUTE)(t), hot.t, hot.end, onset_s=HOUR)
    slow = Case(world, child(at, f"gpu:{warm}", c.t + 2 * HOUR), "F31")
    runs = slow_run(slow, c.node, 1.099, gpu=warm, decisive=True)
    children = [hot.truth(text="warm because its fan stands still")]
    if runs:
        children.append(slow.truth(extra={"run": tuple(runs)}, text="slow because it is warm"))
    return under(named(parent, "C6"), *children)


def c7(world: World, at: Placement) -> list[Truth]:
    """A technician was at the node; since then a GPU's PCIe link runs at half width: the visit did it."""
    c = Case(world, at, "F10")
    visit = c.t - c.within(1.2, 2.5) * HOUR
    work = Case(world, child(at, f"node:{c.node}", visit, end_s=c.t - 5 * MINUTE), "D1")
    window = world.maintenance(
        "node", c.node, visit, work.end, "change", cluster=c.place.cluster, description="DIMM replacement, planned"
    )
    take_out(work, "DIMM replacement")
    work.silence("gpu_metrics", [c.node], visit + 10 * MINUTE, work.end, decisive=False)
    remedy(work, c.node, "TECH", work.end - 4 * MINUTE, actor="j.okafor")
    planned = work.truth(
        ticket=False,
        planned=True,
        severity="S4",
        text="planned DIMM replacement",
        acceptable=("NONE",),
        forbidden=("RMA", "REBOOT"),
    )
    repair(c, "TECH", gpu=c.place.gpu, reason="PCIe link width x8 after the last visit, reseat")
    degrade_pcie(c, c.place.gpu)
    truth = c.truth(related=planned.incident_id, causes=("F10", "C7", "pcie_degraded", "planned_work"),
                    text=f"PCIe at half width since the planned work {window}")  # fmt: skip
    return [named(truth, "C7"), replace(planned, cascade="C7")]


def c8(world: World, at: Placement) -> list[Truth]:
    """A maintenance window is over and the nodes are not back: silent inside it, a ticket after it."""
    c = Case(world, at, "C8")
    over = c.t + c.within(0.3, 0.45) * (c.end - c.t)
    world.maintenance("node", c.node, c.t, over, "upgrade", cluster=c.place.cluster, description="firmware upgrade")
    take_out(c, "firmware upgrade")
    c.first.clear()
    c.proof.clear()
    c.silence("gpu_metrics", [c.node], c.t + 10 * MINUTE, c.end, decisive=False)
    c.see("slurm_nodes", "state", f"node_id = '{c.node}' and state = 'maint' after the window", over, c.end)
    remedy(c, c.node, "REBOOT", c.end - 12 * MINUTE)
    c.repaired = True
    truth = c.truth(
        first_s=over,
        queue="SCHED",
        severity="S3",
        expected="TECH",
        acceptable=("TECH", "DIAG", "REBOOT", "SCHED", "ESCALATE"),
        forbidden=("RMA",),
        causes=("C8", "maintenance_overrun"),
        text="node still away after its window ended",
    )
    return [named(truth, "C8")]


def c9(world: World, at: Placement) -> list[Truth]:
    """The monitoring of a cluster fails while jobs run on; at the same time a GPU elsewhere really falls off the bus."""
    c = Case(world, at, "F38")
    blind(c, "gap", wide=True)
    outage = c.truth(severity="S3", forbidden=("REBOOT", "RMA", "RESET_GPU", "DRAIN", "TECH"))
    others = [n for n in world.shape.nodes if n.cluster != c.place.cluster]
    out = [named(outage, "C9")]
    if others:
        busy = [n for n in others if len(world.jobs.on_node(n.node_id, c.t))] or others
        node = busy[int(c.rng.integers(len(busy)))]
        gpu = node.gpus[int(c.rng.integers(8))]
        real = Case(world, child(at, f"gpu:{gpu}", c.t + c.within(5, 20) * MINUTE, end_s=c.end + 6 * HOUR), "F1")
        off_bus(real, gpu)
        out.append(named(real.truth(), "C9"))
    return out


def c10(world: World, at: Placement) -> list[Truth]:
    """The same node is reset and rebooted five times within seven days and fails again: somebody senior must look.

    Until then each failure is a ticket of its own.
    """
    c = Case(world, at, "C10")
    gpu = c.gpus()[int(c.rng.integers(8))]
    span = min(c.end - c.t, 6.5 * DAY)
    times = [c.t + span * share for share in (0.0, 0.2, 0.42, 0.62, 0.8, 0.97)]
    children, remedied = [], []
    for i, when in enumerate(times):
        mode = c.one_of("F7", "F11")
        k = Case(world, child(at, f"node:{c.node}", when, end_s=when + c.within(1, 3) * HOUR), mode)
        k.fail_jobs(k.jobs_of_gpu(gpu), 30, 900, exit_signal=9, exit_code=137)
        away = when + c.within(10, 30) * MINUTE
        world.node_state(c.node, away, k.end, "drained", reason="[HC] nvidia-smi timeout", reason_user="automation")
        k.xid(gpu, 119, lines.gsp_timeout(world.shape.gpu(gpu).slot, c.rng), when, sticks_until_s=k.end)
        k.check(c.node, "nvidia_smi", "nvidia-smi timed out after 60 s", when + c.within(60, 900), k.end)
        remedied.append(k.end - 5 * MINUTE)
        if i < REMEDIATION_LIMIT:
            remedy(k, c.node, c.one_of("RESET_GPU", "REBOOT"), remedied[-1], gpu=gpu, actor="automation")
        acceptable = ("RESET_GPU", "REBOOT", "DRAIN", "DIAG")
        causes, also = ("F7", "F11", "gsp_timeout", "nvidia_smi_hang"), (f"gpu:{gpu}",)
        children.append(k.truth(text="one of many failures of this node", acceptable=acceptable, causes=causes, also=also))
    fifth = remedied[REMEDIATION_LIMIT - 1]
    c.see("remediations", "action", f"node_id = '{c.node}', five in seven days", fifth, c.end)
    truth = c.truth(queue="GPU-HW", severity="S2", expected="ESCALATE", acceptable=("ESCALATE", "RMA", "DIAG"),
                    forbidden=("RESET_GPU", "REBOOT"), causes=("C10", "F37", "repeated_remediation", "lemon_node", "F7", "F11"),
                    text="five remediations in seven days did not help", also=(f"gpu:{gpu}",))  # fmt: skip
    late = under(named(truth, "C10"), *children[REMEDIATION_LIMIT:])
    return [*late, *(named(c, "C10") for c in children[:REMEDIATION_LIMIT])]


CASCADES = {"C6": c6, "C7": c7, "C8": c8, "C9": c9, "C10": c10}
