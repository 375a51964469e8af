"""What static thresholds would do: one alert rule per sign that a playbook decides by, and nothing clever behind it.

No merging, no competing causes, no knowledge of planned work. The same rule does not fire again on the same
entity while it goes on firing; that is all. It sees the evidence of the loop's own queries, at the same instants.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from llo11ypop.core.entity import Entity
from llo11ypop.core.evidence import Evidence
from llo11ypop.evals.ticket import Ticket
from llo11ypop.playbooks import PlaybookSet
from llo11ypop.playbooks.matching import hits_of
from llo11ypop.playbooks.model import Playbook
from llo11ypop.playbooks.signals import Signal


@dataclass(frozen=True, slots=True)
class Rule:
    """One alert rule."""

    key: str
    """Name of the plan, such as `F16.fan_stopped`."""
    signal: Signal
    playbook: Playbook


def rules_of(book: PlaybookSet) -> dict[str, Rule]:
    """A rule for every sign in `all` or `any` of a fault's match; benign look-alikes get none."""
    return {
        f"{p.id}.{name}": Rule(f"{p.id}.{name}", p.signals[name], p)
        for p in book.values()
        if not p.benign
        for name in (*p.match.all, *p.match.any)
        if name in p.signals
    }


class StaticThresholds:
    """The alerts of all rules over a run. `see` is a watcher of the loop's store."""

    def __init__(self) -> None:
        self._rules: Mapping[str, Rule] | None = None
        self._firing: dict[str, frozenset[Entity]] = {}
        self.alerts: list[Ticket] = []

    def use(self, book: PlaybookSet) -> None:
        """Take the rules from the playbooks the loop runs with."""
        self._rules = rules_of(book)

    def see(self, evidence: Mapping[str, Evidence], at: datetime) -> None:
        """Evaluate every rule whose evidence is there; one without keeps its state."""
        for key, rule in (self._rules or {}).items():
            if key in evidence:
                self._evaluate(rule, evidence[key], at)

    def _evaluate(self, rule: Rule, evidence: Evidence, at: datetime) -> None:
        hits = hits_of(rule.key, rule.signal, evidence).found
        texts = {hit.entity: hit.text for hit, _, _ in reversed(hits)}
        before = self._firing.get(rule.key, frozenset())
        for entity in sorted(set(texts) - before):
            self.alerts.append(_alert(rule, entity, texts[entity], at, len(self.alerts)))
        self._firing[rule.key] = frozenset(texts)


def _alert(rule: Rule, entity: Entity, text: str, at: datetime, number: int) -> Ticket:
    first = max(rule.playbook.actions, key=lambda a: a.prior, default=None)
    return Ticket(
        id=f"alert-{number}",
        cause=rule.playbook.id,
        entities=(entity,),
        created_at=at,
        queue=str(rule.playbook.queue),
        action=str(first.name) if first else "",
        title=rule.key,
        why=(text,),
    )
