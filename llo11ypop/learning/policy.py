"""Which action to propose first: the playbook's prior, corrected by what people answered to it before.

Deterministic: the same feedback gives the same ranking and the same version. Without feedback the ranking is the
playbook's.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from llo11ypop.approvals.ledger import Ledger
from llo11ypop.core.ids import content_hash
from llo11ypop.core.proposal import ProposedAction, ReasonCode, VerdictKind
from llo11ypop.core.reasoning import Hypothesis
from llo11ypop.core.vocabulary import Action

ABOUT_ACTION = frozenset({ReasonCode.WRONG_ACTION, ReasonCode.TOO_RISKY})
"""Rejections that judge the action; the others say that target, cause or moment was wrong. Our assumption."""


class Policy(Protocol):
    """Anything that ranks the actions of a hypothesis and learns from the ledger."""

    @property
    def version(self) -> str:
        """Changes whenever the ranking may change; stored with each proposal."""
        ...

    def rank(
        self, hypothesis: Hypothesis, actions: Sequence[ProposedAction], state: Mapping[str, Any] | None = None
    ) -> list[ProposedAction]:
        """The same actions, best first, each with the policy's score."""
        ...

    async def learn_from(self, ledger: Ledger) -> None:
        """Take over what the ledger's feedback says. Raises LedgerError; the old knowledge then stays."""
        ...


@dataclass(frozen=True, slots=True)
class Tally:
    """How often an action was accepted for a mode, and how often it was judged at all."""

    accepted: int = 0
    judged: int = 0

    @property
    def rate(self) -> float:
        """Laplace's rule of succession: one half without any judgement, never 0 or 1."""
        return (self.accepted + 1) / (self.judged + 2)

    def plus(self, accepted: bool) -> "Tally":
        """With one more judgement."""
        return Tally(self.accepted + accepted, self.judged + 1)


Tallies = Mapping[tuple[str, Action], Tally]


class RulePolicy:
    """Score = prior × 2 × smoothed approval rate of (mode, action): the prior itself until somebody answers."""

    def __init__(self, tallies: Tallies | None = None) -> None:
        self._tallies: Tallies = tallies or {}

    @property
    def version(self) -> str:
        """`rule-` and a hash of all tallies."""
        counted = sorted((m, a.value, t.accepted, t.judged) for (m, a), t in self._tallies.items())
        return f"rule-{content_hash(counted)[:12]}"

    def rank(
        self, hypothesis: Hypothesis, actions: Sequence[ProposedAction], state: Mapping[str, Any] | None = None
    ) -> list[ProposedAction]:
        """Best first; equal scores keep the playbook's order. `score` of the given actions is the prior."""
        scored = [replace(a, score=round(a.score * self.factor(hypothesis.cause, a.name), 6)) for a in actions]
        return sorted(scored, key=lambda a: -a.score)

    def factor(self, cause: str, action: Action) -> float:
        """What feedback multiplies the prior by: 1 without feedback, between 0 and 2."""
        return 2 * self._tallies.get((cause, action), Tally()).rate

    async def learn_from(self, ledger: Ledger) -> None:
        """Count the ledger's feedback anew, outcomes included."""
        self._tallies = count(await ledger.feedback())


def count(records: Iterable[Mapping[str, Any]]) -> Tallies:
    """Tallies per (mode, action) from feedback records.

    An approval accepts the proposed action; an edit to another action rejects it and accepts the other; a rejection
    counts when its reason is about the action; an action after which the symptom stayed counts as a rejection, too.
    """
    tallies: dict[tuple[str, Action], Tally] = defaultdict(Tally)
    for record in records:
        cause = record["trigger"]["cause"]
        for action, accepted in _judgements(record):
            tallies[cause, action] = tallies[cause, action].plus(accepted)
    return dict(tallies)


def _judgements(record: Mapping[str, Any]) -> list[tuple[Action, bool]]:
    verdict, outcome = record["verdict"], record.get("outcome") or {}
    shown = Action(record["chosen"]["name"])
    done = Action(verdict["action"]) if verdict.get("action") else shown
    judged: list[tuple[Action, bool]] = []
    if verdict["kind"] in (VerdictKind.APPROVE, VerdictKind.EDIT):
        judged.append((done, True))
        if done is not shown:
            judged.append((shown, False))
        if outcome.get("symptom_cleared") is False:
            judged.append((done, False))
    elif verdict["kind"] == VerdictKind.REJECT and verdict.get("reason_code") in ABOUT_ACTION:
        judged.append((shown, False))
    return judged
