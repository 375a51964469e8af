"""`SqlCalls`: the record of model calls over the ledger's own transactions."""

from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial

from llo11ypop.ledger import model_rows
from llo11ypop.ledger.post import Run
from llo11ypop.models.record import Call, Kept, Noted
from llo11ypop.models.spending import Amount

PAGE = 500


class SqlCalls:
    """The `Record` protocol in SQL."""

    def __init__(self, read: Run, write: Run) -> None:
        self._read, self._write = read, write

    async def keep(self, call: Call) -> None:
        """See `Record.keep`."""
        await self._write(lambda db: model_rows.keep(db, call))

    async def note(self, call_id: str, noted: Noted) -> bool:
        """See `Record.note`."""
        return bool(await self._write(lambda db: model_rows.note(db, call_id, noted)))

    async def spent(self, since: datetime) -> Amount:
        """See `Record.spent`."""
        found: Amount = await self._read(lambda db: model_rows.spent(db, since))
        return found

    async def all(self) -> AsyncIterator[Kept]:
        """Every call, in order of writing."""
        after = 0
        while True:
            page: list[tuple[int, Kept]] = await self._read(partial(model_rows.calls, after_seq=after, limit=PAGE))
            for after, kept in page:  # noqa: B007  the last one is where the next page begins
                yield kept
            if len(page) < PAGE:
                return

    async def prune(self, before: datetime) -> int:
        """Delete calls before then, with the texts that nothing else needs; how many."""
        return int(await self._write(lambda db: model_rows.prune(db, before)))
