"""Which of Grafana's data sources holds which dataset, and what a board needs from the ledger."""

from typing import TYPE_CHECKING

from llo11ypop.settings import Settings

if TYPE_CHECKING:
    from llo11ypop.approvals.ledger import Ledger
    from llo11ypop.catalog import Catalog
    from llo11ypop.dashboards.grafana import Access
    from llo11ypop.dashboards.panels import Board
    from llo11ypop.dashboards.targets import Source


async def sources(settings: Settings, catalog: "Catalog") -> "dict[str, Source]":
    """Dataset → data source. Prometheus is asked which series it has: raises StoreError where it cannot be read."""
    from llo11ypop.daemon.elasticsearch import places
    from llo11ypop.dashboards.targets import Source
    from llo11ypop.query.compile.es_sql_names import foreign_index, own_index

    found: dict[str, Source] = {}
    elastic, grafana = settings.telemetry.elasticsearch, settings.grafana
    if elastic.url and grafana.elasticsearch:
        whole = settings.telemetry.store == "elasticsearch"
        placed = places(elastic, catalog)
        for name, dataset in catalog.datasets.items():
            place = placed.get(name)
            if place is not None:
                index = foreign_index(dataset, place.index, catalog.aliases.get(place.aliases))
            elif whole:
                index = own_index(dataset, elastic.prefix)
            else:
                continue
            found[name] = Source("elasticsearch", grafana.elasticsearch, index=index)
    if settings.telemetry.prometheus.url and grafana.prometheus:
        from llo11ypop.daemon.prometheus import prometheus

        series = await prometheus(settings.telemetry.prometheus, catalog).series()
        found |= {name: Source("prometheus", grafana.prometheus, series=one) for name, one in series.items()}
    return found


def access(settings: Settings) -> "Access":
    """The Grafana of the settings."""
    from llo11ypop.dashboards.grafana import Access

    own = settings.grafana
    return Access(own.url, own.token, own.user, own.password, str(own.ca or ""), own.timeout.total_seconds())


async def incident(proposal_id: str, ledger: "Ledger", catalog: "Catalog") -> "Board":
    """The board of a proposal, with what people answered. Raises UnknownNameError."""
    from llo11ypop.core.errors import UnknownNameError
    from llo11ypop.dashboards.panels import Mark, incident_board

    proposal = await ledger.proposal(proposal_id)
    if proposal is None:
        raise UnknownNameError("proposal", proposal_id, ())
    found = {i: await ledger.evidence(i) for i in proposal.evidence}
    marks = []
    for verdict in await ledger.verdicts(proposal_id):
        said = f"{proposal_id}: {verdict.kind} by {verdict.rater}"
        marks.append(Mark(verdict.at, said, ("llo11ypop", "verdict", proposal_id)))
    return incident_board(proposal, {i: e for i, e in found.items() if e is not None}, catalog, tuple(marks))
