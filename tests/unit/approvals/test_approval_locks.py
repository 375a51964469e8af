"""Locks of proposals: one per loop, so that none outlives the loop it was made in."""

import asyncio

from llo11ypop.approvals.locks import lock_of


async def _contended() -> asyncio.Lock:
    lock = lock_of("p1")

    async def wait() -> None:
        async with lock_of("p1"):
            await asyncio.sleep(0)

    await asyncio.gather(wait(), wait())
    return lock


def test_a_lock_that_outlives_its_loop_is_not_taken_in_another() -> None:
    first = asyncio.run(_contended())
    second = asyncio.run(_contended())
    assert first is not second


async def test_one_loop_has_one_lock_per_proposal() -> None:
    one = lock_of("p1")
    assert one is lock_of("p1") and one is not lock_of("p2")
