"""`llo11ypop dashboard`: the dashboard of a goal, an incident or an answer; pushed to Grafana, or as JSON to import."""

import asyncio
import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llo11ypop.core.errors import ConfigError, UnknownNameError

if TYPE_CHECKING:
    from llo11ypop.dashboards.panels import Board
    from llo11ypop.settings import Settings

app = typer.Typer(help="The dashboard of a goal, an incident or an answer.", no_args_is_help=True, add_completion=False)

Push = Annotated[bool, typer.Option("--push", help="Write it to Grafana (settings: grafana) and print its link.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the dashboard's JSON, as Grafana imports it.")]
At = Annotated[str | None, typer.Option(help="Instant, such as 2026-05-03T12:00:00Z. Default: the end of the telemetry.")]


@app.command("goal")
def goal(goal_id: Annotated[str, typer.Argument(help="As 'llo11ypop goals' shows it.")], at: At = None, push: Push = False, as_json: AsJson = False) -> None:  # fmt: skip # noqa: E501
    """The plan of a goal and its slices, over the goal's window."""
    asyncio.run(_shown(lambda settings: _goal(settings, goal_id, at), push=push, as_json=as_json))


@app.command("incident")
def incident(proposal_id: str, push: Push = False, as_json: AsJson = False) -> None:
    """Everything that the evidence of a proposal read, with what people answered."""
    asyncio.run(_shown(lambda settings: _incident(settings, proposal_id), push=push, as_json=as_json))


@app.command("answer")
def answer(question: list[str], at: At = None, push: Push = False, as_json: AsJson = False) -> None:
    """Ask a question, and show what was read for its answer."""
    asyncio.run(_shown(lambda settings: _answer(settings, " ".join(question), at), push=push, as_json=as_json))


@app.command("evidence")
def evidence(evidence_id: str, push: Push = False, as_json: AsJson = False) -> None:
    """The rows of a piece of evidence, frozen as a snapshot that nothing changes any more."""
    asyncio.run(_frozen(evidence_id, push=push, as_json=as_json))


async def _frozen(evidence_id: str, *, push: bool, as_json: bool) -> None:
    from llo11ypop.cli.evidence import kept
    from llo11ypop.core.window import Window
    from llo11ypop.daemon import dashboards
    from llo11ypop.dashboards.grafana import Grafana
    from llo11ypop.dashboards.snapshot import DAY, snapshot_json
    from llo11ypop.settings import load_settings

    settings = load_settings()
    if push and not settings.grafana.url:
        raise ConfigError("there is no Grafana to push to", next_step="set grafana.url, or print the snapshot with --json")
    found = await kept(settings, evidence_id)
    built = snapshot_json(f"Evidence {found.id}", [found], found.window or Window(found.at - DAY, found.at))
    if as_json:
        print(json.dumps(built, ensure_ascii=False, indent=2))
    if push:
        async with Grafana(dashboards.access(settings)) as grafana:
            print(settings.grafana.url.rstrip("/") + await grafana.freeze(built))
    elif not as_json:
        print(f"{dashboards.console_of(settings).rstrip('/')}/evidence/{found.id}")


def _instant(text: str | None) -> datetime | None:
    from llo11ypop.core.clock import parse_instant

    try:
        return parse_instant(text) if text else None
    except ValueError as bad:
        raise ConfigError(f"--at '{text}' is not an instant", next_step="write 2026-05-03T12:00:00Z") from bad


async def _goal(settings: "Settings", goal_id: str, at: str | None) -> "Board":
    from llo11ypop.daemon.compose import latest_instant, open_catalog, open_store
    from llo11ypop.dashboards.panels import goal_board
    from llo11ypop.playbooks import load_goals

    catalog = open_catalog(settings)
    goals = {g.id: g for g in load_goals(settings.config_dir, catalog)}
    if goal_id not in goals:
        raise UnknownNameError("goal", goal_id, goals)
    instant = _instant(at)
    if instant is None:
        instant = await latest_instant(open_store(settings, catalog))
    return goal_board(goals[goal_id], catalog, instant)


async def _incident(settings: "Settings", proposal_id: str) -> "Board":
    from llo11ypop.daemon import dashboards
    from llo11ypop.daemon.compose import open_catalog, open_ledger

    ledger = open_ledger(settings)
    try:
        return await dashboards.incident(proposal_id, ledger, open_catalog(settings))
    finally:
        await ledger.close()


async def _answer(settings: "Settings", question: str, at: str | None) -> "Board":
    from llo11ypop.ask.conversation import ask
    from llo11ypop.daemon.compose import open_catalog
    from llo11ypop.daemon.conversing import conversing
    from llo11ypop.dashboards.panels import answer_board

    async with conversing(settings) as deps:
        found = await ask(question, deps, thread=None, at=_instant(at))
    try:
        return answer_board(question, found.evidence, open_catalog(settings))
    except ValueError as bad:
        raise ConfigError(f"{found.text} ({bad})", next_step="ask for something that is measured") from bad


async def _shown(make: Any, *, push: bool, as_json: bool) -> None:
    from llo11ypop.daemon import dashboards
    from llo11ypop.daemon.compose import open_catalog
    from llo11ypop.dashboards.build import dashboard_json
    from llo11ypop.dashboards.links import board_link
    from llo11ypop.settings import load_settings

    settings = load_settings()
    if push and not settings.grafana.url:
        raise ConfigError("there is no Grafana to push to", next_step="set grafana.url, or print the dashboard with --json")
    board, catalog = await make(settings), open_catalog(settings)
    console = dashboards.console_of(settings)
    if push or as_json:
        built = dashboard_json(board, catalog, await dashboards.sources(settings, catalog), console)
        if as_json:
            print(json.dumps(built, ensure_ascii=False, indent=2))
        if push:
            print(await pushed(settings, board, built))
        return
    print(f"{board.title}\n{board.window}\n{board_link(board, settings.grafana.url, console)}")
    for panel in board.panels:
        print(f"- {panel.title}")


async def pushed(settings: "Settings", board: "Board", built: dict[str, Any]) -> str:
    """Write the dashboard and its marks; gives its link. Raises StoreError."""
    from llo11ypop.daemon import dashboards
    from llo11ypop.dashboards.grafana import Grafana
    from llo11ypop.dashboards.links import board_link

    async with Grafana(dashboards.access(settings)) as grafana:
        await grafana.push(built, settings.grafana.folder, f"llo11ypop {board.kind}")
        await grafana.mark(board.uid, board.marks)
    return board_link(board, settings.grafana.url, "")
