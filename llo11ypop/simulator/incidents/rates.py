"""When and where hardware fails: pure draws as arrays, without a world, cheap enough for 100,000 GPUs.

Not Poisson: nodes differ (negative binomial), a few are lemons, weeks differ, faults come in bursts and come back
after the repair. Figures: InfiniteHBD fault trace (400 nodes × 348 d) for proneness, bursts, refails and repair
times; Titan GPU reliability study (SC'20) for batch and cage position; Kokolis et al. 2024 (RSC) for lemons.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from llo11ypop.simulator.incidents.kinds import KINDS, NODE_KINDS
from llo11ypop.simulator.shape import WEAK_BATCH, FleetShape

DAY_S = 86400.0
PRONENESS_SHAPE = 0.9
LEMON_SHARE, LEMON_FACTOR = 0.01, 20.0
WEAK_BATCH_FACTOR = 14.0
UPPER_CAGE_FACTOR = 2.2
WEEK_SHAPE, DAY_SHAPE = 1.6, 0.75
"""Gamma shapes of the weekly and daily unevenness: weekly variance over mean near 5, inter-arrival CV near 1.6."""
REFAIL_SHARE, REFAIL_WITHIN_DAY = 0.26, 0.71
BURST_PER_NODE_DAY = 8 / (400 * 348)
BURST_KINDS = ("F16", "F17", "F20")
DRAINED_WHILE_WAITING = 0.5
"""Share of degraded but working nodes that people drain until the part comes (our assumption)."""
_HBM = frozenset({"F2", "F3", "F4", "F5", "F6"})
_HARD_TO_REFAIL = frozenset({"F5", "F37"})

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Draws:
    """Faults in order of start; all arrays have one entry per fault.

    `kind` indexes `NODE_KINDS`, `node` indexes `FleetShape.nodes`, times are seconds since the start of the fleet.
    `refail_of` is the position of the fault whose repair did not hold, else -1; `burst` numbers faults with one
    cause, else -1. `down_s` is how long the node is out of service (0 when it works on, degraded).
    """

    start_s: Floats
    kind: Ints
    node: Ints
    slot: Ints
    repair_s: Floats
    down_s: Floats
    refail_of: Ints
    burst: Ints

    def __len__(self) -> int:
        """How many faults."""
        return len(self.start_s)

    def mode(self, position: int) -> str:
        """`F16` and the like."""
        return NODE_KINDS[int(self.kind[position])]


def draw_incidents(
    shape: FleetShape, days: float, acceleration: float, rng: np.random.Generator, *, hazard: Floats | None = None
) -> Draws:
    """Draw the node-level faults of a fleet. `hazard` multiplies the rate per node (load and temperature)."""
    prone = _proneness(len(shape.nodes), rng) * (1.0 if hazard is None else hazard / hazard.mean())
    uneven = _unevenness(days, rng)
    parts = [_primaries(shape, days, acceleration, k, prone, uneven, rng) for k in range(len(NODE_KINDS))]
    start = np.concatenate([p[0] for p in parts])
    kind = np.concatenate([p[1] for p in parts])
    node = np.concatenate([p[2] for p in parts])
    burst = np.full(len(start), -1)
    start, kind, node, burst = _with_bursts(shape, days, acceleration, (start, kind, node, burst), rng)
    slot = rng.integers(0, 8, size=len(start))
    repair = repair_s(kind, rng, cap_s=_cap_s(days, acceleration))
    columns, refail_of = _with_refails((start, kind, node, slot, repair, burst), days, acceleration, rng)
    return _ordered(columns, refail_of, rng)


def repair_s(kind: Ints, rng: np.random.Generator, *, cap_s: float = np.inf) -> Floats:
    """Seconds to repair, from minutes of self-recovery to weeks of waiting for a part, within the kind's bounds."""
    kinds = [KINDS[k] for k in NODE_KINDS]
    median = np.array([k.repair_h for k in kinds])[kind]
    z = rng.normal(size=len(kind))
    hours = median * np.exp(z * np.where(z > 0, 1.35, 1.8))
    least, most = np.array([k.least_h for k in kinds])[kind], np.array([k.most_h for k in kinds])[kind]
    return np.asarray(np.minimum(np.clip(hours, least, most) * 3600, np.maximum(cap_s, least * 3600)))


def _cap_s(days: float, acceleration: float) -> float:
    """Accelerated fleets repair faster, or most of their nodes would be away: at most 0.15 of the time span."""
    return float("inf") if acceleration <= 1 else days * DAY_S * 0.15


