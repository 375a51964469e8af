"""What the ask page and its API need: somebody who answers."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from llo11ypop.core.principal import Principal
    from llo11ypop.core.question import AgentStep, Answer


class Questions(Protocol):
    """Answers questions on threads."""

    async def ask(
        self,
        question: str,
        *,
        thread: str | None = None,
        at: datetime | None = None,
        principal: "Principal | None" = None,
        on_step: "Callable[[AgentStep], None] | None" = None,
    ) -> "Answer":
        """An answer, whatever is asked. Raises ConfigError, StoreError and LedgerError where nothing can be asked at all."""
        ...

    async def turns(self, thread: str) -> Sequence[dict[str, Any]]:
        """What a thread remembers, oldest first; nothing for one that does not exist."""
        ...

    @property
    def principal(self) -> "Principal":
        """Who asks here: a request may ask for less, never for more."""
        ...
