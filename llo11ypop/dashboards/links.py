"""Links into Grafana: a dashboard at its span of time, one panel, or queries in Explore. Without Grafana: the console's page."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.core.errors import PlanError
from llo11ypop.dashboards.build import query
from llo11ypop.dashboards.panels import Board
from llo11ypop.dashboards.targets import PrometheusTarget, Source, Target, target_of

EXPLORED = 5
"""More queries in one pane are not read by anybody (our assumption)."""


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def board_link(board: Board, grafana_url: str, console_url: str, *, panel: int = 0, **variables: str) -> str:
    """Where a person sees the board: in Grafana, or on the console's own page when there is no Grafana."""
    if not grafana_url:
        return console_url.rstrip("/") + board.page
    asked: list[tuple[str, Any]] = [("from", _ms(board.window.start)), ("to", _ms(board.window.end))]
    asked += [(f"var-{name}", value) for name, value in sorted(variables.items())]
    asked += [("viewPanel", panel)] if panel else []
    return f"{grafana_url.rstrip('/')}/d/{quote(board.uid)}?{urlencode(asked)}"


def explored(board: Board, catalog: Catalog, sources: Mapping[str, Source], grafana_url: str) -> str:
    """The board's queries in Explore, of the data source that has the first of them; empty where none can be drawn there.

    Nothing has to be written to Grafana for it.
    """
    drawn: list[tuple[Source, Target]] = []
    for panel in board.panels:
        try:
            drawn.append(target_of(panel, catalog, sources))
        except PlanError:
            continue
    same = [target for source, target in drawn if source.uid == drawn[0][0].uid][:EXPLORED]
    return explore_link(board, same, drawn[0][0], grafana_url) if same else ""


def explore_link(board: Board, targets: Sequence[Target], source: Source, grafana_url: str) -> str:
    """Queries in Explore over the board's span of time (Grafana 10 and newer). Variables stand for everything there."""
    queries = [{**_query(target, source), "refId": chr(ord("A") + number)} for number, target in enumerate(targets)]
    pane = {
        "datasource": source.uid,
        "queries": queries,
        "range": {"from": str(_ms(board.window.start)), "to": str(_ms(board.window.end))},
    }
    asked = {"schemaVersion": 1, "panes": json.dumps({"llo": pane}, separators=(",", ":")), "orgId": 1}
    return f"{grafana_url.rstrip('/')}/explore?{urlencode(asked)}"


def _query(target: Target, source: Source) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(JSONEncoder(sort_keys=True).encode(query(target, source).build()))
    if isinstance(target, PrometheusTarget):
        for name in ("provider", "site", "cluster", "node"):
            found["expr"] = found["expr"].replace(f'=~"${name}"', '=~".*"')
    else:
        for variable, column in target.variables.items():
            found["query"] = found["query"].replace(f" AND {column}:${variable}", "")
    return found
