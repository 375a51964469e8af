"""What `llo11ypop catalog discover` does: look, propose, and print or write the alias tables."""

import difflib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from llo11ypop.core.errors import ConfigError

if TYPE_CHECKING:
    from llo11ypop.catalog import Catalog
    from llo11ypop.catalog.discovery import Discovery
    from llo11ypop.settings import Settings

_SHOWN = 6


async def run(
    elasticsearch: str | None, prometheus: str | None, index: str, write: Path | None, *, force: bool, as_json: bool
) -> None:
    """Look at the stores of the options, else at those of the settings. Raises ConfigError, StoreError; exit 1 for nothing."""
    from llo11ypop.catalog import load_catalog
    from llo11ypop.observability.logs import configure_logging
    from llo11ypop.settings import load_settings

    settings = load_settings()
    configure_logging("error", settings.logging.format)
    catalog = load_catalog(settings.config_dir)
    found = await _discover(settings, catalog, elasticsearch, prometheus, index)
    if as_json:
        print(json.dumps({n: d.table.model_dump(mode="json", exclude_defaults=True) for n, d in found.items()}, indent=2))
    for name, one in found.items():
        _said(name, one, catalog)
        if write is not None and one.found:
            _written(write / f"{name}.yaml", one, force=force)
        elif not as_json and one.found:
            from llo11ypop.catalog.discovery import as_yaml

            print(as_yaml(one.table), end="")
    if not any(one.found for one in found.values()):
        raise typer.Exit(1)
    if write is not None and settings.telemetry.aliases != write:
        print(
            f"Use it: telemetry.aliases: {write}, or LLO11YPOP__TELEMETRY__ALIASES={write}; then llo11ypop doctor",
            file=sys.stderr,
        )


async def _discover(
    settings: "Settings", catalog: "Catalog", elasticsearch: str | None, prometheus: str | None, index: str
) -> "dict[str, Discovery]":
    from llo11ypop.catalog.discovery import discover, wanted_names

    chosen = elasticsearch is not None or prometheus is not None
    elastic, prom = settings.telemetry.elasticsearch, settings.telemetry.prometheus
    found: dict[str, Discovery] = {}
    if url := elasticsearch if chosen else elastic.url:
        from llo11ypop.daemon.elasticsearch import access
        from llo11ypop.stores.elasticsearch_access import connect
        from llo11ypop.stores.elasticsearch_survey import survey

        there = access(elastic.model_copy(update={"url": url}))
        async with connect(there, plain=elastic.language != "sql") as client:
            holdings = await survey(client, there, wanted_names(catalog), pattern=index, prefix=elastic.prefix)
        found["elasticsearch"] = discover(catalog, holdings, f"Elasticsearch at {there.name}")
    if url := prometheus if chosen else prom.url:
        from llo11ypop.daemon.prometheus import access as prometheus_access
        from llo11ypop.stores.prometheus_survey import survey as look

        asked = prometheus_access(prom.model_copy(update={"url": url}))
        found["prometheus"] = discover(catalog, [await look(asked, wanted_names(catalog))], f"Prometheus at {asked.name}")
    if not found:
        step = "give --elasticsearch or --prometheus a URL, or set telemetry.elasticsearch.url"
        raise ConfigError("there is nothing to look at", next_step=step)
    return found


def _said(name: str, one: "Discovery", catalog: "Catalog") -> None:
    """What was found, on stderr, so that stdout is the YAML alone."""
    for match in one.found:
        fields = len(catalog.datasets[match.dataset].fields)
        unread = "" if match.holding.sampled else "; no document could be read, so its values are unchecked"
        print(f"{match.dataset:<16} {len(match.names):>2} of {fields} fields in {match.holding.pattern}{unread}", file=sys.stderr)
        for other in one.elsewhere.get(match.dataset, ()):
            print(f"{'':<16} {other} would fit too; name it under telemetry.{name}.datasets to use it", file=sys.stderr)
    for line in one.strangers:
        print(f"Look at it: {line}", file=sys.stderr)
    if one.nothing:
        some = ", ".join(one.nothing[:_SHOWN]) + (" …" if len(one.nothing) > _SHOWN else "")
        print(f"Nothing there for {len(one.nothing)} datasets: {some}", file=sys.stderr)


def _written(path: Path, one: "Discovery", *, force: bool) -> None:
    from llo11ypop.catalog.discovery import as_yaml

    text = as_yaml(one.table)
    before = path.read_text(encoding="utf-8") if path.exists() else None
    if before == text:
        print(f"{path}: nothing new", file=sys.stderr)
        return
    if before is not None and not force:
        print("".join(difflib.unified_diff(before.splitlines(True), text.splitlines(True), str(path), "found now")), end="")
        raise ConfigError(f"{path} says something else", next_step="look at the difference, and use --force to replace it")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(f"{path}: {len(one.table.names)} names of {len(one.found)} datasets", file=sys.stderr)
