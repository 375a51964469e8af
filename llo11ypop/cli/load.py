"""`llo11ypop load`: write a fleet's file into Elasticsearch, so that everything can be tried on the real path."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from llo11ypop.stores.es_load import Loaded

REASONS = 5
"""Reasons that are printed per dataset."""


def load(
    fleet: Annotated[Path, typer.Argument(help="File written by 'llo11ypop simulate'.")],
    url: Annotated[str, typer.Option(help="Elasticsearch; telemetry.elasticsearch.url when absent.")] = "",
    only: Annotated[list[str] | None, typer.Option(help="Only this dataset; may be given several times.")] = None,
    last: Annotated[str, typer.Option(help="Only the end of what was measured and logged, such as 2d.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Write a fleet's file into Elasticsearch; exit 1 when rows were refused. Keys and passwords come from the settings."""
    from llo11ypop.core.errors import ConfigError
    from llo11ypop.settings import load_settings

    overrides: dict[str, Any] = {"telemetry": {"elasticsearch": {"url": url}}} if url else {}
    settings = load_settings(None, **overrides)
    if not fleet.exists():
        raise ConfigError(f"no file at {fleet}", next_step="write one with 'llo11ypop simulate'")
    done = asyncio.run(_load(settings, fleet, tuple(only or ()), last))
    if as_json:
        print(json.dumps([{**vars(d), "refused": dict(d.refused)} for d in done], indent=2))
    else:
        _print(done)
    if any(d.refused for d in done):
        raise typer.Exit(1)


async def _load(settings: Any, fleet: Path, only: tuple[str, ...], last: str) -> "list[Loaded]":
    import duckdb

    from llo11ypop.core.errors import ConfigError
    from llo11ypop.core.window import parse_duration
    from llo11ypop.daemon.compose import open_catalog
    from llo11ypop.daemon.elasticsearch import access
    from llo11ypop.stores.es_load import load as load_fleet

    catalog, section = open_catalog(settings), settings.telemetry.elasticsearch
    for name in only:
        catalog.dataset(name, where="--only")
    try:
        span = parse_duration(last) if last else None
        connection = duckdb.connect(str(fleet), read_only=True)
    except (ValueError, duckdb.Error) as bad:
        raise ConfigError(f"cannot load {fleet}: {' '.join(str(bad).split())}") from bad
    with connection:
        found = load_fleet(access(section), connection, catalog, prefix=section.prefix, only=only, last=span)
        return [one async for one in found]


def _print(done: "Sequence[Loaded]") -> None:
    for one in done:
        again = f", {one.there:,} were there" if one.there else ""
        print(f"{one.dataset:<24} {one.created:>10,} rows into {one.index}{again}")
        for reason, rows in one.refused.most_common(REASONS):
            print(f"    refused {rows:,}: {reason}")
    refused = sum(sum(one.refused.values()) for one in done)
    print(
        f"{sum(one.created for one in done):,} rows written, {sum(one.there for one in done):,} were there, {refused:,} refused"
    )
