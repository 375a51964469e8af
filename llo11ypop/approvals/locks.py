"""One lock per proposal and process, so that starting, answering and recovering take turns."""

import asyncio
from weakref import WeakValueDictionary

_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()


def lock_of(proposal_id: str) -> asyncio.Lock:
    """The lock under which this process works on a proposal. Between processes the ledger's lease decides."""
    return _locks.setdefault(proposal_id, asyncio.Lock())
