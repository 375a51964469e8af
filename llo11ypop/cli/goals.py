"""`llo11ypop goals`: every goal with the value of the last cycle, its baseline and its target."""

import asyncio
import json
from typing import Annotated, Any

import typer


def goals(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Show the goals; those that miss their target come first."""
    from llo11ypop.settings import load_settings

    views = asyncio.run(_views(load_settings()))
    print(json.dumps(views, default=str, ensure_ascii=False, indent=2) if as_json else table(views))


async def _views(settings: Any) -> list[dict[str, Any]]:
    from llo11ypop.console.views import goal_views
    from llo11ypop.daemon.compose import open_catalog, open_ledger
    from llo11ypop.playbooks import load_goals

    ledger = open_ledger(settings)
    try:
        cycles = [c for c in await ledger.cycles(60) if c.status == "done"]
    finally:
        await ledger.close()
    return goal_views(load_goals(settings.config_dir, open_catalog(settings)), cycles)


def table(views: list[dict[str, Any]]) -> str:
    """Aligned columns: state, goal, value, before, target."""
    from llo11ypop.console.figures import figure

    rows = [("STATE", "GOAL", "VALUE", "BEFORE", "TARGET", "TITLE")]
    for view in views:
        sign = "≤" if view["direction"] == "down" else "≥"
        target = "–" if view["target"] is None else f"{sign} {figure(view['target'], view['unit'])}"
        value, before = (figure(view[name], view["unit"]) for name in ("value", "baseline"))
        rows.append((view["state"], view["id"], value, before, target, view["title"]))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    return "\n".join("  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[5]]) for row in rows)
