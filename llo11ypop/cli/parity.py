"""`llo11ypop parity`: does the store of the settings say the same as the file that was loaded into it?"""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from llo11ypop.core.errors import ConfigError


def parity(
    fleet: Annotated[Path, typer.Argument(help="The fleet's file, loaded before with 'llo11ypop load'.")],
    questions: Annotated[Path | None, typer.Option(help="Folder of the question suite, to compare its plans too.")] = None,
    every: Annotated[int, typer.Option(help="Take every n-th question only.", min=1)] = 1,
    cycles: Annotated[int, typer.Option(help="Cycles of the loop to compare, four hours apart.", min=0)] = 0,
    out: Annotated[Path | None, typer.Option(help="Write the table as Markdown.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Figures and reasons as JSON.")] = False,
) -> None:
    """Run every playbook and goal plan on a fleet's file and on the configured store. Exit 1 where they differ."""
    from llo11ypop.evals.parity_table import as_json as figures
    from llo11ypop.evals.parity_table import page
    from llo11ypop.observability.logs import configure_logging

    configure_logging("error", "text")
    target = asyncio.run(_parity(fleet, questions, every, cycles))
    text = page([target], f"llo11ypop parity {fleet.name}", f"`{fleet.name}`")
    if out:
        out.write_text(text, encoding="utf-8")
    print(json.dumps(figures([target]), indent=1) if as_json else text)
    if target.count("different") or target.unlike:
        raise typer.Exit(1)


async def _parity(fleet: Path, cases: Path | None, every: int, cycles: int) -> Any:
    from llo11ypop.daemon.compose import latest_instant, open_catalog, open_store
    from llo11ypop.evals.parity_plans import Asked, filed, instants, once, questions, shipped
    from llo11ypop.evals.parity_table import Target, compared, cycled
    from llo11ypop.settings import load_settings
    from llo11ypop.stores.duckdb import DuckDbStore

    settings = load_settings()
    telemetry = settings.telemetry
    if telemetry.store == "duckdb" and not telemetry.elasticsearch.datasets and not telemetry.prometheus.url:
        raise ConfigError(
            "the settings name no store beside a file", next_step="set telemetry.store: elasticsearch and its url first"
        )
    catalog = open_catalog(settings)
    theirs = open_store(settings, catalog)
    of_suite = await questions(fleet, cases, every=every) if cases else []
    ours = DuckDbStore.open(fleet, catalog, read_only=True)
    at = await latest_instant(ours)
    asked = once([*shipped(settings.config_dir, catalog, at), *(Asked("questions", name, plan, at) for name, plan in of_suite)])
    target = Target(telemetry.store, "the store of the settings")
    await compared(target, asked, ours, theirs)
    if cycles:
        when = instants(at, cycles)
        (expected, _), (found, _) = await filed(settings, ours, when), await filed(settings, theirs, when)
        cycled(target, expected, found, cycles)
    return target
