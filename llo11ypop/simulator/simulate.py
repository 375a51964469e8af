"""From a specification to a finished world: shape, jobs, telemetry, incidents, then the books are closed."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from llo11ypop.core.window import iso
from llo11ypop.simulator.background import accounting, chatter, fabric, facility, gpu, inventory, slurm, states, storage, training
from llo11ypop.simulator.background.submission import build_jobs
from llo11ypop.simulator.building import build_shape
from llo11ypop.simulator.shape import FleetShape
from llo11ypop.simulator.spec import SimulationSpec
from llo11ypop.simulator.world import World

if TYPE_CHECKING:
    from llo11ypop.simulator.truth import Truth


def seeded(seed: int, *key: object) -> np.random.Generator:
    """A generator that is a function of the seed and the key."""
    text = "\x1f".join(str(part) for part in (seed, *key))
    return np.random.Generator(np.random.PCG64(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "big")))


def build_background(spec: SimulationSpec, shape: FleetShape | None = None) -> World:
    """A world without incidents. The shape depends on seed and size only, the rest also on `spec.chapter`."""
    stands = shape or build_shape(spec.gpus, seeded(spec.seed, "shape"))
    seed = spec.seed if not spec.chapter else int(seeded(spec.seed, "chapter", spec.chapter).integers(2**62))
    draw: Callable[..., np.random.Generator] = lambda *key: seeded(seed, *key)  # noqa: E731
    jobs, runs = build_jobs(stands, spec.days * 86400.0, draw, spec.chapter)
    world = World(stands, spec.start_at, spec.days, seed, spec.profile, spec.events_only, spec.acceleration, jobs)
    world.runs, world.quiet, world.scenario = runs, spec.quiet, spec.scenario
    world.meta = _meta(spec)
    training.build_training(world)
    if not spec.events_only:
        gpu.build_gpu(world)
        facility.build_facility(world)
        fabric.build_fabric(world)
        slurm.build_slurm(world)
        storage.build_storage(world)
    chatter.build_chatter(world)
    jobs.hooks.append(lambda job, start, end: _freed(world, job, start, end))
    jobs.start_hooks.append(lambda job, start, end: _taken(world, job, start, end))
    jobs.leave_hooks.append(lambda job, start, end, node: _moved(world, job, (start, end), -1, node))
    jobs.arrive_hooks.append(lambda job, start, end, node: _moved(world, job, (start, end), job, node))
    return world


def _moved(world: World, job: int, span: tuple[float, float], holder: int, node: int) -> None:
    """A job leaves a node before it starts, or takes another."""
    if not world.events_only:
        gpu.repaint(world, job, *span, holder, only=node)


def _meta(spec: SimulationSpec) -> dict[str, str]:
    """What fleet_meta says."""
    return {
        "seed": str(spec.seed), "profile": spec.profile, "start": iso(spec.start_at),
        "end": iso(spec.start_at + timedelta(days=spec.days)), "simulated": "true", "schema_version": inventory.SCHEMA_VERSION,
        "gpus": str(spec.gpus), "acceleration": f"{spec.acceleration:g}", "chapter": str(spec.chapter),
    }  # fmt: skip


def _freed(world: World, job: int, start_s: float, end_s: float) -> None:
    """A job ended early or never ran: its GPUs go idle."""
    if not world.events_only:
        gpu.repaint(world, job, start_s, end_s, -1)
        slurm.follow_job(world, job, start_s, end_s, -1)


def _taken(world: World, job: int, start_s: float, end_s: float) -> None:
    """A job started again."""
    if not world.events_only:
        gpu.repaint(world, job, start_s, end_s, job)
        slurm.follow_job(world, job, start_s, end_s, 1)


def finish(world: World) -> World:
    """Close the books: node states, conditions, jobs, runs, inventory, derived columns. Call once."""
    world.drop_hidden()
    accounting.settle_runs(world)
    states.write_node_states(world)
    states.write_conditions(world)
    slurm.settle_slurm(world)
    accounting.fill_gpu_events(world)
    accounting.write_jobs(world)
    inventory.write_inventory(world)
    gpu.settle_gpu(world)
    world.add("fleet_meta", key=np.array(list(world.meta), dtype=object), value=np.array(list(world.meta.values()), dtype=object))
    return world


def simulate(spec: SimulationSpec) -> "tuple[World, list[Truth]]":
    """A finished world with its incidents and decoys, and the truth about them."""
    from llo11ypop.simulator.incidents.derived import escalations, memory_hogs, tame
    from llo11ypop.simulator.incidents.schedule import populate
    from llo11ypop.simulator.incidents.visible import without_hidden

    world = build_background(spec)
    truths = populate(world)
    if world.quiet:
        tame(world)
    truths += [*escalations(world, truths), *memory_hogs(world, truths)]
    return finish(world), without_hidden(world, truths)
