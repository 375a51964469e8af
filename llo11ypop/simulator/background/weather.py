"""The air outside and at the node's inlet: a daily cycle, slow weather, and a little noise."""

import numpy as np
from numpy.typing import NDArray

from llo11ypop.simulator.world import World

FloatMatrix = NDArray[np.float32]
_PHASE_H = {"iad1": -5.0, "sjc2": -8.0, "fra2": 1.0, "osl1": 1.0}
_BASE_C = {"iad1": 21.5, "sjc2": 21.0, "fra2": 20.5, "osl1": 19.5}


def site_air(world: World, site: str, times_s: NDArray[np.float64]) -> FloatMatrix:
    """Inlet air of a site, °C: about 20-22 with a daily swing of ±1 and weather of ±1.5 over days (assumption)."""
    rng = world.rng("weather", site)
    start_h = world.start_at.hour + times_s / 3600 + _PHASE_H.get(site, 0.0)
    daily = 1.0 * np.sin((start_h - 9.0) * 2 * np.pi / 24)
    knots = int(world.days * 2) + 4
    steps = rng.normal(0, 0.45, knots)
    path = np.zeros(knots)
    for i in range(1, knots):
        path[i] = 0.85 * path[i - 1] + steps[i]
    slow = np.interp(times_s / 43200, np.arange(knots), path)
    return (_BASE_C.get(site, 21.0) + daily + slow).astype(np.float32)


def node_inlet(world: World, times_s: NDArray[np.float64]) -> FloatMatrix:
    """Inlet of every node, (nodes, steps) °C; higher rack units are a little warmer."""
    air = {s.site: site_air(world, s.site, times_s) for s in world.shape.sites}
    offset = world.rng("inlet").normal(0, 0.35, len(world.shape.nodes)).astype(np.float32)
    out = np.empty((len(world.shape.nodes), len(times_s)), dtype=np.float32)
    for node in world.shape.nodes:
        out[node.index] = air[node.site] + 0.02 * node.rack_unit + offset[node.index]
    return out
