"""Pages in PagerDuty: only what is urgent by the settings, one per proposal, and one for all of a storm."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from llo11ypop.approvals.ledger import Ledger
from llo11ypop.approvals.post import Told
from llo11ypop.channels import page
from llo11ypop.channels.outbox import News
from llo11ypop.channels.pagerduty_site import PagerDutySite
from llo11ypop.core.proposal import OPEN_STATUSES
from llo11ypop.core.vocabulary import Severity

STORM = "storm:"
"""Before the id of a storm's first proposal in its deduplication key."""
LOOK_BACK = timedelta(days=1)
"""Members of a storm older than this are no longer counted (our assumption)."""


@dataclass(frozen=True, slots=True)
class PagerDutyTerms:
    """What pages, and how often."""

    severities: Mapping[Severity, str] = field(default_factory=dict)
    pages: int = 5
    within: timedelta = timedelta(minutes=15)
    console_url: str = ""
    tickets_url: str = ""
    """Where tickets of the `jira` channel are seen, for links."""


class PagerDuty:
    """The channel."""

    name = "pagerduty"

    def __init__(self, site: PagerDutySite, terms: PagerDutyTerms, ledger: Ledger) -> None:
        self.site, self.terms, self.ledger = site, terms, ledger

    async def announce(self, news: News) -> str:
        """The deduplication key; empty where nobody was paged."""
        word, said = news.delivery.event.partition("-")[0], news.delivery.detail
        if word in ("filed", "reopened"):
            return await self._page(news)
        key = news.reference(self.name)
        if not key:
            return ""
        if word == "approved" and not key.startswith(STORM):
            await self.site.send("acknowledge", key)
        if word == "closed" and said.get("symptom_cleared") is not False and await self._is_over(key, news):
            await self.site.send("resolve", key)
        return key

    async def check(self) -> str:
        """What can be tried without paging anybody: the token. Raises ChannelDown."""
        if not self.site.reads:
            return "pages can be sent; without channels.pagerduty.token incidents are not read"
        await self.site.may_read()
        return "incidents can be read; the routing key is tried at the first page"

    async def close(self) -> None:
        """Release connections."""
        await self.site.close()

    async def _page(self, news: News) -> str:
        p = news.proposal
        severity = self.terms.severities.get(p.severity)
        if severity is None or p.status not in OPEN_STATUSES:
            return ""  # not urgent, or over before PagerDuty could be told: nobody is woken for it
        recent = [t for t in await self.ledger.post.told(self.name, news.at - LOOK_BACK) if _paged(t)]
        storm = self._storm(news, recent)
        if storm:
            await self._join(storm, news, recent)
            return storm
        await self.site.send("trigger", p.id, page.page(news, severity, self._links(news), self.terms.console_url))
        return p.id

    def _storm(self, news: News, recent: list[Told]) -> str:
        """The storm that the proposal belongs to; empty for none. It lasts until `within` passes without a new member."""
        lately = [t for t in recent if t.at > news.at - self.terms.within and t.proposal_id != news.proposal.id]
        running = next((t.reference for t in reversed(lately) if t.reference.startswith(STORM)), "")
        if running:
            return running
        return f"{STORM}{news.proposal.id}" if len(lately) >= self.terms.pages else ""

    async def _join(self, storm: str, news: News, recent: list[Told]) -> None:
        ids = dict.fromkeys([*(t.proposal_id for t in recent if t.reference == storm), news.proposal.id])
        members = [p for i in ids if (p := await self.ledger.proposal(i))]
        await self.site.send("trigger", storm, page.storm(members, len(ids), self._links(None), self.terms.console_url))

    async def _is_over(self, key: str, news: News) -> bool:
        """A proposal's own page is over with it; a storm when all its members are."""
        if not key.startswith(STORM):
            return True
        told = await self.ledger.post.told(self.name, news.at - LOOK_BACK)
        for other in {t.proposal_id for t in told if t.reference == key} - {news.proposal.id}:
            proposal = await self.ledger.proposal(other)
            if proposal is not None and proposal.status in OPEN_STATUSES:
                return False
        return news.proposal.status not in OPEN_STATUSES

    def _links(self, news: News | None) -> list[page.Json]:
        base, links = self.terms.console_url.rstrip("/"), []
        if base:
            where = f"{base}/proposals/{news.proposal.id}" if news else f"{base}/proposals"
            links.append({"href": where, "text": "Open in LLo11yPop"})
        links += [{"href": one.url, "text": one.title} for one in (news.links if news else ())]
        ticket = news.reference("jira") if news else ""
        if ticket and self.terms.tickets_url:
            links.append({"href": f"{self.terms.tickets_url.rstrip('/')}/browse/{ticket}", "text": ticket})
        return links


def _paged(told: Told) -> bool:
    return bool(told.reference) and told.event.startswith(("filed", "reopened"))
