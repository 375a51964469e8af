"""The graphs that LangGraph Studio is given: they compile over a configured fleet, and look as drawn beside them.

After a wanted change, draw them again: LLO11YPOP_DRAW=1 python -m pytest tests/graphs/test_drawings.py
"""

import json
import os
from importlib import import_module
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).parents[2]
SERVED = json.loads((ROOT / "langgraph.json").read_text(encoding="utf-8"))["graphs"]


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fleet without rows and a ledger that is not there yet."""
    duckdb.connect(str(tmp_path / "fleet.duckdb")).close()
    monkeypatch.setenv("LLO11YPOP__TELEMETRY__PATH", str(tmp_path / "fleet.duckdb"))
    monkeypatch.setenv("LLO11YPOP__LEDGER__PATH", str(tmp_path / "ledger.sqlite"))
    monkeypatch.setenv("LLO11YPOP__LEDGER__CHECKPOINTS", str(tmp_path / "checkpoints.sqlite"))


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("name", sorted(SERVED))
async def test_a_served_graph_is_the_one_that_is_drawn(name: str) -> None:
    file, _, function = SERVED[name].partition(":")
    make = getattr(import_module(f"graphs.{Path(file).stem}"), function)
    async with make() as graph:
        drawn = graph.get_graph().draw_mermaid()
    golden = ROOT / "graphs" / f"{name}.mmd"
    if os.environ.get("LLO11YPOP_DRAW"):
        golden.write_text(drawn, encoding="utf-8")
    assert drawn == golden.read_text(encoding="utf-8")


def test_a_served_graph_stays_a_thin_wrapper() -> None:
    for path in (ROOT / "graphs").glob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 40, path
