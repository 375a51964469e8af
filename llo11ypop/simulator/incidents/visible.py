"""Whether an incident can still be seen once all others have happened: a run that died earlier cannot stall any more.

Incidents are drawn one by one; only the finished world shows that one of them took another's stage away. Such a record stays in
the truth, without a ticket.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from llo11ypop.simulator.grid import Grid
from llo11ypop.simulator.truth import Truth
from llo11ypop.simulator.world import World

STAGE_S = 3600.0
"""How long after its first sign the thing must still report for the incident to be seen (our assumption)."""
LEAST_SHARE = 0.5


def without_hidden(world: World, truths: Sequence[Truth]) -> list[Truth]:
    """The records, those whose run reports nothing when they should show marked as asking for no ticket."""
    return [replace(t, expected_ticket=False) if t.expected_ticket and _hidden(world, t) else t for t in truths]


def _hidden(world: World, truth: Truth) -> bool:
    steps = world.grid("training_steps")
    if truth.mode == "F31":
        return _moved_away(world, truth)
    if steps is None or truth.entity_level != "run" or truth.entity_id not in steps.entities:
        return False
    first = truth.first_seen_at
    return first is None or not _reports(steps, truth.entity_id, (first - world.start_at).total_seconds())


def _moved_away(world: World, truth: Truth) -> bool:
    """A straggler whose run no longer holds its node when it should show."""
    first, node = truth.first_seen_at or truth.start_at, truth.entities.get("node", ("",))[0]
    at_s, runs = (first - world.start_at).total_seconds(), truth.entities.get("run", ())
    return bool(runs) and not any(node in run.nodes_at(at_s) for run in world.runs if run.run_id in runs)


def _reports(steps: Grid, run_id: str, first_s: float) -> bool:
    span = steps.span(max(0.0, first_s - STAGE_S), first_s + STAGE_S)
    seen = steps.present[steps.row(run_id), span]
    return bool(seen.size) and float(np.mean(seen)) >= LEAST_SHARE
