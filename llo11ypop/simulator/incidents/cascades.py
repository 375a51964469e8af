"""C1 to C5: one cause, many symptoms, in an order. The parent carries the ticket, children only point to it.

Orders and lags are our assumption, except: upper rack units first (Titan, SC'20), NCCL timeouts of 10 to 30 minutes
(ByteRobust, arXiv 2509.16293).
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from llo11ypop.simulator.incidents.case import DAY, HOUR, MINUTE, Case, rise
from llo11ypop.simulator.incidents.cooling import lose_cooling
from llo11ypop.simulator.incidents.fleetwide import regress, roll_out
from llo11ypop.simulator.incidents.gpu_memory import creep, double_bit, remap_failure
from llo11ypop.simulator.incidents.network import dead_leaf
from llo11ypop.simulator.incidents.placement import Placement
from llo11ypop.simulator.incidents.repair import part_for, remedy, repair
from llo11ypop.simulator.incidents.storage import stall
from llo11ypop.simulator.truth import Truth
from llo11ypop.simulator.world import World


def under(parent: Truth, *children: Truth) -> list[Truth]:
    """The parent with its cascade's name, then children without tickets that point to it."""
    cascade = parent.cascade
    return [parent, *(replace(c, parent_id=parent.incident_id, cascade=cascade, expected_ticket=False) for c in children)]


def child(at: Placement, entity: str, start_s: float, *, end_s: float | None = None, nodes: tuple[str, ...] = ()) -> Placement:
    """A placement inside a cascade."""
    end = at.end_s if end_s is None else end_s
    return replace(at, entity=entity, start_s=start_s, duration_s=max(end - start_s, 60.0), nodes=nodes, out_s=0.0)


def named(parent: Truth, cascade: str) -> Truth:
    """The truth with the cascade's name."""
    return replace(parent, cascade=cascade)


def c1(world: World, at: Placement) -> list[Truth]:
    """A row's air handler stops, and everything that hangs on its air follows within the hour.

    Return air at +3 min, inlets +8, fans +12, GPUs +18 (upper units first), bit 0x20 at +22, longer steps at +30,
    bit 0x40 and failing checks at +45, jobs die at +60.
    """
    c = Case(world, at, "F14")
    jobs = [j for j in c.jobs_on(c.nodes) if c.chance(0.5)]
    died = c.fail_jobs(jobs, 60 * MINUTE, 75 * MINUTE, exit_code=1, reason="thermal shutdown")
    units = sorted({world.shape.node(n).row for n in c.nodes})
    for row in units:
        c.shift(
            "facility_env",
            world.shape.row(row).crac,
            "return_c",
            lambda t: c.scaled(6, 10) * rise(9 * MINUTE)(t),
            c.t + 3 * MINUTE,
        )
    lose_cooling(c, c.scaled(13, 18), ramp_s=12 * MINUTE, gpu_lag_s=8 * MINUTE, delay_s=5 * MINUTE)
    upper = sorted(c.nodes, key=lambda n: -world.shape.node(n).rack_unit)
    children = []
    for i, node in enumerate(upper[:4]):
        k = Case(world, child(at, f"node:{node}", c.t + (18 + 2 * i) * MINUTE), "F13")
        k.check(node, "nvidia_smi", "GPU temperature near slowdown limit", c.t + (45 + 2 * i) * MINUTE, c.end)
        k.see("gpu_metrics", "clock_event_reasons", f"node_id = '{node}' and bit 0x20", c.t + (22 + 2 * i) * MINUTE, c.end)
        children.append(k.truth(level="node", name=node, text="throttles because its rack is hot"))
    if died:
        k = Case(world, child(at, f"node:{upper[0]}", c.t + 60 * MINUTE), "F34")
        k.see("slurm_jobs", "state", "jobs of the row", c.t + 60 * MINUTE, c.end)
        children.append(k.truth(level="node", name=upper[0], text="jobs die of heat"))
    return under(named(c.truth(), "C1"), *children)


