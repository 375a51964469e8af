"""Links into Grafana: a dashboard at its span of time, one panel, or a query in Explore. Without Grafana: the console's page."""

import json
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from llo11ypop.dashboards.panels import Board
from llo11ypop.dashboards.targets import PrometheusTarget, Source


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def board_link(board: Board, grafana_url: str, console_url: str, *, panel: int = 0, **variables: str) -> str:
    """Where a person sees the board: in Grafana, or on the console's own page when there is no Grafana."""
    if not grafana_url:
        return console_url.rstrip("/") + board.page
    query: list[tuple[str, Any]] = [("from", _ms(board.window.start)), ("to", _ms(board.window.end))]
    query += [(f"var-{name}", value) for name, value in sorted(variables.items())]
    query += [("viewPanel", panel)] if panel else []
    return f"{grafana_url.rstrip('/')}/d/{quote(board.uid)}?{urlencode(query)}"


def explore_link(board: Board, target: PrometheusTarget, source: Source, grafana_url: str) -> str:
    """A query in Explore over the board's span of time (Grafana 10 and newer). Variables stand for everything there."""
    expr = target.expr
    for name in ("provider", "site", "cluster", "node"):
        expr = expr.replace(f'=~"${name}"', '=~".*"')
    datasource = {"type": source.type, "uid": source.uid}
    pane = {
        "datasource": source.uid,
        "queries": [{"refId": "A", "datasource": datasource, "expr": expr}],
        "range": {"from": str(_ms(board.window.start)), "to": str(_ms(board.window.end))},
    }
    query = {"schemaVersion": 1, "panes": json.dumps({"llo": pane}, separators=(",", ":")), "orgId": 1}
    return f"{grafana_url.rstrip('/')}/explore?{urlencode(query)}"
