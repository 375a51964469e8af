"""What `doctor` says about Prometheus: reached, its clock, and the series of each dataset."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from llo11ypop.cli.doctor_clock import Found, said
from llo11ypop.core.clock import SystemClock
from llo11ypop.core.errors import Llo11yPopError

if TYPE_CHECKING:
    from llo11ypop.catalog import Catalog
    from llo11ypop.settings import Settings

DEADLINE_S = 30.0


async def examine_prometheus(settings: "Settings", catalog: "Catalog") -> list[Found]:
    """A line per thing that was checked; none where no Prometheus is used. Raises ConfigError and UnknownNameError."""
    from llo11ypop.daemon.prometheus import access, places, prometheus
    from llo11ypop.stores.prometheus_access import connect
    from llo11ypop.stores.prometheus_http import Reader

    section = settings.telemetry.prometheus
    if not section.url:
        named = sorted({dataset for table in catalog.own for dataset in catalog.aliases[table].series})
        text = f"telemetry.aliases finds {', '.join(named)} in a Prometheus, and telemetry.prometheus.url is not set — set it"
        return [("warn", text)] if named else []
    there, lie = access(section), places(section, catalog)
    found: list[Found] = []
    try:
        async with connect(there) as client:
            body = await Reader(client, there, SystemClock().now(), DEADLINE_S).ask("query", {"query": "time()"}, "")
            theirs = datetime.fromtimestamp(float(body["result"][1]), UTC)
        found += [("ok", f"{there.name} answers"), *said(there.name, theirs, SystemClock().now())]
        series = await prometheus(section, catalog).series()
    except Llo11yPopError as bad:
        return [*found, ("fail", bad.line())]
    for name in sorted(lie):
        if name not in series:
            step = "see what is there with 'llo11ypop catalog discover --prometheus'"
            found.append(("fail", f"{name}: not one of its metrics is there — {step}"))
            continue
        one = series[name]
        fields = f"{len(one.metrics)} metrics and {len(one.labels)} labels"
        found.append(("ok", f"{name}: {fields} of {len(catalog.datasets[name].fields)} fields"))
        lost = [grain for grain in catalog.datasets[name].grain if grain not in one.labels]
        if lost:
            found.append(("fail", f"{name}: no label for {', '.join(lost)}, so its series have no names — add it to the scrape"))
    return found
