"""What the building and the BMCs see: inlet and exhaust air, fans, power supplies, racks, rows and feeds.

All follow the GPUs' power and the weather, so that a load ramp warms a rack without any fault.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from llo11ypop.simulator.grid import Grid
from llo11ypop.simulator.world import World

FloatMatrix = NDArray[np.float32]
FANS, PSUS = 8, 4
SENSORS = ("inlet", "exhaust", *(f"fan{i + 1}" for i in range(FANS)), *(f"psu{i + 1}" for i in range(PSUS)))
FAN_LOW_CRITICAL_RPM = 3000.0
HEALTH = ["OK", "Warning", "Critical"]
STATE = ["Enabled", "StandbyOffline", "Absent", "UnavailableOffline"]
LEAK = ["OK", "Warning", "Critical"]
BREAKER = ["Closed", "Open", "Tripped"]


def server_power(gpu_watts: FloatMatrix) -> FloatMatrix:
    """Input power of nodes, W, from that of their GPUs: 950 W + 1.22 × GPUs (Acme: 1.4 kW idle to 6.6 kW, 8 A100)."""
    nodes = gpu_watts.shape[0] // 8
    return np.asarray(950 + 1.22 * gpu_watts.reshape(nodes, 8, -1).sum(axis=1), dtype=np.float32)


def build_facility(world: World) -> None:
    """Fill node_hw (10 min), facility_env and facility_power (5 min)."""
    watts = server_power(world.grids["gpu_metrics"].columns["power_w"])
    inlet = world.memo["inlet"]
    _node_hw(world, watts[:, ::2], inlet[:, ::2])
    _racks(world, watts, inlet)
    _feeds(world, watts)


def _node_hw(world: World, watts: FloatMatrix, inlet: FloatMatrix) -> None:
    """Fourteen sensors per node."""
    nodes, steps, kinds = world.shape.nodes, watts.shape[1], len(SENSORS)
    rng = world.rng("node-hw")
    grid = Grid("node_hw", [f"{n.node_id}/{s}" for n in nodes for s in SENSORS], 600, steps)
    peak = np.array([6000 + 5.5 * world.shape.model(n.node_id).tdp_w for n in nodes], dtype=np.float32)[:, None]
    load = np.clip((watts - 950) / peak, 0, 1.3)
    reading = np.empty((len(nodes), kinds, steps), dtype=np.float32)
    air = inlet + 0.25 * rng.standard_normal(inlet.shape, dtype=np.float32)
    reading[:, 0] = np.round(air, 1)
    reading[:, 1] = np.round(air + 5 + 16 * load + 0.4 * rng.standard_normal(inlet.shape, dtype=np.float32), 1)
    base = 4700 + 5600 * load + 140 * (air - 20)
    own = rng.normal(0, 130, (len(nodes), FANS, 1)).astype(np.float32)
    jitter = 45 * rng.standard_normal((len(nodes), FANS, steps), dtype=np.float32)
    reading[:, 2 : 2 + FANS] = np.rint((base[:, None] + own + jitter) / 20) * 20
    share = 0.25 + rng.normal(0, 0.006, (len(nodes), PSUS, 1)).astype(np.float32)
    reading[:, 2 + FANS :] = np.rint(
        watts[:, None] * share + 4 * rng.standard_normal((len(nodes), PSUS, steps), dtype=np.float32)
    )
    volts = np.full((len(nodes), kinds, steps), np.nan, dtype=np.float32)
    volts[:, 2 + FANS :] = np.rint(230 + 1.2 * rng.standard_normal((len(nodes), 1, steps), dtype=np.float32))
    flat = (len(nodes) * kinds, steps)
    grid.columns = {
        "reading": reading.reshape(flat), "input_voltage_v": volts.reshape(flat),
        "health": np.zeros(flat, dtype=np.int8), "state": np.zeros(flat, dtype=np.int8),
    }  # fmt: skip
    grid.labels = {"health": list(HEALTH), "state": list(STATE)}
    _hw_static(world, grid)
    _bmc_hiccups(grid, rng, world.days)
    world.grids["node_hw"] = grid


def _hw_static(world: World, grid: Grid) -> None:
    """Words and thresholds per sensor."""
    nodes, count = world.shape.nodes, len(world.shape.nodes)
    kind = ["inlet_temp", "exhaust_temp", *["fan"] * FANS, *["psu"] * PSUS]
    low = [np.nan, np.nan, *[FAN_LOW_CRITICAL_RPM] * FANS, *[np.nan] * PSUS]
    high = [42.0, 75.0, *[np.nan] * FANS, *[3000.0] * PSUS]
    for name in ("cluster", "node_id", "rack"):
        grid.static[name] = np.array([getattr(n, name) for n in nodes for _ in SENSORS], dtype=object)
    grid.static["sensor_id"] = np.array(list(SENSORS) * count, dtype=object)
    grid.static["sensor_type"] = np.array(kind * count, dtype=object)
    grid.static["lower_critical"] = np.array(low * count, dtype=np.float32)
    grid.static["upper_critical"] = np.array(high * count, dtype=np.float32)


def _bmc_hiccups(grid: Grid, rng: np.random.Generator, days: float) -> None:
    """Single missed reads and single out-of-range samples, a few per hundred sensors and week (assumption)."""
    rows, steps = len(grid.entities), grid.steps
    if not steps:
        return
    for _ in range(int(rng.poisson(rows * days * 0.004))):
        row, at = int(rng.integers(rows)), int(rng.integers(steps))
        grid.hide(row, slice(at, at + 1))
    for _ in range(int(rng.poisson(rows * days * 0.0006))):
        row, at = int(rng.integers(rows)), int(rng.integers(steps))
        kind = grid.static["sensor_type"][row]
        if kind == "fan":
            grid.columns["reading"][row, at] = 0.0
            grid.columns["health"][row, at] = 1
        elif kind in ("inlet_temp", "exhaust_temp"):
            grid.columns["reading"][row, at] = 255.0


def _racks(world: World, watts: FloatMatrix, inlet: FloatMatrix) -> None:
    """Rack air, row air handlers and coolant units."""
    shape, steps, rng = world.shape, watts.shape[1], world.rng("racks")
    units: list[tuple[str, str, str, str, str, str]] = []
    air, heat = [], []
    for rack in shape.racks:
        index = [shape.node(n).index for n in rack.nodes]
        units.append((rack.rack, "rack", rack.site, rack.cluster, rack.row, rack.rack))
        air.append(inlet[index].mean(axis=0))
        heat.append(watts[index].mean(axis=0))
    for row in shape.rows:
        index = [shape.node(n).index for r in row.racks for n in shape.rack(r).nodes]
        for unit, kind in ((row.crac, "crac"), (row.cdu, "cdu")):
            if unit:
                units.append((unit, kind, row.site, row.cluster, row.row, ""))
                air.append(inlet[index].mean(axis=0))
                heat.append(watts[index].mean(axis=0))
    kinds = np.array([u[1] for u in units])
    inlet_c, load = np.array(air), (np.array(heat) - 950) / 9000

    def noise(scale: float) -> FloatMatrix:
        return scale * rng.standard_normal((len(units), steps), dtype=np.float32)

    def only(kind: str, values: FloatMatrix) -> FloatMatrix:
        return np.where((kinds == kind)[:, None], values, np.nan).astype(np.float32)

    humidity = np.clip(44 - 1.3 * (inlet_c - 21) + np.cumsum(noise(0.05), axis=1) + noise(0.4), 28, 66)
    supply = np.where((kinds == "cdu")[:, None], 25.0 + noise(0.2), inlet_c - 2.0 + noise(0.2))
    grid = Grid("facility_env", [u[0] for u in units], 300, steps)
    grid.columns = {
        "inlet_c": only("rack", np.round(inlet_c + noise(0.15), 1)),
        "outlet_c": only("rack", np.round(inlet_c + 6 + 15 * load + noise(0.3), 1)),
        "supply_c": np.where((kinds == "rack")[:, None], np.nan, np.round(supply, 1)).astype(np.float32),
        "return_c": np.where((kinds == "rack")[:, None], np.nan, np.round(supply + 5 + 13 * load + noise(0.3), 1)),
        "humidity_pct": np.where((kinds == "cdu")[:, None], np.nan, np.round(humidity, 1)).astype(np.float32),
        "dew_point_c": np.round(inlet_c - (100 - humidity) / 5, 1).astype(np.float32),
        "delta_p_kpa": only("cdu", np.round(182 + noise(1.2), 1)),
        "flow_lpm": only("cdu", np.round(640 + 60 * load + noise(4), 0)),
        "leak_state": np.zeros((len(units), steps), dtype=np.int8),
    }  # fmt: skip
    grid.labels = {"leak_state": list(LEAK)}
    for i, name in enumerate(("unit_id", "unit_kind", "site", "cluster", "row", "rack")):
        grid.static[name] = np.array([u[i] for u in units], dtype=object)
    world.grids["facility_env"] = grid


def _feeds(world: World, watts: FloatMatrix) -> None:
    """Two feeds per rack, half the load each, 415 V."""
    shape, steps, rng = world.shape, watts.shape[1], world.rng("feeds")
    racks = shape.racks
    total = np.array([watts[[shape.node(n).index for n in r.nodes]].sum(axis=0) for r in racks], dtype=np.float32)
    share = 0.5 + rng.normal(0, 0.01, (len(racks), 1)).astype(np.float32)
    power = np.stack([total * share, total * (1 - share)], axis=1).reshape(len(racks) * 2, steps) * 1.02
    size = power.shape
    volts = np.round(415 + 2.0 * rng.standard_normal(size, dtype=np.float32), 0)
    swing = (0.02 + 0.05 * rng.random(size, dtype=np.float32)) * power
    grid = Grid("facility_power", [f"{r.rack}/{feed}" for r in racks for feed in "AB"], 300, steps)
    grid.columns = {
        "voltage_v": volts.astype(np.float32), "power_w": np.rint(power / 5) * 5,
        "current_a": np.round(power / (volts * 0.97 * 1.732), 1).astype(np.float32),
        "power_min_w": np.rint((power - swing) / 5) * 5, "power_max_w": np.rint((power + swing * 0.8) / 5) * 5,
        "power_factor": np.full(size, 0.97, dtype=np.float32), "breaker_state": np.zeros(size, dtype=np.int8),
    }  # fmt: skip
    grid.labels = {"breaker_state": list(BREAKER)}
    for name in ("site", "cluster", "row", "rack"):
        grid.static[name] = np.array([getattr(r, name) for r in racks for _ in "AB"], dtype=object)
    grid.static["feed"] = np.array(["A", "B"] * len(racks), dtype=object)
    world.grids["facility_power"] = grid


def follow_power(world: World, rows: NDArray[Any], span: slice, delta: FloatMatrix) -> None:
    """Add a change of GPU power (rows × 5-min steps of `span`) to PSU readings and rack feeds."""
    hardware, feeds = world.grid("node_hw"), world.grid("facility_power")
    rack_of = {r.rack: i for i, r in enumerate(world.shape.racks)}
    for node in np.unique(rows // 8).tolist():
        change = 1.22 * delta[rows // 8 == node].sum(axis=0)
        if hardware is not None:
            even = np.arange(span.start, span.stop) % 2 == 0
            first = (span.start + 1) // 2
            own = slice(node * len(SENSORS) + 2 + FANS, (node + 1) * len(SENSORS))
            steps = slice(first, first + int(even.sum()))
            hardware.columns["reading"][own, steps] = np.rint(
                np.maximum(hardware.columns["reading"][own, steps] + change[even] / PSUS, 0)
            )
        if feeds is not None:
            rack = rack_of[world.shape.nodes[node].rack]
            for name in ("power_w", "power_min_w", "power_max_w"):
                both = feeds.columns[name][2 * rack : 2 * rack + 2, span]
                feeds.columns[name][2 * rack : 2 * rack + 2, span] = np.rint(np.maximum(both + change * 0.51, 0) / 5) * 5
