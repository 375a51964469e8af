"""What may be said of a ticket, as lines: names from the inventory and figures of rows, never a text that somebody wrote.

Values of rows that are neither in the inventory, nor in a closed list of the catalog, nor a figure are shown as `[text]`; things
that no inventory lists (runs, users, mounts) get a name of ours, which is turned back afterwards.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.proposal import Proposal, ProposedAction
from llo11ypop.core.reasoning import Hypothesis

HIDDEN = "[text]"
ACCOUNTS = "It accounts for "
"""How the template begins its sentence on further symptoms."""
SHORTEST_HIDDEN = 3
"""A shorter text cannot be found again in a sentence: the whole sign is left out then."""
SHORTEST_CUT = 8
"""A sign that shows this much of the beginning of a text, but not all of it, is left out."""
_FIGURE = re.compile(r"[-+\d.,:TZ/ ]*\d[-+\d.,:TZ/ ]*")
_PART_NAME = re.compile(r"[A-Za-z]{1,8}[_-]?\d{1,4}[A-Za-z]?")
"""`FAN3`, `psu_1`: too short to say anything."""


@dataclass(frozen=True)
class Names:
    """Which words of telemetry are trusted, and what the others are called."""

    trusted: frozenset[str]
    """Ids of the inventory, values of closed lists."""
    ours: Mapping[str, str] = field(default_factory=dict)
    """Name that only telemetry knows → our name for it."""

    @classmethod
    def of(cls, hypothesis: Hypothesis, topology: Topology, closed: Collection[str]) -> "Names":
        """The names of one hypothesis."""
        findings = (*hypothesis.findings, *hypothesis.explains)
        named = [hypothesis.entity, *(e for f in findings for e in (f.entity, *f.related))]
        foreign = [e for e in dict.fromkeys(named) if e not in topology]
        ours = {e.id: f"{e.level}-{number}" for number, e in enumerate(foreign, 1)}
        return cls(frozenset(e.id for e in topology.parents) | frozenset(closed), ours)

    def shown(self, text: str, row: Mapping[str, Any]) -> str:
        """The sentence of a row without what may not be read; empty where that cannot be told apart."""
        foreign = {v for value in row.values() for v in _texts(value) if v and v not in self.ours and not self._harmless(v)}
        if any(len(v) < SHORTEST_HIDDEN and v in text for v in foreign):
            return ""
        for value in sorted(foreign, key=len, reverse=True):
            text = text.replace(value, HIDDEN)
        cut_short = any(v[:SHORTEST_CUT] in text for v in foreign if len(v) > SHORTEST_CUT)
        return "" if cut_short else self.renamed(text)

    def renamed(self, text: str) -> str:
        """With our names for things that no inventory lists."""
        for theirs in sorted(self.ours, key=len, reverse=True):
            text = re.sub(rf"(?<![\w-]){re.escape(theirs)}(?![\w-])", self.ours[theirs], text)
        return text

    def given_back(self, text: str) -> str:
        """With the real names again."""
        theirs = {name: real for real, name in self.ours.items()}
        return re.sub(r"(?<![\w-])[a-z]+-\d+(?![\w-])", lambda found: theirs.get(found.group(), found.group()), text)

    def _harmless(self, value: str) -> bool:
        parts = [p for p in re.split(r"\s*,\s*", value) if p]
        return all(p in self.trusted or _FIGURE.fullmatch(p) or _PART_NAME.fullmatch(p) for p in parts)


@dataclass(frozen=True, slots=True)
class Facts:
    """The lines that a ticket's words are held against."""

    about: str
    """Cause, thing, place and onset."""
    symptoms: str
    """How many it accounts for; empty for none."""
    signs: tuple[str, ...]
    proposed: str
    cause: str
    """Title of the mode."""
    entity: str
    """Id of the thing, or our name for it."""
    since: str
    """The onset as `about` writes it."""

    def others(self) -> tuple[str, ...]:
        """Every line but the first."""
        return tuple(line for line in (self.symptoms, *self.signs, self.proposed) if line)

    def text(self) -> str:
        """As they are shown."""
        about = f"about: {self.about} {self.symptoms}".rstrip()
        return "\n".join([about, *(f"sign: {s}" for s in self.signs), self.proposed])


def facts_of(proposal: Proposal, hypothesis: Hypothesis, names: Names) -> Facts:
    """The facts of a new proposal. `hypothesis` is what it was made from."""
    hits = [hit for finding in hypothesis.findings for hit in finding.hits]
    signs = dict.fromkeys(names.shown(hit.text, hit.row) for hit in hits)
    about, accounts, symptoms = names.renamed(proposal.summary).partition(ACCOUNTS)
    return Facts(
        about=about.strip(),
        symptoms=accounts + symptoms,
        signs=tuple(s for s in signs if s),
        proposed=names.renamed(_action(proposal.action)),
        cause=proposal.cause_title,
        entity=names.renamed(_id(proposal.entities)),
        since=f"{proposal.since:%Y-%m-%d %H:%M}Z",
    )


def _texts(value: Any) -> list[str]:
    """The texts in a value of a row."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [t for pair in value.items() for v in pair for t in _texts(v)]
    return [t for v in value for t in _texts(v)] if isinstance(value, (list, tuple, set)) else []


def _action(action: ProposedAction) -> str:
    with_ = ", ".join(f"{name} {_value(value)}" for name, value in action.arguments.items())
    return f"proposed: {action.name} with {with_}" if with_ else f"proposed: {action.name}"


def _value(value: Any) -> str:
    return " and ".join(map(str, value)) if isinstance(value, list) else str(value)


def _id(entities: Iterable[Entity]) -> str:
    return next(iter(entities)).id
