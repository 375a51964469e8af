"""F13 to F16: heat. One GPU, a whole rack, a leak, a fan.

The order of a cooling loss (air, fans, GPUs, upper rack units first) follows Titan's cage temperatures (SC'20);
lags are our assumption. Simultaneous fan alarms with one cause: InfiniteHBD fault trace.
"""

from llo11ypop.simulator.incidents.case import HOUR, MINUTE, Case, Shape, rise
from llo11ypop.simulator.incidents.heat import heat
from llo11ypop.simulator.incidents.placement import Placement
from llo11ypop.simulator.incidents.repair import remedy, repair
from llo11ypop.simulator.incidents.runs import slow_run
from llo11ypop.simulator.truth import Truth
from llo11ypop.simulator.world import World


def f13(world: World, at: Placement) -> Truth:
    """One GPU runs 10 to 20 °C hotter than its siblings at the same load, then throttles; steps get longer."""
    c = Case(world, at, "F13")
    gpu = c.place.gpu
    repair(c, "TECH", gpu=gpu, reason="GPU hot, repaste")
    delta = c.scaled(14, 26)
    heat(c, [gpu], lambda t: delta * rise(3 * HOUR)(t), c.t, c.end, onset_s=1.5 * HOUR)
    if delta > 18:
        slow_run(c, c.node, 1 + c.scaled(0.03, 0.25), gpu=gpu, start_s=c.t + 3 * HOUR)
    return c.truth(severity="S2" if delta > 22 else "")


def f14(world: World, at: Placement) -> Truth:
    """A rack or row loses cooling: inlets rise over 5 to 20 min on every node, fans follow, then GPUs, uppermost first."""
    c = Case(world, at, "F14")
    lose_cooling(c, c.scaled(7, 15), ramp_s=c.within(5, 20) * MINUTE)
    return c.truth()


def lose_cooling(c: Case, delta: float, *, ramp_s: float, gpu_lag_s: float = 10 * MINUTE, delay_s: float = 0.0) -> None:
    """Warm air or coolant for every node of the case: sensors, fans and GPUs with their lags."""
    shape, up = c.world.shape, rise(ramp_s)
    start = c.t + delay_s
    racks = sorted({shape.node(n).rack for n in c.nodes})
    for rack in racks:
        c.shift("facility_env", rack, "inlet_c", lambda t: delta * up(t), start, onset_s=ramp_s / 2)
        c.shift("facility_env", rack, "outlet_c", lambda t: delta * up(t), start, decisive=False)
    for row in sorted({shape.node(n).row for n in c.nodes}):
        unit = shape.row(row)
        whole = len(c.nodes) > 0.6 * len(shape.nodes_in("row", row))
        for column, share in (("supply_c", 0.9), ("return_c", 1.1)) if whole else ():
            c.shift("facility_env", unit.crac, column, _scaled(up, share * delta, 3 * MINUTE), c.t)
        if unit.cdu and whole:
            c.shift("facility_env", unit.cdu, "supply_c", lambda t: delta * up(t), c.t)
            c.scale("facility_env", unit.cdu, "flow_lpm", 0.55, c.t)
    for node in c.nodes:
        spec = shape.node(node)
        later = (34 - spec.rack_unit) / 32 * 6 * MINUTE
        c.shift("node_hw", [f"{node}/inlet", f"{node}/exhaust"], "reading", lambda t: delta * up(t), start, onset_s=ramp_s / 2)
        fans = c.units("node_hw", node_id=node, sensor_type="fan")
        c.scale(
            "node_hw",
            fans,
            "reading",
            lambda t: 1 + 0.028 * delta * rise(10 * MINUTE)(t),
            start + gpu_lag_s * 0.4,
            decisive=False,
        )
        warmer = min(15.0, delta + 2 + 0.08 * spec.rack_unit)
        heat(c, list(spec.gpus), _scaled(rise(12 * MINUTE), warmer), start + gpu_lag_s + later, c.end,
             onset_s=8 * MINUTE, air=True, decisive=False)  # fmt: skip
    slow_run(c, c.nodes[0], 1 + delta / 190, start_s=start + gpu_lag_s + 17 * MINUTE, all_nodes=True)


def _scaled(shape: Shape, by: float, ahead_s: float = 0.0) -> Shape:
    """A shape times a factor, begun some seconds earlier."""
    return lambda t: by * shape(t + ahead_s)


