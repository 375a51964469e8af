"""Conversations that nobody goes on with are deleted whole."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint

from llo11ypop.approvals.checkpoints import open_checkpoints
from llo11ypop.ask.forgetting import forget_threads
from llo11ypop.daemon.conversing import forgotten
from llo11ypop.settings import Ask, Settings

NOW = datetime(2026, 5, 21, 18, tzinfo=UTC)


async def _turn(saver: "BaseCheckpointSaver[str]", thread: str, age_days: float) -> None:
    checkpoint = empty_checkpoint()
    checkpoint["ts"] = (NOW - timedelta(days=age_days)).isoformat()
    config = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
    await saver.aput(config, checkpoint, {"source": "loop", "step": 1, "parents": {}}, {})  # type: ignore[arg-type]


async def _left(saver: "BaseCheckpointSaver[str]") -> set[str]:
    return {found.config["configurable"]["thread_id"] async for found in saver.alist(None)}


@pytest.mark.parametrize("kept", ["memory", "file"])
async def test_a_thread_is_as_old_as_its_last_turn(kept: str, tmp_path: Path) -> None:
    async with open_checkpoints(tmp_path / "c.sqlite" if kept == "file" else None) as saver:
        await _turn(saver, "ask:operator:old", 100)
        await _turn(saver, "ask:operator:gone-on-with", 100)
        await _turn(saver, "ask:operator:gone-on-with", 3)
        assert await forget_threads(saver, NOW - timedelta(days=90)) == 1
        assert await _left(saver) == {"ask:operator:gone-on-with"}
        assert await forget_threads(saver, NOW - timedelta(days=90)) == 0


async def test_the_daemon_forgets_in_the_configured_file(tmp_path: Path) -> None:
    settings = Settings(ask=Ask(threads=tmp_path / "conversations.sqlite"))
    assert await forgotten(settings, NOW) == 0
    assert not settings.ask.threads.exists()
    async with open_checkpoints(settings.ask.threads) as saver:
        await _turn(saver, "ask:operator:old", 1)
    assert await forgotten(settings, NOW) == 1
