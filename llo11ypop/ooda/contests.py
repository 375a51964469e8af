"""Where several causes are about as likely, and what may be said of their order.

A choice changes which cause is named, never whether anybody is told: planned work, harmless look-alikes and symptoms stay what
the rules made of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from llo11ypop.agents.causes.model_mind import UNKNOWN
from llo11ypop.core.reasoning import Finding
from llo11ypop.ooda.orient import AS_THE_RULES, Key, Scene, Weighing, compete, key_of, planned_for

CLOSE = 0.6
"""A rival this strong, as a share of the strongest, may be put before it; evidence is not talked away (our assumption)."""
WEAK = 0.6
"""Below this strength a cause may be doubted although nothing competes with it (our assumption)."""


@dataclass(frozen=True, slots=True)
class Contest:
    """The causes of one place among which one may choose, the rules' choice first."""

    candidates: tuple[Finding, ...]

    @property
    def winner(self) -> Finding:
        """What the rules put first."""
        return self.candidates[0]

    def labels(self) -> dict[str, Finding]:
        """The candidates by mode id; a second one of a mode is numbered."""
        found: dict[str, Finding] = {}
        for one in self.candidates:
            again = sum(c.playbook == one.playbook for c in found.values())
            found[f"{one.playbook}_{again + 1}" if again else one.playbook] = one
        return found


def contests(roots: Sequence[Finding], scene: Scene) -> list[Contest]:
    """The places where there is something to weigh, most severe first. What is harmless or planned is not weighed."""
    lost = compete(roots, scene)
    found = []
    for index, root in enumerate(roots):
        if index in lost or _settled(root, scene):
            continue
        rivals = [roots[i] for i, winner in lost.items() if winner is root and not _settled(roots[i], scene)]
        close = [r for r in rivals if r.strength >= CLOSE * root.strength]
        if close or root.strength < WEAK:
            found.append(Contest((root, *sorted(close, key=lambda r: (-r.strength, r.playbook, str(r.entity))))))
    return sorted(found, key=lambda c: (scene.book[c.winner.playbook].severity, -c.winner.strength, str(c.winner.entity)))


def _settled(root: Finding, scene: Scene) -> bool:
    playbook = scene.book[root.playbook]
    return playbook.benign or (planned_for(root, scene) is not None and not playbook.despite_planned_work)


def weigh_in(contest: Contest, likeliest: str, weighing: Weighing, roots: Sequence[Finding], scene: Scene) -> Weighing | str:
    """The weighing with one more choice, or why the choice contradicts what the rules exclude."""
    if likeliest == UNKNOWN:
        return replace(weighing, doubted=weighing.doubted | {key_of(contest.winner)})
    chosen = contest.labels().get(likeliest)
    if chosen is None:
        return f"{likeliest} is not among the causes that may be named there"
    if chosen is contest.winner:
        return weighing
    first = {**weighing.first, key_of(contest.winner): key_of(chosen)}
    before, after = _standing(roots, scene, weighing), _standing(roots, scene, replace(weighing, first=first))
    if after != (before - {key_of(contest.winner)}) | {key_of(chosen)}:
        return f"{chosen.playbook} instead of {contest.winner.playbook} would raise or silence another cause"
    return replace(weighing, first=first)


def _standing(roots: Sequence[Finding], scene: Scene, weighing: Weighing = AS_THE_RULES) -> set[Key]:
    lost = compete(roots, scene, weighing.first)
    return {key_of(root) for index, root in enumerate(roots) if index not in lost}
