"""Which of Grafana's data sources holds which dataset, what a board needs from the ledger, and the links to boards."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from llo11ypop.core.errors import Llo11yPopError
from llo11ypop.core.question import Answer, Link
from llo11ypop.settings import Settings

if TYPE_CHECKING:
    from llo11ypop.approvals.ledger import Ledger
    from llo11ypop.catalog import Catalog
    from llo11ypop.core.access import Access
    from llo11ypop.core.proposal import Proposal
    from llo11ypop.dashboards.channel import GrafanaChannel
    from llo11ypop.dashboards.panels import Board
    from llo11ypop.dashboards.targets import Source


async def sources(settings: Settings, catalog: "Catalog") -> "dict[str, Source]":
    """Dataset → data source. Prometheus is asked which series it has: raises StoreError where it cannot be read."""
    from llo11ypop.daemon.elasticsearch import places
    from llo11ypop.dashboards.targets import Source
    from llo11ypop.query.compile.es_sql_names import Index, foreign_index, own_index

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
            made = catalog.runtime(name)
            kept = {n: c for n, c in index.columns.items() if c.name not in made}
            found[name] = Source("elasticsearch", grafana.elasticsearch, index=Index(index.pattern, kept))
    if settings.telemetry.prometheus.url and grafana.prometheus:
        from llo11ypop.daemon.prometheus import prometheus

        series = await prometheus(settings.telemetry.prometheus, catalog).series()
        found |= {name: Source("prometheus", grafana.prometheus, series=one) for name, one in series.items()}
    return found


def access(settings: Settings) -> "Access":
    """The Grafana of the settings."""
    own = settings.grafana
    return own.reached(own.url, own.token)


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


def console_of(settings: Settings) -> str:
    """Where people open the console."""
    return settings.channels.console_url or f"http://{settings.console.host}:{settings.console.port}"


@dataclass
class Boards:
    """Links to what shows an answer or a proposal, and the channel that makes a proposal's dashboard."""

    settings: Settings
    catalog: "Catalog"
    kept: bool = True
    """Whether evidence is kept, so that the console can show it."""
    _sources: "dict[str, Source] | None" = field(default=None, repr=False)

    async def sources(self) -> "dict[str, Source]":
        """The data sources, looked up once. Raises StoreError."""
        if self._sources is None:
            self._sources = await sources(self.settings, self.catalog)
        return self._sources

    async def of_answer(self, question: str, answer: Answer) -> tuple[Link, ...]:
        """What was read for an answer: its queries in Grafana's Explore where they can be said there, else in the console."""
        from llo11ypop.dashboards.panels import answer_board

        if not answer.evidence:
            return ()
        found: list[Link] = []
        grafana = self.settings.grafana.url
        board = answer_board(question, answer.evidence, self.catalog)
        if grafana:
            from llo11ypop.dashboards.links import explored

            try:
                url = explored(board, self.catalog, await self.sources(), grafana)
            except Llo11yPopError:
                url = ""
            found += [Link("Explore in Grafana", url)] if url else []
        if not found and self.kept:
            found.append(Link("Evidence in the console", console_of(self.settings).rstrip("/") + board.page))
        return tuple(found)

    def of_proposal(self, proposal: "Proposal") -> tuple[Link, ...]:
        """Its dashboard. None without Grafana: the console's page of it is linked anyway."""
        from llo11ypop.dashboards.links import board_link
        from llo11ypop.dashboards.panels import incident_board

        if "grafana" not in self.settings.channel_names:
            return ()
        board = incident_board(proposal, {}, self.catalog)
        return (Link("Dashboard in Grafana", board_link(board, self.settings.grafana.url, "")),)

    def channel(self, ledger: "Ledger") -> "GrafanaChannel | None":
        """The channel that makes it; none without Grafana."""
        from llo11ypop.dashboards.channel import GrafanaChannel

        if "grafana" not in self.settings.channel_names:
            return None

        async def board(identity: str) -> "Board":
            return await incident(identity, ledger, self.catalog)

        console, folder = console_of(self.settings), self.settings.grafana.folder
        return GrafanaChannel(access(self.settings), folder, console, self.catalog, self.sources, board)
