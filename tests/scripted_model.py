"""A model on the border: it answers whatever it is told to, past every schema, and keeps what it was asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from llo11ypop.models.port import Reason, Refused, Reply, Request, Usage

Value = Mapping[str, Any] | Callable[[Request], Mapping[str, Any]] | str


@dataclass
class ScriptedModel:
    """Role → what it answers: a value, a function of the request, or the reason why it refuses."""

    answers: Mapping[str, Value]
    asked: list[Request] = field(default_factory=list)

    def has(self, role: str) -> bool:
        return role in self.answers

    async def ask(self, request: Request) -> Reply:
        self.asked.append(request)
        answer = self.answers.get(request.role, Reason.NOT_CONFIGURED.value)
        if isinstance(answer, str):
            raise Refused(answer, "as the test wants it")
        value = answer(request) if callable(answer) else answer
        return Reply(value, Usage(100, 10), 0.0, f"call-{len(self.asked)}")

    def text(self) -> str:
        """Everything that it was shown."""
        return "\n".join(f"{r.system}\n{r.user}\n{r.schema}" for r in self.asked)