def c2(world: World, at: Placement) -> list[Truth]:
    """A driver roll-out to a fifth of the nodes, XID 119 there within days, and warm weather that has no part in it."""
    c = Case(world, at, "F36")
    roll_out(c, at.name)
    third = regress(c)
    weather = Case(world, child(at, f"cluster:{world.shape.node(c.nodes[0]).cluster}", c.t - 12 * HOUR, end_s=c.end), "D7")
    cluster = world.shape.node(c.nodes[0]).cluster
    mine = [n.node_id for n in world.shape.nodes if n.cluster == cluster]

    def warmer(t: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(4.0 * np.sin(np.clip(t / (weather.end - weather.t), 0, 1) * np.pi))

    weather.shift("facility_env", [cluster], "inlet_c", warmer, decisive=False)
    weather.shift("facility_env", [cluster], "supply_c", warmer, decisive=False)
    weather.shift("node_hw", [f"{n}/{s}" for n in mine for s in ("inlet", "exhaust")], "reading", warmer, decisive=False)
    weather.shift("gpu_metrics", [cluster], "gpu_temp_c", lambda t: np.rint(warmer(t)), decisive=False)
    confounder = weather.truth(
        ticket=False, severity="S4", text="warm weather, a coincidence", acceptable=("NONE",), forbidden=("FAC", "HOLD")
    )
    return [named(c.truth(first_s=third, extra={"driver": (at.name,)}), "C2"), replace(confounder, cascade="C2")]


def c3(world: World, at: Placement) -> list[Truth]:
    """Weak HBM: remaps creep for days, then 48, 63, 94, a reset, a refail, 64, and no spare in stock for the RMA."""
    c = Case(world, at, "F5")
    gpu, days = c.place.gpu, (c.end - c.t) / DAY
    first, again = c.t + 0.50 * days * DAY, c.t + 0.72 * days * DAY
    per_day = creep(c, gpu, first)
    children = []
    for mode, when, until in (("F2", first, first + 3 * HOUR), ("F4", again, c.end)):
        k = Case(world, child(at, f"gpu:{gpu}", when, end_s=until), mode)
        if mode == "F2":
            repair(k, "RESET_GPU", gpu=gpu, reason="[HC] remap_pending: GPU needs reset")
            double_bit(k, gpu)
        else:
            repair(k, "RMA", gpu=gpu, reason="[HC] row remap failure, waits for part", state="drained")
            remap_failure(k, gpu, earlier=2)
        children.append(k.truth())
    parent = c.truth(first_s=c.t + 8 / per_day * DAY, causes=("F5", "F2", "F4", "weak_hbm", "row_remap_failure"))
    return [*under(named(parent, "C3"), *children), *_out_of_stock(world, at, parent, c, again)]


def _out_of_stock(world: World, at: Placement, parent: Truth, c: Case, when: float) -> list[Truth]:
    """The part is gone from the shelf and takes nine weeks: a ticket of its own, for the supply chain."""
    part = part_for(c, "gpu", c.node)
    if part is None:
        return []
    s = Case(world, child(at, f"part:{part.part_no}", when), "C3")
    week = (np.floor(when / (7 * DAY)) + 1) * 7 * DAY
    for day in np.arange(when + HOUR, min(world.duration_s, max(week, when + 2 * HOUR)), 7 * DAY):
        s.row(
            "supply_chain",
            float(day),
            f"part_no = '{part.part_no}'",
            field="stock_on_hand",
            part_no=part.part_no,
            part_type="gpu",
            vendor=part.vendor,
            single_source=part.single_source,
            stock_on_hand=0,
            on_order=int(c.rng.integers(0, 2)),
            lead_time_days=63.0,
            lead_time_sd_days=9.0,
            unit_cost_usd=part.unit_cost_usd,
            eol_at=np.nan,
            open_rma=int(c.rng.integers(3, 9)),
            vendor_risk=part.vendor_risk,
        )
    s.first["supply_chain"] = when + HOUR
    truth = s.truth(
        mode="C3",
        level="part",
        name=part.part_no,
        queue="SUPPLY",
        severity="S3",
        expected="NOTIFY",
        acceptable=("NOTIFY", "ESCALATE", "RMA"),
        forbidden=("REBOOT",),
        causes=("C3", "SUPPLY", "part_shortage"),
        text="spare GPU out of stock, nine weeks lead time",
        related=parent.incident_id,
        extra={"part": (part.part_no,)},
        part="gpu",
    )
    return [replace(truth, cascade="C3")]


def c4(world: World, at: Placement) -> list[Truth]:
    """A leaf dies: all its ports in half a minute, jobs time out in NCCL together, retries elsewhere succeed."""
    c = Case(world, at, "F21")
    ports = dead_leaf(c, at.name)
    parent = c.truth(extra={"port": tuple(ports)})
    children = []
    for port in (ports[i] for i in c.rng.permutation(len(ports))[:4]):
        k = Case(world, child(at, f"port:{port}", c.t + c.within(0, 30)), "F20")
        k.see("fabric_ports", "port_state", f"port_id = '{port}'", c.t + 600, c.end)
        children.append(k.truth(text="down because its leaf is"))
    timed_out = min((v for v in [c.first.get("slurm_jobs", np.inf)]), default=np.inf)
    if np.isfinite(timed_out):
        k = Case(world, child(at, f"node:{c.node}", timed_out), "F34")
        k.see("slurm_jobs", "reason", "NCCL timeouts on the leaf", timed_out, timed_out + 60)
        children.append(k.truth(level="node", name=c.node, text="NCCL timeout behind the dead leaf"))
    return under(named(parent, "C4"), *children)


def c5(world: World, at: Placement) -> list[Truth]:
    """A filesystem stalls, health checks drain node after node for D state: mend the filesystem, undrain the nodes."""
    c = Case(world, at, "F24")
    stuck = stall(c, c.scaled(18, 30), hit=0.9)
    drained = [str(n) for n in c.rng.permutation(sorted({*stuck, *c.nodes}))[: min(40, max(3, len(c.nodes) * 2 // 3))]]
    parent = c.truth(forbidden=("REBOOT", "RMA", "RESET_GPU"), acceptable=("STORAGE",))
    children = []
    for node in drained:
        when = c.t + c.within(8, 35) * MINUTE
        k = Case(world, child(at, f"node:{node}", when, end_s=c.end + c.within(5, 60) * MINUTE), "F28")
        reason = c.one_of("NHC: check_dstate processes in D state", "Prolog error")
        world.node_state(node, when, k.end, "drained", reason=reason, reason_user="root")
        remedy(k, node, "DRAIN", when, actor="automation")
        remedy(k, node, "UNDRAIN", k.end)
        k.check(node, "dstate", "processes in D state for more than 300 s", when - 120, c.end)
        k.see("slurm_nodes", "reason", f"node_id = '{node}'", when, k.end)
        children.append(k.truth(text="drained by a health check because the filesystem stalls"))
    return under(named(parent, "C5"), *children)


CASCADES = {"C1": c1, "C2": c2, "C3": c3, "C4": c4, "C5": c5}
