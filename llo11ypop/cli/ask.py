"""`llo11ypop ask "…"`: a question in plain language, answered from the telemetry; without a question, a conversation.

Exit codes: 0 answered, or that there is no data and why; 1 it was asked back, declined or failed, so the operator must act.
"""

import asyncio
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llo11ypop.core.errors import ConfigError

if TYPE_CHECKING:
    from llo11ypop.core.question import Answer


def ask(
    question: Annotated[
        list[str] | None, typer.Argument(help="The question; without one, a conversation. '-' reads stdin.")
    ] = None,
    *,
    thread: Annotated[str | None, typer.Option(help="Go on with this thread: follow-ups inherit its scope.")] = None,
    at: Annotated[
        str | None, typer.Option(help="Instant, such as 2026-05-03T12:00:00Z. Default: the end of the telemetry.")
    ] = None,
    fleet: Annotated[Path | None, typer.Option(help="Telemetry file instead of telemetry.path.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The whole answer as JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="The rows as CSV.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show every agent's step with its time.")] = False,
    chart: Annotated[Path | None, typer.Option(help="Draw to this .svg, .png or .json, or into this folder.")] = None,
    gallery: Annotated[Path | None, typer.Option(help="Ask the questions of the gallery and write this Markdown file.")] = None,
) -> None:
    """Ask the fleet a question and get the answer with its table, chart, query and follow-ups."""
    from llo11ypop.observability.logs import configure_logging
    from llo11ypop.settings import load_settings

    if as_json and as_csv:
        raise ConfigError("--json and --csv exclude each other", next_step="choose one")
    settings = load_settings(None, **({"telemetry": {"path": fleet}} if fleet else {}))
    configure_logging("error", settings.logging.format)
    instant, foreign = _instant(at), fleet is not None
    if gallery is not None:
        from llo11ypop.cli.gallery import write_gallery

        asyncio.run(write_gallery(settings, gallery, instant))
        return
    text = " ".join(question or []).strip()
    text = sys.stdin.read().strip() if text == "-" else text
    if not text and question:
        raise ConfigError("the question is empty", next_step='write llo11ypop ask "failed jobs per cluster this week"')
    if not text:
        from llo11ypop.cli.ask_loop import talk

        talk(settings, thread, instant, explain=explain, foreign=foreign)
        return
    answer = asyncio.run(_once(settings, text, thread, instant, foreign=foreign))
    if answer.chart is not None and (chart is not None or not (as_json or as_csv)):
        from llo11ypop.ask.draw import drawn

        answer = drawn(answer, text, chart or settings.ask.charts, asked=chart is not None)
    _printed(answer, as_json=as_json, as_csv=as_csv, explain=explain)
    raise typer.Exit(exit_code(answer))


def _instant(text: str | None) -> datetime | None:
    from llo11ypop.core.clock import parse_instant

    if text is None:
        return None
    try:
        return parse_instant(text)
    except ValueError as bad:
        raise ConfigError(f"--at '{text}' is not an instant", next_step="write 2026-05-03T12:00:00Z") from bad


async def _once(settings: Any, question: str, thread: str | None, at: datetime | None, *, foreign: bool) -> "Answer":
    from llo11ypop.ask.conversation import ask as asked
    from llo11ypop.daemon.conversing import conversing

    async with conversing(settings, foreign=foreign) as deps:
        return await asked(question, deps, thread=thread, at=at)


def _printed(answer: "Answer", *, as_json: bool, as_csv: bool, explain: bool) -> None:
    from llo11ypop.ask.answer_json import answer_csv, answer_json

    if as_json:
        print(json.dumps(answer_json(answer), ensure_ascii=False, indent=2, default=str))
    elif as_csv:
        print(answer_csv(answer), end="")
        if answer.result is None:
            print(f"llo11ypop: {answer.text}", file=sys.stderr)
    else:
        from rich.console import Console

        from llo11ypop.cli.ask_view import show

        show(answer, Console(highlight=False, markup=False, emoji=False), explain=explain)


def exit_code(answer: "Answer") -> int:
    """0 for an answer, also when it is that there is no data; 1 where the operator must act."""
    return 0 if answer.status.value in ("answered", "no_data") else 1
