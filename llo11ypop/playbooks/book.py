"""All playbooks together: the plans they need, and the findings that their evidence supports."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from llo11ypop.core.evidence import Evidence
from llo11ypop.core.fleet import Topology
from llo11ypop.core.reasoning import Finding
from llo11ypop.core.vocabulary import Area
from llo11ypop.playbooks.matching import Places, find, hits_of
from llo11ypop.playbooks.merging import absorb, merge_all
from llo11ypop.playbooks.model import COMMON, Playbook
from llo11ypop.playbooks.signals import Signal
from llo11ypop.query.plan import Plan


@dataclass(frozen=True, slots=True)
class Sign:
    """A signal and its plan, compiled once."""

    signal: Signal
    plan: Plan


class PlaybookSet(Mapping[str, Playbook]):
    """Playbooks by mode id."""

    def __init__(self, playbooks: Mapping[str, Playbook], signs: Mapping[str, Sign]) -> None:
        self._playbooks = dict(playbooks)
        self._signs = dict(signs)

    def __getitem__(self, mode: str) -> Playbook:
        """The playbook of a mode. Raises KeyError."""
        return self._playbooks[mode]

    def __iter__(self) -> Iterator[str]:
        """Mode ids."""
        return iter(self._playbooks)

    def __len__(self) -> int:
        """How many."""
        return len(self._playbooks)

    def only(self, modes: Collection[str]) -> "PlaybookSet":
        """The same set with some modes only, for tests and for looking at one playbook. Raises KeyError."""
        return PlaybookSet({mode: self._playbooks[mode] for mode in modes}, self._signs)

    def plans(self, areas: Collection[Area], *, at: datetime, last_run: Mapping[str, datetime] | None = None) -> dict[str, Plan]:
        """The plans to run for the playbooks of some areas, by `MODE.signal` or `common.signal`.

        A signal with a cadence is left out while its entry in `last_run` is younger than that: reuse its evidence.
        """
        seen = last_run or {}
        return {
            key: self._signs[key].plan
            for key in self._keys(self._of(areas))
            if (span := self.cadence(key)) is None or key not in seen or not timedelta(0) <= at - seen[key] < span
        }

    def first_plans(self, areas: Collection[Area]) -> dict[str, Plan]:
        """The plans that can raise a suspicion or rule one out: everything but signals that only support."""
        deciding = {key for p in self._of(areas) for name, key in keys_of(p).items() if name not in _only_supporting(p)}
        return {key: self._signs[key].plan for key in sorted(deciding)}

    def next_plans(self, modes: Collection[str]) -> dict[str, Plan]:
        """The plans of the supporting signals of modes under suspicion."""
        suspects = [self._playbooks[mode] for mode in modes if mode in self._playbooks]
        asked = {key for p in suspects for name, key in keys_of(p).items() if name in _only_supporting(p)}
        return {key: self._signs[key].plan for key in sorted(asked)}

    def cadence(self, key: str) -> timedelta | None:
        """How often a signal needs to be evaluated; None for every cycle. Raises KeyError."""
        return self._signs[key].signal.cadence

    def match(self, areas: Collection[Area], evidence: Mapping[str, Evidence], topology: Topology, at: datetime) -> list[Finding]:
        """Findings of the areas' playbooks, strongest first; empty when nothing matches.

        A signal without evidence, or whose data this fleet does not export, is not evaluable: it neither speaks for nor
        against. Findings on the parts of one thing are merged where the playbook says so.
        """
        places = Places(topology)
        hits = {k: hits_of(k, self._signs[k].signal, evidence.get(k)) for k in self._keys(self._of(areas))}
        found: list[Finding] = []
        for playbook in self._of(areas):
            mine = {name: hits[key] for name, key in keys_of(playbook).items()}
            found += find(playbook, mine, places, at)
        merged = merge_all(found, self._playbooks, topology)
        return sorted(absorb(merged, self._playbooks, places), key=lambda f: (-f.strength, f.playbook, str(f.entity)))

    def sign(self, key: str) -> Sign:
        """A signal by the key of its plan. Raises KeyError."""
        return self._signs[key]

    def _of(self, areas: Collection[Area]) -> list[Playbook]:
        return [p for p in self._playbooks.values() if p.area in areas]

    def _keys(self, playbooks: Collection[Playbook]) -> list[str]:
        return sorted({key for playbook in playbooks for key in keys_of(playbook).values()})


def keys_of(playbook: Playbook) -> dict[str, str]:
    """Signal as the playbook writes it → key of its plan in a set."""
    names = dict.fromkeys(name for _, name in playbook.match.names())
    return {name: name if name.startswith(f"{COMMON}.") else f"{playbook.id}.{name}" for name in names}


def _only_supporting(playbook: Playbook) -> frozenset[str]:
    match = playbook.match
    deciding = {*match.all, *match.any, *match.excluded_by, *match.ended_by}
    return frozenset(match.supporting) - deciding
