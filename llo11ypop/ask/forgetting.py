"""Forget conversations that nobody went on with: a thread is deleted whole, once its last turn is older than threads are kept."""

from datetime import datetime

from langgraph.checkpoint.base import BaseCheckpointSaver

from llo11ypop.core.clock import parse_instant


async def forget_threads(saver: "BaseCheckpointSaver[str]", before: datetime) -> int:
    """Delete the threads whose newest checkpoint was written before an instant of the machine's clock; how many there were.

    Raises what the saver raises; deleting again is harmless.
    """
    newest: dict[str, datetime] = {}
    async for found in saver.alist(None):
        thread = str(found.config["configurable"]["thread_id"])
        written = parse_instant(found.checkpoint["ts"])
        newest[thread] = max(newest.get(thread, written), written)
    gone = [thread for thread, written in newest.items() if written < before]
    for thread in gone:
        await saver.adelete_thread(thread)
    return len(gone)
