"""Tickets in Jira: one per proposal, found again by its label, commented on when news come, closed when the trouble is over."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llo11ypop.channels import adf, ticket, wiki
from llo11ypop.channels.blocks import Block
from llo11ypop.channels.failure import ChannelDown, ChannelRefused
from llo11ypop.channels.jira_site import NEEDED, JiraSite, Json
from llo11ypop.channels.outbox import News
from llo11ypop.channels.picture import picture
from llo11ypop.core.vocabulary import Queue, Severity
from llo11ypop.observability.events import Event
from llo11ypop.observability.logs import logger

log = logger(__name__)

MARK = "llo11ypop"
"""The label of every ticket of ours; the poller asks for it."""
LABEL = f"{MARK}-"
"""Before the proposal's id in the label by which a ticket is found."""
DONE = "done"
"""The key of the status category of everything that is over, in every workflow."""


@dataclass(frozen=True, slots=True)
class JiraTerms:
    """What tickets look like at a site."""

    project: str
    projects: Mapping[Queue, str] = field(default_factory=dict)
    issue_type: str = "Task"
    components: Mapping[Queue, str] = field(default_factory=dict)
    priorities: Mapping[Severity, str] = field(default_factory=dict)
    labels: Sequence[str] = ()
    markup: str = "adf"
    """`adf`, `wiki` or `plain`."""
    chart: bool = True
    close_as: str = "Done"
    drop_as: str = "Won't Do"
    console_url: str = ""

    def project_of(self, queue: Queue) -> str:
        """Where tickets of a queue go."""
        return self.projects.get(queue, self.project)


