"""What `doctor` says about Grafana: health, organisation, the right data sources, the folder, and its clock."""

from typing import TYPE_CHECKING

from llo11ypop.cli.doctor_clock import Found, dated, said
from llo11ypop.core.clock import SystemClock
from llo11ypop.core.errors import Llo11yPopError

if TYPE_CHECKING:
    from llo11ypop.dashboards.looking import Look
    from llo11ypop.settings import Settings

_TIME = "@timestamp"


async def examine_grafana(settings: "Settings") -> list[Found]:
    """A line per thing that was checked; none where no Grafana is set up. Raises ConfigError."""
    from llo11ypop.daemon.dashboards import access
    from llo11ypop.dashboards.grafana import Grafana
    from llo11ypop.dashboards.looking import Look

    own = settings.grafana
    if not own.url:
        return []
    found: list[Found] = []
    async with Grafana(access(settings)) as grafana:
        look = Look(grafana)
        try:
            found.append(("ok", f"{own.url}: version {await look.version()}"))
            found += said(f"Grafana at {own.url}", dated(grafana.dated), SystemClock().now())
            found.append(("ok", f"the token is of the organisation '{await look.organisation()}'"))
            for kind, uid in (("prometheus", own.prometheus), ("elasticsearch", own.elasticsearch)):
                found += await _source(look, kind, uid, read=bool(getattr(settings.telemetry, kind).url))
            if await look.may_write(own.folder):
                found.append(("ok", f"dashboards may be written to the folder '{own.folder}'"))
            else:
                step = "make its service account Editor, or of that folder"
                found.append(("fail", f"the token may not write to the folder '{own.folder}' — {step}"))
        except Llo11yPopError as bad:
            found.append(("fail", bad.line()))
    return found


async def _source(look: "Look", kind: str, uid: str, *, read: bool) -> list[Found]:
    if not uid:
        step = f"set grafana.{kind} to the uid of that data source, or panels over it say only why they are empty"
        return [("warn", f"telemetry lies in {kind}, and Grafana is not told which data source that is — {step}")] if read else []
    found = await look.source(uid)
    if found is None:
        there = ", ".join(f"{s.uid} ({s.name}, {s.type})" for s in await look.shown()) or "none"
        return [("fail", f"grafana.{kind}: no data source has the uid '{uid}'; there are: {there} — correct the uid")]
    if found.type != kind:
        return [("fail", f"grafana.{kind}: '{found.name}' is of type {found.type} — give the uid of the {kind} one")]
    if kind == "elasticsearch" and found.time_field not in ("", _TIME):
        step = f"make it {_TIME}, or add a data source that has it"
        return [("fail", f"grafana.elasticsearch: '{found.name}' goes by '{found.time_field}' — {step}")]
    return [("ok", f"grafana.{kind}: '{found.name}'")]
