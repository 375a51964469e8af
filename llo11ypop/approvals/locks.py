"""One lock per proposal and event loop, so that starting, answering and recovering take turns."""

import asyncio
from weakref import WeakKeyDictionary, WeakValueDictionary

_locks: "WeakKeyDictionary[asyncio.AbstractEventLoop, WeakValueDictionary[str, asyncio.Lock]]" = WeakKeyDictionary()


def lock_of(proposal_id: str) -> asyncio.Lock:
    """The lock under which the running loop works on a proposal. Between loops and processes the ledger's lease decides."""
    own = _locks.setdefault(asyncio.get_running_loop(), WeakValueDictionary())
    return own.setdefault(proposal_id, asyncio.Lock())
