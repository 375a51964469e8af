"""Which faults of a trace are one incident: bursts of one kind, and refails of a node within a day."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from llo11ypop.simulator.trace_format import SECONDS_PER_DAY, Trace, TraceFault
from llo11ypop.simulator.trace_kinds import Symptom, symptom_of

COALESCE_S = 5.0
"""The same fault of the same node repeated this soon is one fault (Delta: XIDs of one GPU within 5 s)."""
BURST_S = 600.0
BURST_NODES = 3
"""This many nodes with one kind of fault within ten minutes have one cause (measured on the InfiniteHBD trace)."""
REOPEN_DAYS = 1.0
"""The same fault of the same node this soon after its end reopens the incident (our rule)."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One incident of the trace: the faults that belong together, oldest first."""

    number: int
    symptom: Symptom
    faults: tuple[TraceFault, ...]

    @property
    def start_day(self) -> float:
        """When its first fault began."""
        return self.faults[0].start_day

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes it touched, sorted."""
        return tuple(sorted({f.node_id for f in self.faults}))

    def longest_s(self, trace_end_day: float) -> float:
        """Seconds that its longest fault lasted."""
        return max(f.lasts_s(trace_end_day) for f in self.faults)


def split(trace: Trace) -> tuple[tuple[TraceFault, ...], tuple[TraceFault, ...]]:
    """(unplanned faults, planned work), each by start."""
    planned = tuple(f for f in trace.faults if symptom_of(f.kind) is Symptom.PLANNED)
    return tuple(f for f in trace.faults if symptom_of(f.kind) is not Symptom.PLANNED), planned


def episodes(faults: Iterable[TraceFault]) -> tuple[Episode, ...]:
    """Unplanned faults merged into incidents, by start. No faults give none."""
    ordered = sorted(faults, key=lambda f: (f.start_day, f.line))
    groups = _Groups(len(ordered))
    _join_refails(ordered, groups)
    _join_bursts(ordered, groups)
    merged = sorted(groups.lists(), key=lambda members: members[0])
    return tuple(
        Episode(number, symptom_of(ordered[members[0]].kind), tuple(ordered[m] for m in members))
        for number, members in enumerate(merged)
    )


def _join_refails(ordered: Sequence[TraceFault], groups: "_Groups") -> None:
    last: dict[tuple[str, object], int] = {}
    for index, fault in enumerate(ordered):
        key = (fault.node_id, fault.kind)
        before = last.get(key)
        if before is not None:
            earlier = ordered[before]
            end = earlier.start_day if earlier.end_day is None else earlier.end_day
            soon = fault.start_day <= end + REOPEN_DAYS
            if soon or (fault.start_day - earlier.start_day) * SECONDS_PER_DAY <= COALESCE_S:
                groups.join(before, index)
        last[key] = index


def _join_bursts(ordered: Sequence[TraceFault], groups: "_Groups") -> None:
    by_symptom: dict[Symptom, list[int]] = {}
    for index, fault in enumerate(ordered):
        by_symptom.setdefault(symptom_of(fault.kind), []).append(index)
    for members in by_symptom.values():
        first = 0
        while first < len(members):
            opened = ordered[members[first]].start_day
            last = first
            while last + 1 < len(members) and _near(ordered[members[last + 1]].start_day, opened):
                last += 1
            burst = members[first : last + 1]
            if len({ordered[m].node_id for m in burst}) >= BURST_NODES:
                for member in burst[1:]:
                    groups.join(burst[0], member)
            first = last + 1


def _near(day: float, opened: float) -> bool:
    return (day - opened) * SECONDS_PER_DAY <= BURST_S + 1e-3


class _Groups:
    """Disjoint sets of indexes."""

    def __init__(self, size: int) -> None:
        self._root = list(range(size))

    def find(self, index: int) -> int:
        """The smallest index of the set."""
        while self._root[index] != index:
            self._root[index] = self._root[self._root[index]]
            index = self._root[index]
        return index

    def join(self, one: int, other: int) -> None:
        """Make two sets one."""
        low, high = sorted((self.find(one), self.find(other)))
        self._root[high] = low

    def lists(self) -> list[list[int]]:
        """Every set, its members in order."""
        out: dict[int, list[int]] = {}
        for index in range(len(self._root)):
            out.setdefault(self.find(index), []).append(index)
        return list(out.values())
