"""F17 to F19: power. One supply, a rack's feed or breaker, the swing of synchronous training.

Supplies 1 and 3 hang on feed A, 2 and 4 on feed B (our assumption). The power brake bit is 0x80 (DCGM field guide);
the swing is described for Llama 3 (arXiv 2407.21783).
"""

import numpy as np

from llo11ypop.simulator.incidents.case import MINUTE, Case
from llo11ypop.simulator.incidents.heat import brake
from llo11ypop.simulator.incidents.placement import Placement
from llo11ypop.simulator.incidents.repair import reload_driver, remedy, repair
from llo11ypop.simulator.truth import Truth
from llo11ypop.simulator.world import World


def f17(world: World, at: Placement) -> Truth:
    """A power supply fails: health Critical or no input, the others take the load, the node stays up.

    At rack level the feed itself is gone: every node loses the supplies on it, and the ticket is the facility's.
    """
    c = Case(world, at, "F17")
    if at.level == "rack" or len(c.nodes) > 1:
        return _lost_feed(c)
    repair(c, "TECH", reason="PSU failure, redundancy lost", part="psu")
    both = c.k > 0.93
    fail_supply(c, c.node, [int(c.rng.integers(4))] if not both else [0, 2], no_input=c.chance(0.35))
    return c.truth(severity="S2" if both else "", expected="DRAIN" if both else "")


def fail_supply(c: Case, node: str, which: list[int], *, no_input: bool, at_s: float | None = None) -> None:
    """Some supplies of a node deliver nothing; the rest share the load."""
    start = c.t if at_s is None else at_s
    supplies = c.units("node_hw", node_id=node, sensor_type="psu")
    if supplies:
        dead = [supplies[i] for i in which]
        c.put("node_hw", dead, "reading", 0.0, start)
        c.put("node_hw", dead, "health", "Critical", start)
        if no_input:
            c.put("node_hw", dead, "input_voltage_v", 0.0, start)
        share = 4 / (4 - len(which))
        c.scale("node_hw", [s for s in supplies if s not in dead], "reading", share, start, decisive=False)
    text = f"Power Supply PSU{which[0] + 1}: {'AC lost' if no_input else 'failure detected'}, redundancy lost"
    c.log(node, start + c.within(2, 40), text, facility="bmc", severity="crit", process="bmc")


def _lost_feed(c: Case) -> Truth:
    """One feed of a rack is dead: no voltage on it, the other carries all."""
    rack = c.place.rack or c.world.shape.node(c.nodes[0]).rack
    feed, other = ("A", "B") if c.chance(0.5) else ("B", "A")
    for column in ("voltage_v", "current_a", "power_w", "power_min_w", "power_max_w"):
        c.put("facility_power", f"{rack}/{feed}", column, 0.0, decisive=column == "voltage_v")
        if column != "voltage_v":
            c.scale("facility_power", f"{rack}/{other}", column, 1.98, decisive=False)
    c.put("facility_power", f"{rack}/{feed}", "breaker_state", "Tripped")
    for node in c.nodes:
        fail_supply(c, node, [0, 2] if feed == "A" else [1, 3], no_input=True, at_s=c.t + c.within(0, 60))
    return c.truth(level="rack", name=rack, queue="FAC", severity="S2", expected="FAC", acceptable=("FAC", "TECH"),
                   forbidden=("REBOOT", "RMA", "RESET_GPU"), causes=("F17", "F18", "feed_loss"),
                   text=f"feed {feed} of the rack lost", part="")  # fmt: skip


def f18(world: World, at: Placement) -> Truth:
    """A facility power dip: voltage sags, the GPUs of a rack brake to half their clocks, some nodes reboot."""
    c = Case(world, at, "F18")
    rack = c.place.rack
    feeds = c.units("facility_power", rack=rack)
    depth = c.scaled(0.5, 0.7)
    for node in c.nodes:
        if c.chance(0.12 + 0.15 * c.k):
            _reboot(c, node, c.t + c.within(1, 120))
    c.scale("facility_power", feeds, "voltage_v", 1 - c.scaled(0.08, 0.25))
    for column in ("power_w", "power_min_w"):
        c.scale("facility_power", feeds, column, 0.6, decisive=False)
    if c.chance(0.4):
        c.put("facility_power", feeds[:1], "breaker_state", "Tripped", decisive=False)
    for node in c.nodes:
        supplies = c.units("node_hw", node_id=node, sensor_type="psu")
        c.scale("node_hw", supplies, "input_voltage_v", 1 - c.scaled(0.08, 0.25), decisive=False)
        brake(c, c.gpus(node), c.t, c.end, depth)
        c.log(
            node,
            c.t + c.within(1, 30),
            "Power Supply input voltage out of range",
            facility="bmc",
            severity="warning",
            process="bmc",
        )
    c.fail_jobs([j for j in c.jobs_on(c.nodes) if c.chance(0.3)], 5 * MINUTE, 30 * MINUTE, exit_code=1)
    return c.truth()


def _reboot(c: Case, node: str, at_s: float) -> None:
    """The node goes down with the dip and comes back by itself."""
    up = at_s + c.within(6, 12) * MINUTE
    c.fail_jobs(c.jobs_on([node], at_s), 0, 20, at_s=at_s, state="NODE_FAIL", blame=node, exit_code=0, reason="NodeFail")
    c.world.node_state(node, at_s, up, "down", reason="Node unexpectedly rebooted", not_responding=True)
    c.world.condition(node, at_s, up, "Ready", "Unknown", "NodeStatusUnknown")
    c.silence("gpu_metrics", [node], at_s, up, note=False)
    reload_driver(c, c.gpus(node), up)
    remedy(c, node, "UNDRAIN", up, actor="automation")


def f19(world: World, at: Placement) -> Truth:
    """Synchronous training swings the power of its racks at the pace of its steps; nothing breaks."""
    c = Case(world, at, "F19")
    swing = c.scaled(0.35, 0.6)
    runs = sorted((r for r in world.runs if r.cluster == c.place.cluster and r.nodes_at(c.t)), key=lambda r: -r.gpus)
    nodes = runs[0].nodes_at(c.t) if runs else c.nodes
    for rack in sorted({world.shape.node(n).rack for n in nodes}):
        feeds = c.units("facility_power", rack=rack)
        c.scale("facility_power", feeds, "power_min_w", 1 - swing)
        c.scale("facility_power", feeds, "power_max_w", 1 + swing * 0.45)
        c.shift("facility_power", feeds, "voltage_v", lambda t: np.where(t % 600 < 300, -3.0, 2.0), decisive=False)
    run_ids = (runs[0].run_id,) if runs else ()
    return c.truth(
        extra={"run": run_ids}, also=tuple(f"run:{r}" for r in run_ids), causes=("F19", "power_oscillation", "training")
    )


MODES = {"F17": f17, "F18": f18, "F19": f19}
