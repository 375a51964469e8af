"""`llo11ypop feedback`: what people answered and what came of it, as files."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="Export what people answered and what came of it.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """Keeps `export` a command of its own."""


@app.command()
def export(
    out: Annotated[Path | None, typer.Option(help="File to write; standard output by default.")] = None,
    comments: Annotated[bool, typer.Option(help="Also what people typed; it may name people.")] = False,
) -> None:
    """Write one JSON document per verdict: state, candidates, propensity, verdict, edit, outcome."""
    from llo11ypop.learning.export import lines

    records = asyncio.run(_records())
    text = "".join(f"{one}\n" for one in lines(records, comments=comments))
    if out is None:
        print(text, end="")
    else:
        out.write_text(text, encoding="utf-8")
        print(f"{len(records)} record(s) in {out}")


async def _records() -> list[dict[str, Any]]:
    from llo11ypop.daemon import compose
    from llo11ypop.settings import load_settings

    ledger = compose.open_ledger(load_settings())
    try:
        return await ledger.feedback()
    finally:
        await ledger.close()
