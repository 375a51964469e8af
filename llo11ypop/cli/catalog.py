"""`llo11ypop catalog`: what telemetry exists and what it means; whether a fleet has it."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="Check and show what telemetry means.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def check(
    fleet: Annotated[Path | None, typer.Option(help="Telemetry file to compare with.")] = None,
) -> None:
    """Read every dataset; with --fleet say what that fleet does not export, or exports beyond the catalog."""
    from llo11ypop.daemon.compose import open_catalog, open_store
    from llo11ypop.settings import load_settings

    overrides: dict[str, Any] = {"telemetry": {"path": fleet}} if fleet else {}
    settings = load_settings(None, **overrides)
    catalog = open_catalog(settings)
    fields = sum(len(d.fields) for d in catalog.datasets.values())
    print(f"{settings.config_dir / 'catalog'}: {len(catalog.datasets)} datasets, {fields} fields, no mistakes")
    if fleet is None:
        return
    exports = asyncio.run(open_store(settings, catalog).exports())
    for name, dataset in catalog.datasets.items():
        absent = [f for f in dataset.fields if not exports.has(name, f)]
        if not exports.has(name):
            print(f"  {name}: not exported")
        elif absent:
            print(f"  {name}: without {', '.join(absent)}")
    beyond = sorted(set(exports.datasets) - set(catalog.datasets))
    if beyond:
        print(f"  not in the catalog: {', '.join(beyond)}")


@app.command()
def show(
    dataset: Annotated[str | None, typer.Argument(help="One dataset; without it, all in a line each.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show datasets, or the fields of one."""
    from llo11ypop.core.errors import UnknownNameError
    from llo11ypop.daemon.compose import open_catalog
    from llo11ypop.settings import load_settings

    datasets = open_catalog(load_settings()).datasets
    if dataset is not None and dataset not in datasets:
        raise UnknownNameError("dataset", dataset, datasets)
    chosen = {dataset: datasets[dataset]} if dataset else datasets
    if as_json:
        print(json.dumps({n: d.model_dump(mode="json") for n, d in chosen.items()}, indent=2, default=str))
    elif dataset is None:
        for name, known in datasets.items():
            print(f"{name:<26} {known.kind:<10} {len(known.fields):>3} fields  {_first(known.description)}")
    else:
        known = datasets[dataset]
        print(f"{dataset}: {_first(known.description)}")
        for name, field in known.fields.items():
            print(f"  {name:<30} {field.type:<10} {field.unit or '':<8} {_first(field.description)}")


@app.command()
def discover(
    elasticsearch: Annotated[str | None, typer.Option(help="Address of an Elasticsearch. Default: the settings'.")] = None,
    prometheus: Annotated[str | None, typer.Option(help="Address of a Prometheus. Default: the settings'.")] = None,
    index: Annotated[str, typer.Option(help="Indices to look at, as a pattern.")] = "*",
    write: Annotated[Path | None, typer.Option(help="Folder for the alias tables; without it they are printed.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a table that says something else.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Look into Elasticsearch or Prometheus and propose which index and which names hold which fields."""
    from llo11ypop.cli.catalog_discover import run

    asyncio.run(run(elasticsearch, prometheus, index, write, force=force, as_json=as_json))


def _first(text: str | None) -> str:
    return " ".join((text or "").split())
