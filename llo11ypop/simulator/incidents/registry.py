"""Every failure mode's writer by id."""

from collections.abc import Callable

from llo11ypop.simulator.incidents import (
    cascades,
    cascades_more,
    cooling,
    decoys,
    fleetwide,
    gpu_bus,
    gpu_memory,
    host,
    network,
    nvlink,
    planned_decoys,
    power,
    scheduler,
    storage,
    telemetry,
    training,
)
from llo11ypop.simulator.incidents.placement import Placement
from llo11ypop.simulator.truth import Truth
from llo11ypop.simulator.world import World

Writer = Callable[[World, Placement], Truth]

WRITERS: dict[str, Writer] = {
    **gpu_bus.MODES,
    **gpu_memory.MODES,
    **nvlink.MODES,
    **cooling.MODES,
    **power.MODES,
    **network.MODES,
    **storage.MODES,
    **host.MODES,
    **scheduler.MODES,
    **training.MODES,
    **fleetwide.MODES,
    **telemetry.MODES,
}
"""F1 to F38."""

DECOYS: dict[str, Writer] = {**decoys.DECOYS, **planned_decoys.DECOYS}
"""D1 to D18."""

CascadeWriter = Callable[[World, Placement], list[Truth]]
CASCADES: dict[str, CascadeWriter] = {**cascades.CASCADES, **cascades_more.CASCADES}
"""C1 to C10."""
