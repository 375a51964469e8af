"""Small worlds to place incidents in, and looking up what came out."""

from typing import Any

import numpy as np

from llo11ypop.simulator.incidents.placement import Placement
from llo11ypop.simulator.simulate import build_background
from llo11ypop.simulator.spec import SimulationSpec
from llo11ypop.simulator.world import World

START_S = 130_000.0
HOUR_S = 3600.0


def small_world(*, days: float = 4, gpus: int = 128, seed: int = 3, **more: Any) -> World:
    return build_background(SimulationSpec(seed=seed, gpus=gpus, days=days, **more))


def entity_in(world: World, level: str) -> str:
    run, shape = world.runs[0], world.shape
    node = run.nodes[0]
    busy = next(int(j) for j in world.jobs.active(START_S) if world.jobs.column["run"][j] < 0)
    names = {
        "gpu": shape.node(node).gpus[2],
        "node": node,
        "port": f"{node}/mlx5_1",
        "rack": shape.node(node).rack,
        "row": shape.node(node).row,
        "switch": shape.node(node).leaf_switch,
        "cluster": run.cluster,
        "mount": f"{run.cluster}/{run.mount}",
        "partition": f"{run.cluster}/dev",
        "run": run.run_id,
        "user": world.jobs.user_of(busy),
        "driver": "570.86.15",
    }
    return f"{level}:{names[level]}"


def placed(
    world: World, level: str, *, hours: float = 6, strength: float = 0.6, key: str = "test", nodes: tuple[str, ...] = ()
) -> Placement:
    entity = entity_in(world, level)
    return Placement(entity, START_S, hours * HOUR_S, strength, world.rng(key, entity), nodes=nodes)


def rows_of(world: World, table: str, **where: Any) -> list[dict[str, Any]]:
    """Event rows of scalar chunks (those that incidents add) that match."""
    out = []
    for chunk in world.events.get(table, []):
        if any(isinstance(v, np.ndarray) and v.size > 1 for v in chunk.values()):
            continue
        if all(chunk.get(k) == v for k, v in where.items()):
            out.append(chunk)
    return out


def during(world: World, table: str, column: str, entity: str, at_h: float, span_h: float = 1) -> np.ndarray:  # type: ignore[type-arg]
    """A grid column of an entity (all its rows) for a span that starts `at_h` hours into the incident."""
    grid = world.grid(table)
    assert grid is not None
    span = grid.span(START_S + at_h * HOUR_S, START_S + (at_h + span_h) * HOUR_S)
    return np.asarray(grid.columns[column][grid.rows([entity]), span])


def present(world: World, table: str, entity: str, at_h: float, span_h: float = 1) -> np.ndarray:  # type: ignore[type-arg]
    grid = world.grid(table)
    assert grid is not None
    return np.asarray(grid.present[grid.rows([entity]), grid.span(START_S + at_h * HOUR_S, START_S + (at_h + span_h) * HOUR_S)])