def _unevenness(days: float, rng: np.random.Generator) -> Floats:
    """A multiplier per day with mean 1: bad weeks, and bad days in them."""
    count = max(1, int(np.ceil(days)))
    weeks = rng.gamma(WEEK_SHAPE, 1 / WEEK_SHAPE, size=count // 7 + 1)
    uneven = np.repeat(weeks, 7)[:count] * rng.gamma(DAY_SHAPE, 1 / DAY_SHAPE, size=count)
    return np.asarray(uneven / max(uneven.mean(), 1e-9))


def _proneness(nodes: int, rng: np.random.Generator) -> Floats:
    """A multiplier per node with mean 1: gamma of shape 0.9, and one node in a hundred a lemon."""
    prone = rng.gamma(PRONENESS_SHAPE, 1 / PRONENESS_SHAPE, size=nodes)
    prone = prone * np.where(rng.random(nodes) < LEMON_SHARE, LEMON_FACTOR / 4, 1.0)
    return np.asarray(prone / max(prone.mean(), 1e-9))


def _site_factor(shape: FleetShape, kind: str) -> Floats:
    """Batch and position in the rack, mean 1: upper units fail 2.2× as often, a weak batch 14× in memory."""
    unit = np.array([n.rack_unit for n in shape.nodes], dtype=float)
    span = max(unit.max() - unit.min(), 1.0)
    factor = 1 + (UPPER_CAGE_FACTOR - 1) * (unit - unit.min()) / span
    if kind in _HBM:
        factor = factor * np.where([n.batch == WEAK_BATCH for n in shape.nodes], WEAK_BATCH_FACTOR, 1.0)
    if kind in ("F8", "F9"):
        factor = factor * np.array([n.nvlink for n in shape.nodes], dtype=float)
    if kind == "F16":
        factor = factor * np.where([n.cooling == "dlc" for n in shape.nodes], 0.3, 1.0)
    return np.asarray(factor / factor.mean())


def _primaries(
    shape: FleetShape, days: float, acceleration: float, k: int, prone: Floats, uneven: Floats, rng: np.random.Generator
) -> tuple[Floats, Ints, Ints]:
    """First faults of one kind: start, kind and node."""
    spec = KINDS[NODE_KINDS[k]]
    per_node_day = spec.rate / 1000 * (8 if spec.basis == "gpu" else 1) * (1 - REFAIL_SHARE)
    node_weight = prone * _site_factor(shape, NODE_KINDS[k])
    mean = per_node_day * len(shape.nodes) * days * acceleration**spec.accelerates
    per_day = rng.poisson(mean * uneven / len(uneven))
    day = np.repeat(np.arange(len(uneven)), per_day)
    start = (day + rng.random(len(day))) * (days * DAY_S / len(uneven))
    node = rng.choice(len(shape.nodes), size=len(day), p=node_weight / node_weight.sum())
    return start, np.full(len(day), k), node


def _with_bursts(
    shape: FleetShape,
    days: float,
    acceleration: float,
    faults: tuple[Floats, Ints, Ints, Ints],
    rng: np.random.Generator,
) -> tuple[Floats, Ints, Ints, Ints]:
    """Add faults that strike three or more nodes of one rack within ten minutes."""
    count = rng.poisson(BURST_PER_NODE_DAY * len(shape.nodes) * days * acceleration)
    racks = [r for r in shape.racks if len(r.nodes) >= 3]
    starts, kinds, nodes, bursts = ([faults[i]] for i in range(4))
    for b in range(count if racks else 0):
        rack = racks[int(rng.integers(len(racks)))]
        row = shape.row(rack.row)
        pool = list(rack.nodes) if rng.random() < 0.7 else [n for r in row.racks for n in shape.rack(r).nodes]
        struck = rng.permutation(len(pool))[: int(rng.integers(3, 7))]
        starts.append(rng.random() * days * DAY_S + np.sort(rng.random(len(struck))) * 550)
        kinds.append(np.full(len(struck), NODE_KINDS.index(BURST_KINDS[int(rng.integers(len(BURST_KINDS)))])))
        nodes.append(np.array([shape.node(pool[i]).index for i in struck]))
        bursts.append(np.full(len(struck), b))
    return np.concatenate(starts), np.concatenate(kinds), np.concatenate(nodes), np.concatenate(bursts)


_Columns = tuple[Floats, Ints, Ints, Ints, Floats, Ints]
"""start, kind, node, slot, repair, burst."""


def _with_refails(columns: _Columns, days: float, acceleration: float, rng: np.random.Generator) -> tuple[_Columns, Ints]:
    """Add faults that come back within seven days of the repair, most within one; and what each one repeats."""
    start, kind, node, slot, repair, burst = columns
    again = np.array([k not in _HARD_TO_REFAIL for k in NODE_KINDS])
    refail_of = np.full(len(start), -1)
    fresh = np.arange(len(start))
    for _ in range(3):
        back = fresh[(rng.random(len(fresh)) < REFAIL_SHARE) & again[kind[fresh]]]
        soon = rng.random(len(back)) < REFAIL_WITHIN_DAY
        wait = np.where(soon, rng.uniform(0.02, 1.0, len(back)), rng.uniform(1.0, 7.0, len(back)))
        at = start[back] + repair[back] + wait * DAY_S
        keep = at < days * DAY_S
        back, at = back[keep], at[keep]
        fresh = len(start) + np.arange(len(back))
        start, kind, node = np.append(start, at), np.append(kind, kind[back]), np.append(node, node[back])
        slot, burst = np.append(slot, slot[back]), np.append(burst, np.full(len(back), -1))
        repair = np.append(repair, repair_s(kind[fresh], rng, cap_s=_cap_s(days, acceleration)))
        refail_of = np.append(refail_of, back)
    return (start, kind, node, slot, repair, burst), refail_of


def _ordered(columns: _Columns, refail_of: Ints, rng: np.random.Generator) -> Draws:
    """Everything by start time, with `refail_of` pointing at the new positions, and the time out of service."""
    start, kind, node, slot, repair, burst = columns
    order = np.argsort(start, kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    moved = np.where(refail_of >= 0, place[refail_of], -1)
    out = np.array([KINDS[k].out for k in NODE_KINDS])[kind]
    away = out | (rng.random(len(kind)) < DRAINED_WHILE_WAITING)
    down = np.where(away, repair, np.minimum(repair, rng.uniform(0.5, 5, len(kind)) * 3600))
    return Draws(start[order], kind[order], node[order], slot[order], repair[order], down[order], moved[order], burst[order])