class Jira:
    """The channel."""

    name = "jira"

    def __init__(self, site: JiraSite, terms: JiraTerms) -> None:
        self.site, self.terms = site, terms

    async def announce(self, news: News) -> str:
        """The ticket's key; empty where there is no ticket that news could be added to."""
        found = await self._find(news)
        word = news.delivery.event.partition("-")[0]
        if found is None:
            return await self._create(news) if word in ("filed", "reopened") else ""
        if word == "filed":
            await self._attach(news, found)
        elif not self._said_there(news, found):
            await self._comment(news, found)
        if word == "reopened":
            await self._reopen(found)
        elif word == "closed" and news.delivery.detail.get("symptom_cleared") is not False:
            await self._close(news, found)
        return str(found["key"])

    async def check(self) -> str:
        """Who we are there, and whether the account may do what is needed in every project."""
        me = await self.site.me()
        projects = sorted({self.terms.project, *self.terms.projects.values()})
        for project in projects:
            try:
                may = await self.site.may(project)
            except ChannelRefused as bad:
                raise ChannelDown(str(bad), next_step="check channels.jira.project and projects") from None
            lacks = [name for name in NEEDED if not may[name]]
            if lacks:
                step = "give them to the account in the project's permission scheme"
                raise ChannelDown(f"the Jira account lacks {', '.join(lacks)} in project {project}", next_step=step)
        who = me.get("displayName") or me.get("name") or "the account"
        return f"{who} may create, comment on and move tickets in {', '.join(projects)}"

    async def close(self) -> None:
        """Release connections."""
        await self.site.close()

    # ------------------------------------------------------------ finding and creating
    async def _find(self, news: News) -> Json | None:
        """The ticket as it is now. What was noted is looked up first; else the label decides, and the oldest wins."""
        key = news.reference(self.name)
        found = await self.site.ticket(key) if key else None
        if found is not None:
            return found
        rows = await self.site.search(f'labels = "{label_of(news.proposal.id)}" ORDER BY created ASC')
        return await self.site.ticket(str(rows[0]["key"])) if rows else None

    async def _create(self, news: News) -> str:
        key = await self.site.create(self.fields(news))
        await self._attach(news, {"key": key, "fields": {}})
        return key

    def fields(self, news: News) -> Json:
        """The fields of a new ticket."""
        p, terms = news.proposal, self.terms
        found: Json = {
            "project": {"key": terms.project_of(p.queue)},
            "issuetype": {"name": terms.issue_type},
            "summary": ticket.summary(p),
            "description": self._rendered(ticket.fitting(news, terms.console_url, self._size)),
            "labels": [MARK, *terms.labels, label_of(p.id)],
        }
        if p.severity in terms.priorities:
            found["priority"] = {"name": terms.priorities[p.severity]}
        if p.queue in terms.components:
            found["components"] = [{"name": terms.components[p.queue]}]
        return found

    async def _attach(self, news: News, found: Json) -> None:
        """The chart, unless it is there. A site that takes no attachments still gets its ticket."""
        if not self.terms.chart:
            return
        there = {a.get("filename") for a in found["fields"].get("attachment") or ()}
        drawn = await asyncio.to_thread(picture, news.evidence)
        if drawn is None or drawn[0] in there:
            return
        try:
            await self.site.attach(found["key"], *drawn)
        except ChannelRefused as bad:
            log.warning(Event.DELIVERY_REFUSED, channel=self.name, proposal_id=news.proposal.id, news="chart", why=bad.line())

    # ------------------------------------------------------------ later news
    def _said_there(self, news: News, found: Json) -> bool:
        """Whether the news is known there: we wrote it already, or it was said there in the first place."""
        if str(news.delivery.detail.get("by", "")).startswith(f"{self.name}:"):
            return True
        written = (found["fields"].get("comment") or {}).get("comments") or ()
        return any(ticket.marker(news) in adf.text_of(c.get("body")) for c in written)

    async def _comment(self, news: News, found: Json) -> None:
        await self.site.comment(found["key"], self._rendered(ticket.later(news)))

    async def _close(self, news: News, found: Json) -> None:
        if is_done(found):
            return
        dropped = news.delivery.detail.get("status") in ("reject", "expired")
        await self._move(found, done=True, resolution=self.terms.drop_as if dropped else self.terms.close_as)

    async def _reopen(self, found: Json) -> None:
        if is_done(found):
            await self._move(found, done=False, resolution="")

    async def _move(self, found: Json, *, done: bool, resolution: str) -> None:
        """By the first transition that leads there; a workflow that allows none leaves it to people."""
        key, names = found["key"], set[str]()
        for one in await self.site.transitions(key):
            leads = ((one.get("to") or {}).get("statusCategory") or {}).get("key")
            known = one["name"].casefold() in names
            names.add(one["name"].casefold())
            if known or (leads == DONE) is not done:
                continue
            asked = one.get("fields") or {}
            fields = {"resolution": {"name": resolution}} if resolution and "resolution" in asked else {}
            await self.site.move(key, one["name"], fields)
            return
        log.info(Event.DELIVERY_REFUSED, channel=self.name, ticket=key, news="close" if done else "reopen", why="no transition")

    def _rendered(self, blocks: Sequence[Block]) -> Any:
        if self.terms.markup == "adf":
            return adf.document(blocks)
        return wiki.wiki(blocks) if self.terms.markup == "wiki" else wiki.plain(blocks)

    def _size(self, blocks: Sequence[Block]) -> int:
        rendered = self._rendered(blocks)
        return len(rendered) if isinstance(rendered, str) else len(adf.text_of(rendered))


def label_of(proposal_id: str) -> str:
    """The label by which a proposal's ticket is found."""
    return f"{LABEL}{proposal_id}"


def proposal_of_labels(labels: Sequence[object]) -> str:
    """The proposal that a ticket's labels name; empty for none."""
    return next((str(one).removeprefix(LABEL) for one in labels if str(one).startswith(LABEL)), "")


def is_done(found: Json) -> bool:
    """Whether the ticket is in a status that ends it."""
    category = (found["fields"].get("status") or {}).get("statusCategory") or {}
    return category.get("key") == DONE or bool(found["fields"].get("resolution"))
