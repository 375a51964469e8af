"""`llo11ypop feedback`: what people answered, what models answered, and what came of it, as files."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from llo11ypop.core.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from llo11ypop.learning.card import Card
    from llo11ypop.models.record import Kept
    from llo11ypop.settings import Settings

app = typer.Typer(help="Export what people answered and what came of it.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """Keeps `export` a command of its own."""


@app.command()
def export(
    form: Annotated[
        Literal["records", "sft", "dpo", "kto"],
        typer.Option("--format", help="records: verdicts as they are; sft, dpo, kto: training data for TRL."),
    ] = "records",
    out: Annotated[
        Path | None, typer.Option(help="File to write (a folder for training data); standard output by default.")
    ] = None,
    comments: Annotated[bool, typer.Option(help="Also what people typed; it may name people. Of records only.")] = False,
    names: Annotated[
        bool, typer.Option(help="Read the names of people from telemetry, to take them out. Of training data only.")
    ] = True,
) -> None:
    """Write one JSON document per verdict, or training data with a data card: secrets and names out, split by time."""
    if form == "records":
        _write_records(out, comments)
        return
    if out is None:
        raise ConfigError(f"--format {form} writes several files", next_step="name a folder with --out")
    card = asyncio.run(_training_data(form, out, names))
    print(f"{card.lines} line(s) in {out}: {', '.join(f'{f.name} {f.lines}' for f in card.files)}")
    print(f"  {card.people}")
    for why, n in card.left_out.items():
        print(f"  left out: {n} {why}")


def _write_records(out: Path | None, comments: bool) -> None:
    from llo11ypop.learning.export import lines

    records = asyncio.run(_records())
    text = "".join(f"{one}\n" for one in lines(records, comments=comments))
    if out is None:
        print(text, end="")
    else:
        out.write_text(text, encoding="utf-8")
        print(f"{len(records)} record(s) in {out}")


async def _records() -> list[dict[str, Any]]:
    return (await _kept(calls=False))[0]


async def _kept(*, calls: bool) -> "tuple[list[dict[str, Any]], list[Kept]]":
    """Verdicts of the ledger, and model calls where they are wanted."""
    from llo11ypop.daemon import compose
    from llo11ypop.settings import load_settings

    ledger = compose.open_ledger(load_settings())
    try:
        return await ledger.feedback(), [one async for one in ledger.model_calls.all()] if calls else []
    finally:
        await ledger.close()


async def _training_data(form: Literal["sft", "dpo", "kto"], out: Path, names: bool) -> "Card":
    from llo11ypop.core.clock import SystemClock
    from llo11ypop.core.ids import new_id
    from llo11ypop.learning.dataset import export as write
    from llo11ypop.learning.from_calls import from_calls
    from llo11ypop.learning.from_verdicts import from_verdicts
    from llo11ypop.learning.privacy import Scrubber
    from llo11ypop.settings import load_settings

    settings = load_settings()
    verdicts, calls = await _kept(calls=True)
    people, how, words = await _people(settings, names)
    salt = settings.ask.salt.get_secret_value() or new_id()
    scrubber = Scrubber(salt.encode(), people, words)
    gathered = (from_calls(calls), from_verdicts(verdicts))
    try:
        return write(gathered, form, out, scrubber, SystemClock().now(), people=how)
    except OSError as bad:
        raise ConfigError(f"{out} cannot be written: {bad.strerror}", next_step="name a folder that can be written") from bad


async def _people(settings: "Settings", wanted: bool) -> tuple[set[str], str, set[str]]:
    """Names of people, how they were found, and words of the catalog, which are nobody's name."""
    from llo11ypop.daemon.compose import latest_instant, open_catalog, open_store
    from llo11ypop.learning.people import people

    catalog = open_catalog(settings)
    words = {*catalog.datasets, *(name for one in catalog.datasets.values() for name in one.fields)}
    if not wanted:
        return set(), "Names of people were not looked up in telemetry.", words
    try:
        store = open_store(settings, catalog)
        found = await people(store, catalog, await latest_instant(store))
    except StoreError as bad:
        return set(), f"Names of people could not be looked up in telemetry ({bad}).", words
    return found, f"{len(found)} names of people were looked up in telemetry and taken out wherever they stand.", words
