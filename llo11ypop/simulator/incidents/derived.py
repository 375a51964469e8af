"""What follows from everything taken together: a node's fifth repair in seven days, a user's third out-of-memory in six hours.

The first rule is NVSentinel's (health-events-analyzer: five remediations of a node in seven days go to support), the second our
definition of F30. Whoever drew incidents and jobs did not know how often chance would strike the same node or user, so these
records are made from the finished world.
"""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from llo11ypop.simulator.incidents.case import Case
from llo11ypop.simulator.incidents.placement import Placement
from llo11ypop.simulator.jobs import STATE
from llo11ypop.simulator.truth import Truth
from llo11ypop.simulator.world import World

REPAIRS = frozenset({"RESET_GPU", "REBOOT", "TECH", "RMA"})
LIMIT, WINDOW_S = 5, 7 * 86400.0
OOM_LIMIT, OOM_WINDOW_S = 3, 6 * 3600.0
QUIET_HEAD_S = 86400.0
HALF_DAY = timedelta(hours=12)


def escalations(world: World, truths: Sequence[Truth]) -> list[Truth]:
    """One record per node and time that a fifth repair fell within seven days, unless one of `truths` says so already."""
    said = {t.entity_id for t in truths if t.cascade == "C10" or t.mode == "C10"}
    found = []
    for node, times in sorted(_repairs(world).items()):
        if node in said:
            continue
        for fifth_s in _reached(np.sort(np.asarray(times)), LIMIT, WINDOW_S):
            found.append(_record(world, node, fifth_s))
    return found


def memory_hogs(world: World, truths: Sequence[Truth]) -> list[Truth]:
    """One record per user and time that a third job ran out of memory within six hours, unless `truths` say so already."""
    said = [(t.entity_id, t.start_at, t.end_at) for t in truths if t.mode == "F30" and t.expected_ticket]
    column, found = world.jobs.column, []
    out = column["state"] == STATE["OUT_OF_MEMORY"]
    for index, user in enumerate(world.jobs.users):
        ends = np.sort(column["end_s"][out & (column["user"] == index)])
        for third_s in _reached(ends[ends < world.duration_s], OOM_LIMIT, OOM_WINDOW_S):
            at = world.at(third_s)
            if not any(who == user and begin - HALF_DAY <= at <= end + HALF_DAY for who, begin, end in said):
                found.append(_hog(world, user, third_s))
    return found


def tame(world: World) -> None:
    """In a quiet fleet no user runs out of memory three times in six hours: such jobs just fail."""
    column = world.jobs.column
    for index in range(len(world.jobs.users)):
        mine = np.flatnonzero((column["state"] == STATE["OUT_OF_MEMORY"]) & (column["user"] == index))
        kept: list[float] = []
        for job in mine[np.argsort(column["end_s"][mine])]:
            end_s = float(column["end_s"][job])
            if sum(end_s - earlier < OOM_WINDOW_S for earlier in kept) >= OOM_LIMIT - 1:
                column["state"][job] = STATE["FAILED"]
            else:
                kept.append(end_s)


def _hog(world: World, user: str, third_s: float) -> Truth:
    end_s = min(third_s + OOM_WINDOW_S, world.duration_s)
    case = Case(world, Placement(f"user:{user}", third_s, end_s - third_s, 0.5, world.rng("hog", user, third_s)), "F30")
    case.see("slurm_jobs", "state", f"user = '{user}' and state = 'OUT_OF_MEMORY'", third_s, end_s)
    return case.truth(first_s=third_s, extra={"user": (user,)})


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


def _reached(times: npt.NDArray[np.float64], limit: int, window_s: float) -> list[float]:
    """When the count within the trailing window reaches the limit, coming from below; not in the quiet first day."""
    reached, above = [], False
    for index, at_s in enumerate(times):
        count = index + 1 - int(np.searchsorted(times, at_s - window_s))
        if count >= limit and not above and at_s >= QUIET_HEAD_S:
            reached.append(float(at_s))
        above = count >= limit
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
