"""What follows from the incidents taken together: a node that was repaired for the fifth time in seven days must be escalated.

The rule is NVSentinel's (health-events-analyzer: five remediations of a node in seven days go to support). Whoever drew the
incidents did not know how often chance would strike the same node, so the records are made from the finished world.
"""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from llo11ypop.simulator.incidents.case import Case
from llo11ypop.simulator.incidents.placement import Placement
from llo11ypop.simulator.truth import Truth
from llo11ypop.simulator.world import World

REPAIRS = frozenset({"RESET_GPU", "REBOOT", "TECH", "RMA"})
LIMIT, WINDOW_S = 5, 7 * 86400.0
QUIET_HEAD_S = 86400.0


def escalations(world: World, truths: Sequence[Truth]) -> list[Truth]:
    """One record per node and time that a fifth repair fell within seven days, unless one of `truths` says so already."""
    said = {t.entity_id for t in truths if t.cascade == "C10" or t.mode == "C10"}
    found = []
    for node, times in sorted(_repairs(world).items()):
        if node in said:
            continue
        for fifth_s in _fifths(np.sort(np.asarray(times))):
            found.append(_record(world, node, fifth_s))
    return found


def _repairs(world: World) -> dict[str, list[float]]:
    by_node: dict[str, list[float]] = {}
    for chunk in world.events.get("remediations", []):
        times = np.atleast_1d(np.asarray(chunk["ts"], dtype=float))
        nodes = np.broadcast_to(np.asarray(chunk["node_id"], dtype=object), times.shape)
        actions = np.broadcast_to(np.asarray(chunk["action"], dtype=object), times.shape)
        for at_s, node, action in zip(times, nodes, actions, strict=True):
            if action in REPAIRS:
                by_node.setdefault(str(node), []).append(float(at_s))
    return by_node


def _fifths(times: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> list[float]:
    """When the count of repairs in the last seven days reaches five, coming from below."""
    reached, above = [], False
    for index, at_s in enumerate(times):
        count = index + 1 - int(np.searchsorted(times, at_s - WINDOW_S))
        if count >= LIMIT and not above and at_s >= QUIET_HEAD_S:
            reached.append(float(at_s))
        above = count >= LIMIT
    return reached


def _record(world: World, node: str, fifth_s: float) -> Truth:
    end_s = min(fifth_s + timedelta(days=2).total_seconds(), world.duration_s)
    case = Case(world, Placement(f"node:{node}", fifth_s, end_s - fifth_s, 0.5, world.rng("derived", node, fifth_s)), "C10")
    case.see("remediations", "action", f"node_id = '{node}', five in seven days", fifth_s, end_s)
    return case.truth(
        queue="GPU-HW", severity="S2", expected="ESCALATE", acceptable=("ESCALATE", "RMA", "DIAG"),
        forbidden=("RESET_GPU", "REBOOT"), causes=("C10", "F37", "repeated_remediation", "lemon_node"),
        text="five remediations in seven days did not help",
    )  # fmt: skip
