"""What goes wrong when: draws a fleet's incidents, cascades and decoys, sites them and writes them into the world.

Cascades first, then drawn faults in order of time, then what strikes clusters, runs and users, then decoys. Nothing
starts in the first day (baseline) nor in the last three hours. Strokes on metrics come last, when jobs are settled.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from llo11ypop.simulator.incidents.decoy_plan import DECOY_PLAN, decoy_duration_s
from llo11ypop.simulator.incidents.kinds import KINDS, NODE_KINDS
from llo11ypop.simulator.incidents.levels import LEVEL_OF_CASCADE, levels_of
from llo11ypop.simulator.incidents.placement import Placement, locate
from llo11ypop.simulator.incidents.rates import DAY_S, Draws, Floats, draw_incidents
from llo11ypop.simulator.incidents.registry import CASCADES, DECOYS, WRITERS
from llo11ypop.simulator.incidents.siting import Calendar, by_slot, entity_for, inside, node_for, suits
from llo11ypop.simulator.scenario import Planned, read_scenario
from llo11ypop.simulator.truth import Truth
from llo11ypop.simulator.world import World

__all__ = ["QUIET_HEAD_S", "QUIET_TAIL_S", "draw_incidents", "load_hazard", "populate"]

HOUR_S = 3600.0
QUIET_HEAD_S, QUIET_TAIL_S = DAY_S, 3 * HOUR_S
SHOWN_S = 8 * HOUR_S
"""How long a fault that leaves its node in service keeps it for itself, before another may join (our assumption)."""
CASCADE_H = {"C1": 5, "C2": 72, "C3": 130, "C4": 4, "C5": 3, "C6": 30, "C7": 40, "C8": 14, "C9": 4, "C10": 158}
"""Length of each cascade in hours (our assumption)."""
NEEDS_H = {"F5": 40, "F32": 30, "F36": 60, "F37": 130, "F10": 4, "F13": 6, "F22": 3, "F31": 4}
"""Hours that must be left for a slow mode to show itself."""


@dataclass
class Plan:
    """The incidents of one world as they are written."""

    world: World
    rng: np.random.Generator
    calendar: Calendar = field(default_factory=Calendar)
    strokes: list[Callable[[], None]] = field(default_factory=list)
    truths: list[Truth] = field(default_factory=list)

    def at(self, entity: str, start_s: float, duration_s: float, key: object, *, strength: float | None = None,
           out_s: float = 0.0, nodes: tuple[str, ...] = ()) -> Placement:  # fmt: skip
        """A placement with a stream of its own."""
        rng = self.world.rng("incident", key, entity, int(start_s))
        power = float(rng.beta(1.6, 1.6)) if strength is None else strength
        return Placement(entity, start_s, duration_s, power, rng, out_s, nodes, self.strokes)

    def free(self, nodes: Sequence[str], start_s: float, end_s: float) -> bool:
        """Whether the nodes are free and the start lies in the window for incidents."""
        inside_ = QUIET_HEAD_S <= start_s < self.world.duration_s - QUIET_TAIL_S
        return inside_ and self.calendar.free(nodes, start_s, end_s)


def populate(world: World) -> list[Truth]:
    """Write incidents and decoys into a world; returns their truths in order of start.

    A quiet world has decoys only. With a scenario file, what it lists and nothing else happens; ConfigError when the
    file is wrong or asks for what this fleet does not have.
    """
    plan = Plan(world, world.rng("schedule"))
    if world.scenario is not None:
        _play(plan, read_scenario(world.scenario, world.start_at))
    else:
        if not world.quiet and world.acceleration > 0:
            _cascades(plan)
            _faults(plan, draw_incidents(world.shape, world.days, world.acceleration, plan.rng, hazard=load_hazard(world)))
            _operations(plan)
        _decoys(plan)
    for stroke in plan.strokes:
        stroke()
    return sorted(plan.truths, key=lambda t: (t.start_at, t.incident_id))


def load_hazard(world: World) -> Floats | None:
    """How load and heat raise the rate per node: 2^((T − 45)/20) × (0.5 + utilisation); None without metrics.

    The shape of the curve is our assumption; its direction agrees with Titan (SC'20) and Acme (NSDI'24).
    """
    grid = world.grid("gpu_metrics")
    if grid is None or not grid.steps:
        return None
    nodes = len(world.shape.nodes)
    temp = np.nan_to_num(grid.columns["gpu_temp_c"]).reshape(nodes, -1).mean(axis=1)
    util = np.nan_to_num(grid.columns["gpu_util_pct"]).reshape(nodes, -1).mean(axis=1) / 100
    return np.asarray(2 ** ((temp - 45) / 20) * (0.5 + util), dtype=np.float64)


def _cascades(plan: Plan) -> None:
    """Two compound incidents and more on longer fleets; none where there is no room."""
    world, rng = plan.world, plan.rng
    if world.days < 3 or len(world.shape.nodes) < 8:
        return
    wanted = max(2, min(10, round(3 * (world.days / 21) ** 0.5 * min(2.0, world.acceleration**0.5 / 3))))
    done = 0
    for name in rng.permutation(list(CASCADES)):
        if done < wanted:
            done += _cascade(plan, str(name))


def _cascade(plan: Plan, name: str) -> bool:
    """Place one cascade; False when it does not fit after some tries."""
    world, rng = plan.world, plan.rng
    length = min(CASCADE_H[name] * HOUR_S, world.duration_s * 0.5)
    for _ in range(20):
        latest = world.duration_s - max(QUIET_TAIL_S, min(length, world.duration_s * 0.35) + 2 * HOUR_S)
        if latest <= QUIET_HEAD_S + 3 * HOUR_S:
            return False
        start = float(rng.uniform(QUIET_HEAD_S + 3 * HOUR_S, latest))
        entity = entity_for(world, LEVEL_OF_CASCADE[name], start, rng, mode=name)
        if not entity:
            continue
        nodes = _rollout_nodes(plan) if name == "C2" else ()
        struck = nodes or locate(world.shape, entity).nodes
        lead = 4 * HOUR_S if name == "C7" else 0.0
        if plan.free(struck, start - lead, start + length):
            plan.calendar.take(struck, start - lead, start + length)
            truths = CASCADES[name](world, plan.at(entity, start, length, name, nodes=nodes))
            plan.truths += truths
            for truth in truths:
                plan.calendar.take(truth.entities.get("node", ()), start, start + min(length, SHOWN_S))
            return True
    return False


def _rollout_nodes(plan: Plan) -> tuple[str, ...]:
    """A fifth of the nodes of one cluster, three at least."""
    largest = sorted(plan.world.shape.clusters, key=lambda c: -len(c.nodes))[:3]
    cluster = largest[int(plan.rng.integers(len(largest)))]
    count = min(len(cluster.nodes), max(3, len(plan.world.shape.nodes) // 5))
    return tuple(sorted(str(n) for n in plan.rng.permutation(list(cluster.nodes))[:count]))


def _faults(plan: Plan, draws: Draws) -> None:
    """Write the drawn node-level faults in order of time; bursts as one, quick refails as one reopened incident."""
    written: dict[int, int] = {}
    bursts: set[int] = set()
    for i in range(len(draws)):
        burst = int(draws.burst[i])
        if burst >= 0:
            if burst not in bursts:
                bursts.add(burst)
                _burst(plan, draws, burst)
            continue
        before = int(draws.refail_of[i])
        truth = _fault(plan, draws, i)
        if truth is None:
            continue
        place = written.get(before, -1) if before >= 0 else -1
        if place >= 0 and plan.truths[place].entity_id != truth.entity_id:
            place = -1  # it found no room where the first one was, and struck elsewhere
        gap = draws.start_s[i] - draws.start_s[before] - draws.repair_s[before] if before >= 0 else np.inf
        if place >= 0 and gap < DAY_S:
            plan.truths[place] = _reopened(plan.truths[place], truth)
            written[i] = place
            continue
        if place >= 0:
            truth = replace(truth, related_id=plan.truths[place].incident_id)
        written[i] = len(plan.truths)
        plan.truths.append(truth)


def _reopened(first: Truth, again: Truth) -> Truth:
    """A refail within a day belongs to the incident it repeats."""
    return replace(
        first, end_at=again.end_at, repaired_at=again.repaired_at, evidence=(*first.evidence, *again.evidence),
        reopened_at=(*first.reopened_at, again.start_at),
    )  # fmt: skip


def _fault(plan: Plan, draws: Draws, i: int) -> Truth | None:
    """Write one fault; None when it has no room, no time left, or nothing to show itself on."""
    world, mode, start = plan.world, draws.mode(i), float(draws.start_s[i])
    kind, node = KINDS[mode], world.shape.nodes[int(draws.node[i])].node_id
    length, down = float(draws.repair_s[i]), float(draws.down_s[i])
    if start > world.duration_s - max(QUIET_TAIL_S, NEEDS_H.get(mode, 0) * HOUR_S):
        return None
    if mode == "F34":
        runs = [r.run_id for r in world.runs if node in r.nodes_at(start)] or [r.run_id for r in world.runs if r.nodes_at(start)]
        if not runs:
            return None
        entity = f"run:{runs[0]}"
        struck: tuple[str, ...] = (node,)
    else:
        if not suits(world, mode, node, start):
            node = node_for(world, mode, start, plan.rng)
            if not node:
                return None
        entity, struck = inside(world, kind.level, node, int(draws.slot[i])), (node,)
    out = kind.out or down >= length
    busy = length if out else min(length, SHOWN_S)
    if not plan.free(struck, start, start + busy):
        return None
    plan.calendar.take(struck, start, start + busy)
    return WRITERS[mode](world, plan.at(entity, start, length, mode, out_s=0.0 if kind.out or out else down))


def _burst(plan: Plan, draws: Draws, burst: int) -> None:
    """Several nodes within ten minutes from one cause: one incident of a rack, or of the leaf for links."""
    world = plan.world
    mine = np.flatnonzero(draws.burst == burst)
    mode, start = draws.mode(int(mine[0])), float(draws.start_s[mine].min())
    nodes = tuple(dict.fromkeys(world.shape.nodes[int(n)].node_id for n in draws.node[mine]))
    length = float(np.clip(draws.repair_s[mine].max(), 3 * HOUR_S, 72 * HOUR_S))
    if not plan.free(nodes, start, start + SHOWN_S):
        return
    plan.calendar.take(nodes, start, start + SHOWN_S)
    if mode == "F20":
        leaf = world.shape.node(nodes[0]).leaf_switch
        plan.truths.append(WRITERS["F21"](world, plan.at(f"switch:{leaf}", start, min(length, 8 * HOUR_S), "F21")))
        return
    racks = [world.shape.node(n).rack for n in nodes]
    rack = max(set(racks), key=lambda r: (racks.count(r), r))
    kept = tuple(n for n in nodes if world.shape.node(n).rack == rack)
    plan.truths.append(WRITERS[mode](world, plan.at(f"rack:{rack}", start, length, mode, nodes=kept)))


def _operations(plan: Plan) -> None:
    """What strikes clusters, racks, mounts, runs and users, in order of time."""
    due = []
    for mode, kind in KINDS.items():
        if mode in NODE_KINDS:
            continue
        mean = kind.rate * _exposure(plan.world, kind.basis) * plan.world.acceleration**kind.accelerates
        last = max(plan.world.duration_s - QUIET_TAIL_S, QUIET_HEAD_S)
        due += [(float(t), mode) for t in plan.rng.uniform(QUIET_HEAD_S, last, plan.rng.poisson(mean))]
    for start, mode in sorted(due):
        _operation(plan, mode, start)


def _exposure(world: World, basis: str) -> float:
    """How much of what a rate is counted per this fleet has."""
    days, clusters = world.days, len(world.shape.clusters)
    run_days = sum(max(0.0, min(r.end_s, world.duration_s) - max(r.start_s, 0)) for r in world.runs) / DAY_S
    return {
        "switch_month": len(world.shape.switches) * days / 30, "cluster_month": clusters * days / 30,
        "cluster_quarter": clusters * days / 91, "half_year": days / 182, "run_month": run_days / 30, "run_week": run_days / 7,
        "node_month": len(world.shape.nodes) * days / 30, "lemon": float(len(world.shape.nodes)),
    }[basis]  # fmt: skip


def _operation(plan: Plan, mode: str, start: float) -> None:
    """Site and write one of them; it is left out when there is no room after some tries."""
    world, rng, kind = plan.world, plan.rng, KINDS[mode]
    length = float(_one_repair(mode, rng))
    if mode == "F37":
        start = QUIET_HEAD_S + float(rng.uniform(0, 0.25)) * world.duration_s
        length = min(world.duration_s, 28 * DAY_S)
    for _ in range(12):
        left = world.duration_s - max(QUIET_TAIL_S, NEEDS_H.get(mode, 0) * HOUR_S)
        if start <= left:
            level = _WIDER[mode] if mode in _WIDER and rng.random() < 0.25 else kind.level
            entity = entity_for(world, level, start, rng, mode=mode)
            nodes = _rollout_nodes(plan) if mode == "F36" else ()
            struck = nodes or (locate(world.shape, entity).nodes if entity else ())
            again = (f"{mode} {entity}",)  # the same thing twice within a day would be one ticket
            busy = start + min(length, SHOWN_S)
            wide = level in ("cluster", "mount", "partition")
            if entity and plan.free(again, start, start + length) and (wide or plan.free(struck, start, busy)):
                plan.calendar.take(again, start - DAY_S, start + length + DAY_S)
                if not wide:
                    plan.calendar.take(struck, start, busy)
                plan.truths.append(WRITERS[mode](world, plan.at(entity, start, length, mode, nodes=nodes)))
                return
        start = float(rng.uniform(QUIET_HEAD_S, max(QUIET_HEAD_S + 1, left)))


def _one_repair(mode: str, rng: np.random.Generator) -> float:
    """Duration of an incident that is not of a node, seconds."""
    kind = KINDS[mode]
    hours = kind.repair_h * np.exp(rng.normal() * 0.6)
    return float(np.clip(hours, kind.least_h, kind.most_h)) * HOUR_S


def _decoys(plan: Plan) -> None:
    """Eighteen kinds of decoys, about ninety on 64 nodes in 21 days."""
    world, rng = plan.world, plan.rng
    size = (world.days / 21) * min(4.0, max(0.35, len(world.shape.nodes) / 64)) if world.days < 60 else world.days / 21
    due = []
    for name, (level, count) in DECOY_PLAN.items():
        often = max(1, round(count * size)) if world.days >= 2 else round(count * size)
        due += [(float(rng.uniform(QUIET_HEAD_S * 0.3, world.duration_s - QUIET_TAIL_S)), name, level) for _ in range(often)]
    for start, name, level in sorted(due):
        _decoy(plan, name, level, start)


def _decoy(plan: Plan, name: str, level: str, start: float) -> None:
    """Site and write one decoy on nodes that have no fault then."""
    world, rng = plan.world, plan.rng
    for _ in range(15):
        entity = entity_for(world, level, start, rng, mode=name)
        if entity:
            length = decoy_duration_s(name, rng)
            struck = locate(world.shape, entity).nodes
            nodes: tuple[str, ...] = ()
            if name in ("D10", "D17"):
                nodes = struck = tuple(sorted(str(n) for n in rng.permutation(list(struck))[: int(rng.integers(3, 15))]))
            if level in ("run", "user") or (name == "D8") or plan.calendar.free(struck, start, start + length):
                plan.calendar.take(struck if name in _OCCUPY else (), start, start + length)
                plan.truths.append(DECOYS[name](world, plan.at(entity, start, length, name, nodes=nodes)))
                return
        start = float(rng.uniform(QUIET_HEAD_S * 0.3, world.duration_s - QUIET_TAIL_S))


_WIDER = {"F38": "cluster", "F14": "row"}
_OCCUPY = frozenset({"D1", "D4", "D7", "D10", "D12", "D14", "D15", "D16", "D17"})


def _play(plan: Plan, scenario: Sequence[Planned]) -> None:
    """Write what a scenario file lists, in order of start."""
    for i, item in enumerate(sorted(scenario, key=lambda p: p.start_s)):
        world, mode = plan.world, item.mode
        entity = (
            by_slot(world, item.entity)
            if item.entity
            else entity_for(world, levels_of(mode)[0], item.start_s, plan.rng, mode=mode)
        )
        if not entity:
            raise item.impossible(f"nothing in this fleet suits {mode} at that time")
        _must_exist(plan, item, entity)
        nodes = _rollout_nodes(plan) if mode in ("F36", "C2") else ()
        if mode in ("D10", "D17"):
            nodes = locate(world.shape, entity).nodes[:8]
        length = item.duration_s or (CASCADE_H.get(mode, 0) * HOUR_S) or _default_length(mode, plan.rng)
        at = plan.at(entity, item.start_s, length, (mode, i), strength=item.strength, nodes=nodes)
        if mode in CASCADES:
            plan.truths += CASCADES[mode](world, at)
        else:
            plan.truths.append((DECOYS if mode in DECOYS else WRITERS)[mode](world, at))


def _must_exist(plan: Plan, item: Planned, entity: str) -> None:
    """Refuse an entity that this fleet does not have, or a start after its end."""
    shape, (level, _, name) = plan.world.shape, entity.partition(":")
    known = True
    try:
        locate(shape, entity)
    except (KeyError, IndexError):
        known = False
    if level == "run":
        known = any(r.run_id == name for r in plan.world.runs)
    if level == "user":
        known = name in plan.world.jobs.users
    if not known:
        raise item.impossible(f"this fleet has no {level} '{name}'")
    if item.start_s >= plan.world.duration_s:
        raise item.impossible("the start lies after the fleet's end")


def _default_length(mode: str, rng: np.random.Generator) -> float:
    """Duration where a scenario names none."""
    return decoy_duration_s(mode, rng) if mode in DECOYS else _one_repair(mode, rng)