def f15(world: World, at: Placement) -> Truth:
    """A leak (liquid cooling) or humidity out of range (air): detector, pressure, flow, dew point near the inlet."""
    c = Case(world, at, "F15")
    node = world.shape.node(c.nodes[0])
    rack = c.place.rack
    if node.cooling == "dlc" or c.chance(0.35):
        c.put("facility_env", rack, "leak_state", "Warning", c.t, c.t + 15 * MINUTE)
        c.put("facility_env", rack, "leak_state", "Critical", c.t + 15 * MINUTE, c.end)
        cdu = world.shape.row(node.row).cdu
        if cdu:
            c.shift(
                "facility_env",
                cdu,
                "delta_p_kpa",
                lambda t: -c.scaled(20, 70) * rise(20 * MINUTE)(t),
                c.t + 5 * MINUTE,
                decisive=False,
            )
            c.scale("facility_env", cdu, "flow_lpm", 1 - c.scaled(0.08, 0.3), c.t + 5 * MINUTE, decisive=False)
        for name in c.nodes[:1]:
            c.log(name, c.t + 90, "LeakDetector: moisture detected", facility="bmc", severity="crit", process="bmc")
        return c.truth(severity="S1", expected="FAC", text="coolant leak in a rack")
    wet = c.chance(0.6)
    units = [rack, world.shape.row(node.row).crac]
    change = c.scaled(42, 52) if wet else -c.scaled(30, 38)
    c.shift("facility_env", units, "humidity_pct", lambda t: change * rise(40 * MINUTE)(t), onset_s=40 * MINUTE)
    c.shift(
        "facility_env", units, "dew_point_c", lambda t: change / 5 * rise(40 * MINUTE)(t), onset_s=40 * MINUTE, decisive=False
    )
    return c.truth(severity="S3", forbidden=("RMA", "REBOOT"), text=f"humidity {'above 80' if wet else 'below 20'} %",
                   also=(f"row:{node.row}",))  # fmt: skip


def f16(world: World, at: Placement) -> Truth:
    """A fan stops: its reading under the vendor's threshold, siblings faster, inlet as before, a GPU or two warmer.

    At rack level several nodes alarm within ten minutes: one cause, one ticket.
    """
    c = Case(world, at, "F16")
    if at.level == "rack" or len(c.nodes) > 1:
        for i, node in enumerate(c.nodes):
            stop_fan(c, node, c.t + (0 if i == 0 else c.within(20, 9 * MINUTE)), severe=False)
            if c.end < world.duration_s:
                remedy(c, node, "TECH", c.end - 60)
        return c.truth(level="rack", name=c.place.rack or world.shape.node(c.nodes[0]).rack,
                       also=tuple(f"node:{n}" for n in c.nodes), acceptable=("TECH", "DRAIN", "FAC", "PLATFORM"),
                       text="fans of several nodes of a rack alarm together: one cause", part="")  # fmt: skip
    repair(c, "TECH", reason="fan failure", part="fan")
    severe = c.k > 0.8
    stop_fan(c, c.node, c.t, severe=severe)
    return c.truth(severity="S2" if severe else "")


def stop_fan(c: Case, node: str, at_s: float, *, severe: bool, end_s: float | None = None) -> str:
    """One fan (two when severe) of a node stops; returns the GPU that gets warmest."""
    end = c.end if end_s is None else end_s
    fans = c.units("node_hw", node_id=node, sensor_type="fan")
    gpus = c.gpus(node)
    broken = int(c.rng.integers(8))
    if fans:
        struck = [fans[broken]] + ([fans[(broken + 1) % 8]] if severe else [])
        c.put("node_hw", struck, "reading", 0.0 if c.chance(0.6) else c.within(300, 2400), at_s, end)
        c.put("node_hw", struck, "health", "Critical", at_s, end)
        c.scale("node_hw", [f for f in fans if f not in struck], "reading", 1 + c.scaled(0.20, 0.30), at_s, end, decisive=False)
    c.log(
        node, at_s + c.within(5, 60), f"Fan{broken + 1} lower critical going low", facility="bmc", severity="crit", process="bmc"
    )
    warm = gpus[broken % 8]
    heat(c, [warm], lambda t: (c.scaled(4, 7) if severe else c.scaled(2, 6)) * rise(10 * MINUTE)(t), at_s, end, decisive=False)
    return warm


MODES = {"F13": f13, "F14": f14, "F15": f15, "F16": f16}
