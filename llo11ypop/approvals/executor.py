"""Who carries out an approved action. Until executors exist the order is recorded, for people to do."""

from dataclasses import dataclass
from typing import Any, Protocol

from llo11ypop.approvals.ledger import Order


class Executor(Protocol):
    """Carries out orders. May be called again with the same `key`: it looks before it acts."""

    async def execute(self, order: Order) -> dict[str, Any]:
        """The receipt, as plain JSON. Raises Llo11yPopError; the order is then tried again by `reconcile`."""
        ...


@dataclass(frozen=True, slots=True)
class RecordingExecutor:
    """Does nothing to the fleet: the receipt says that the action is approved and is to be done by people."""

    async def execute(self, order: Order) -> dict[str, Any]:
        """The receipt of an order that is recorded only."""
        return {"executed": False, "by": "people", "action": order.action.value, "arguments": order.arguments}
