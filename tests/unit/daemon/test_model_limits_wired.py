"""What `models.yaml` allows the models of a cycle and of a question reaches the loop and the conversation."""

from datetime import datetime
from pathlib import Path

from llo11ypop.daemon.compose import deps, open_store
from llo11ypop.daemon.conversing import ask_deps
from llo11ypop.ledger import SqlLedger
from llo11ypop.models.config import MindLimits
from tests.ask_fleet import END, settings_for


async def test_limits_of_the_file_are_those_of_the_loop_and_the_conversation(tmp_path: Path) -> None:
    file = tmp_path / "models.yaml"
    file.write_text("votes: 3\ncycle: {places: 2, seconds: 0.5}\n", encoding="utf-8")
    shipped = settings_for(tmp_path)
    settings = shipped.model_copy(update={"models": shipped.models.model_copy(update={"file": file})})
    ledger = SqlLedger.in_memory()
    loop = await deps(settings, open_store(settings), ledger)
    assert loop.minds == MindLimits(places=2, seconds=0.5)
    assert (loop.minds.areas, loop.minds.further) == (2, 8)

    async def now() -> datetime:
        return END

    assert ask_deps(settings, loop, now, None).votes == 3
    await ledger.close()
