"""One run's answers of the models, given to every mind that asks the same: minds differ by what they make of them, not by luck.

What an answer cost is counted for each mind that got it, as if it had been asked alone.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from llo11ypop.core.ids import content_hash
from llo11ypop.models.port import Model, Refused, Reply, Request, note
from llo11ypop.models.spending import Amount, Scope, Spending, current, spending


class SharedAnswers:
    """The `Model` protocol over another. The same request asked twice by one mind is asked twice."""

    def __init__(self, models: Model) -> None:
        self._models = models
        self._kept: dict[str, list[tuple[Reply | Refused, Spending]]] = {}
        self._given: Counter[str] = Counter()

    def again(self) -> None:
        """The next mind asks from the beginning."""
        self._given.clear()

    def has(self, role: str) -> bool:
        """See `Model.has`."""
        return self._models.has(role)

    async def ask(self, request: Request) -> Reply:
        """See `Model.ask`."""
        key = content_hash(request.role, request.name, request.system, request.user, request.schema)
        kept, given = self._kept.setdefault(key, []), self._given[key]
        self._given[key] += 1
        if given < len(kept):
            answer, cost = kept[given]
            _count(cost)
        else:
            with spending(Scope.DAY, "one answer") as cost:
                answer = await self._answer(request)
            kept.append((answer, cost))
        if isinstance(answer, Refused):
            raise answer
        return answer

    async def noted(self, call_id: str, *, accepted: bool | None, why: str, preferred: Mapping[str, Any] | None) -> None:
        """See `Remembering.noted`."""
        await note(self._models, call_id, accepted=accepted, why=why, preferred=preferred)

    async def _answer(self, request: Request) -> Reply | Refused:
        try:
            return await self._models.ask(request)
        except Refused as bad:
            return bad


def _count(cost: Spending) -> None:
    for scope in current():
        for spent in cost.calls:
            scope.settle(Amount(), spent)
        scope.refused.update(cost.refused)
