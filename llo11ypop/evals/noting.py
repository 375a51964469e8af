"""A ledger in memory that remembers when each proposal's condition was seen again."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from llo11ypop.approvals.ledger import Touch
from llo11ypop.ledger import SqlLedger


class NotingLedger(SqlLedger):
    """Keeps, beside what a ledger keeps, the instants of confirmations and reopenings."""

    renewed: defaultdict[str, list[datetime]]

    @classmethod
    def noting(cls) -> "NotingLedger":
        """An empty one."""
        ledger = cls.in_memory()
        ledger.renewed = defaultdict(list)
        return ledger

    async def touch_many(self, touches: Sequence[Touch]) -> int:
        """See `Ledger.touch_many`."""
        for touch in touches:
            self.renewed[touch.proposal_id].append(touch.at)
        return await super().touch_many(touches)

    async def reopen(self, proposal_id: str, at: datetime, cycle_id: str) -> bool:
        """See `Ledger.reopen`."""
        self.renewed[proposal_id].append(at)
        return await super().reopen(proposal_id, at, cycle_id)
