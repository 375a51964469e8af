"""`llo11ypop db`: make or migrate the ledger, and delete what is old."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from llo11ypop.core.clock import SystemClock, parse_instant
from llo11ypop.core.errors import ConfigError
from llo11ypop.core.window import parse_duration

if TYPE_CHECKING:
    from llo11ypop.approvals.ledger import Pruned

app = typer.Typer(help="Create or migrate the ledger.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def upgrade() -> None:
    """Make the ledger where there is none, or bring it to this version; several may run at once."""
    from llo11ypop.ledger import schema
    from llo11ypop.ledger.connection import connect
    from llo11ypop.settings import load_settings

    settings = load_settings()
    if settings.ledger.url is None:
        settings.ledger.path.parent.mkdir(parents=True, exist_ok=True)
    engine = connect(settings.ledger_url)
    try:
        before, after = schema.upgrade(engine, lambda: _threads(settings.shared_url))
    finally:
        engine.dispose()
    where = settings.ledger.path if settings.ledger.url is None else engine.url.database
    print(f"{where}: " + (f"already at {after}" if before == after else f"{before or 'empty'} → {after}"))


def _threads(url: str | None) -> None:
    """The tables of paused threads; an SQLite file of them is made when it is opened."""
    if url is not None:
        from llo11ypop.approvals.postgres_threads import upgrade as upgrade_threads

        asyncio.run(upgrade_threads(url))


@app.command()
def prune(
    older_than: Annotated[str, typer.Option(help="Age, such as 90d.")] = "",
    before: Annotated[str, typer.Option(help="Instant (ISO 8601).")] = "",
) -> None:
    """Delete closed proposals with their threads, unused evidence and cycles; never what is open, nor feedback."""
    if bool(older_than) == bool(before):
        raise ConfigError("say either --older-than or --before", next_step="for example --older-than 90d")
    try:
        limit = parse_instant(before) if before else SystemClock().now() - parse_duration(older_than)
    except ValueError as bad:
        raise ConfigError(str(bad)) from bad

    async def remove() -> "Pruned":
        from llo11ypop.approvals.checkpoints import open_checkpoints
        from llo11ypop.approvals.threads import delete_threads
        from llo11ypop.daemon import compose
        from llo11ypop.settings import load_settings

        settings = load_settings()
        ledger = compose.open_ledger(settings)
        try:
            async with open_checkpoints(settings.approvals_at) as threads:
                gone = await ledger.prune(limit)
                await delete_threads(threads, gone.proposals)
                return gone
        finally:
            await ledger.close()

    gone = asyncio.run(remove())
    print(f"removed {len(gone.proposals)} proposal(s), {gone.evidence} evidence, {gone.cycles} cycle(s)")
