"""Forget conversations that nobody went on with: a thread is deleted whole, once its last turn is older than threads are kept."""

from datetime import datetime

from langgraph.checkpoint.base import BaseCheckpointSaver

from llo11ypop.approvals.checkpoints import threads_older_than


async def forget_threads(saver: "BaseCheckpointSaver[str]", before: datetime) -> int:
    """Delete the threads whose newest checkpoint was written before an instant of the machine's clock; how many there were.

    Raises what the saver raises; deleting again is harmless.
    """
    gone = await threads_older_than(saver, before)
    for thread in gone:
        await saver.adelete_thread(thread)
    return len(gone)
