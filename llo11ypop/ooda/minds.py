"""Which mind a node of the cycle used: its model where one is set and answers, its rule mind otherwise, and that is said.

A refusal of a model never ends a cycle. What a rule forbids is overruled here too, and both stand in the cycle's report.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any, TypeVar

from llo11ypop.models.port import Model, Reason, Refused, Role

T = TypeVar("T")
NOTHING_TO_ASK = "nothing to ask"


class Mind:
    """The model of one role in one node of one cycle."""

    def __init__(self, models: Model, role: Role, seconds: float) -> None:
        self.models = models
        self._role = role
        self._seconds = seconds
        self._until: float | None = None
        self._asked = self._answered = 0
        self._why: list[str] = []

    @property
    def on(self) -> bool:
        """Whether a model is set for the role."""
        return self.models.has(self._role)

    async def consult(self, call: Awaitable[T]) -> T | None:
        """What a model mind answers; None where it refuses or takes too long, and the rule mind's word stands."""
        self._asked += 1
        loop = asyncio.get_running_loop()
        self._until = self._until or loop.time() + self._seconds
        try:
            async with asyncio.timeout_at(self._until):
                answer = await call
        except Refused as why:
            self._why.append(why.reason)
        except TimeoutError:
            self._why.append(str(Reason.TIMEOUT))
        else:
            self._answered += 1
            return answer
        return None

    def overruled(self, why: str) -> None:
        """Note what of an answer was not taken."""
        self._why.append(f"overruled: {why}")

    def record(self) -> dict[str, Any]:
        """For the cycle's report. `why` lists, each once, what kept the model's word from being used."""
        why = list(dict.fromkeys(self._why))
        if not self._asked:
            why = [NOTHING_TO_ASK if self.on else str(Reason.NOT_CONFIGURED)]
        mind = "model" if self._answered else "rule"
        return {"role": str(self._role), "mind": mind, "asked": self._asked, "answered": self._answered, "why": why}


def told(minds: Iterable[Mapping[str, Any]]) -> str:
    """The records of a cycle's minds in one line; empty where no model was asked."""
    asked = [one for one in minds if one["asked"]]
    parts = [
        f"{one['role']} answered {one['answered']} of {one['asked']}" + (f" ({'; '.join(one['why'])})" if one["why"] else "")
        for one in asked
    ]
    left = "" if all(one["answered"] == one["asked"] for one in asked) else "; the rules decided the rest"
    return f"Models: {', '.join(parts)}{left}." if parts else ""
