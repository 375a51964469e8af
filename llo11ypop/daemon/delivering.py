"""The channels of the settings, put together, and what the daemon does about them: deliver, read answers, listen."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

from llo11ypop.channels.inbox import Inbox
from llo11ypop.channels.outbox import Channel, deliver_due
from llo11ypop.core.clock import Clock, SystemClock
from llo11ypop.core.ids import new_id
from llo11ypop.observability import metrics

if TYPE_CHECKING:
    from llo11ypop.approvals.ledger import Ledger
    from llo11ypop.channels.jira import Jira
    from llo11ypop.channels.jira_answers import JiraAnswers
    from llo11ypop.channels.pagerduty import PagerDuty
    from llo11ypop.channels.pagerduty_answers import PagerDutyAnswers
    from llo11ypop.console.ports import Answer
    from llo11ypop.console.webhooks import Listener
    from llo11ypop.daemon.dashboards import Boards
    from llo11ypop.settings_channels import Channels

Poll: TypeAlias = Callable[[], Awaitable[None]]


def open_jira(wanted: "Channels") -> "Jira | None":
    """The Jira channel; none where it is not set up. Nothing is connected yet."""
    from llo11ypop.channels.jira import Jira, JiraTerms
    from llo11ypop.channels.jira_site import JiraSite

    own = wanted.jira
    if not own.url:
        return None
    cloud = own.flavor == "cloud"
    site = JiraSite(
        own.url, cloud, own.user, own.token.get_secret_value(), own.timeout, own.settle, str(own.ca) if own.ca else ""
    )
    terms = JiraTerms(
        project=own.project,
        projects=own.projects,
        issue_type=own.issue_type,
        components=own.components,
        priorities=own.priorities,
        labels=own.labels,
        markup="adf" if cloud else own.markup,
        chart=own.chart,
        close_as=own.close_as,
        drop_as=own.drop_as,
        console_url=wanted.console_url,
    )
    return Jira(site, terms)


def open_pagerduty(wanted: "Channels", ledger: "Ledger") -> "PagerDuty | None":
    """The PagerDuty channel; none where it is not set up. Nothing is connected yet."""
    from llo11ypop.channels.pagerduty import PagerDuty, PagerDutyTerms
    from llo11ypop.channels.pagerduty_site import PagerDutySite

    own = wanted.pagerduty
    key = own.routing_key.get_secret_value()
    if not key:
        return None
    site = PagerDutySite(key, own.events_url, own.api_url, own.token.get_secret_value(), own.timeout)
    terms = PagerDutyTerms(own.severities, own.pages, own.within, wanted.console_url, wanted.jira.url)
    return PagerDuty(site, terms, ledger)


@dataclass
class Delivering:
    """The daemon's work for channels. Each turn may raise LedgerError or ChannelDown and comes again."""

    wanted: "Channels"
    ledger: "Ledger"
    answer: "Answer"
    clock: Clock
    boards: "Boards | None" = None
    _owner: str = field(default_factory=new_id)

    def __post_init__(self) -> None:
        """Build what is set up."""
        self.jira = open_jira(self.wanted)
        self.pagerduty = open_pagerduty(self.wanted, self.ledger)
        # Grafana before Jira and Jira before PagerDuty, so that a ticket can link its dashboard, and a page its ticket.
        grafana = self.boards.channel(self.ledger) if self.boards else None
        outer: tuple[Channel | None, ...] = (grafana, self.jira, self.pagerduty)
        self.channels: Sequence[Channel] = [Inbox(), *(one for one in outer if one is not None)]
        self._jira_answers = self._read_jira()
        self._pagerduty_answers = self._read_pagerduty()

    async def deliver(self) -> None:
        """Tell every channel what is due, and say how many wait."""
        now, tries = self.clock.now(), self.wanted.tries
        links = self.boards.of_proposal if self.boards else lambda _: ()
        await deliver_due(self.ledger, self.channels, now, owner=self._owner, tries=tries, links=links)
        for one in await self.ledger.post.standing():
            metrics.OUTBOX_WAITING.labels(one.channel).set(one.waiting)
            metrics.OUTBOX_DEAD.labels(one.channel).set(one.dead)
            age_s = (self.clock.now() - one.oldest_at).total_seconds() if one.waiting and one.oldest_at else 0.0
            metrics.OUTBOX_AGE.labels(one.channel).set(max(0.0, age_s))

    async def poll_jira(self) -> None:
        """Take in what people said in tickets."""
        if self._jira_answers is not None:
            await self._jira_answers.poll(self.answer, self.clock.now())

    async def poll_pagerduty(self) -> None:
        """Take in what people said about pages."""
        if self._pagerduty_answers is not None:
            await self._pagerduty_answers.poll(self.answer, self.clock.now())

    def polls(self) -> dict[str, tuple[Poll, timedelta]]:
        """What is to be asked, and how often."""
        found: dict[str, tuple[Poll, timedelta]] = {}
        if self._jira_answers is not None and self.wanted.jira.poll is not None:
            found["jira-poll"] = (self.poll_jira, self.wanted.jira.poll)
        answers, every = self._pagerduty_answers, self.wanted.pagerduty.poll
        if answers is not None and answers.site.reads and every is not None:
            found["pagerduty-poll"] = (self.poll_pagerduty, every)
        return found

    def listeners(self) -> "Mapping[str, Listener]":
        """The webhooks of the channels that are set up; each refuses everything while it has no secret."""
        from llo11ypop.channels import jira_answers, pagerduty_answers
        from llo11ypop.channels.listen import Listening, Signed

        found: dict[str, Listener] = {}
        age = self.wanted.webhook_age
        if self._jira_answers is not None:
            secret = self.wanted.jira.webhook_secret.get_secret_value()
            signed = Signed("jira", "x-hub-signature", "sha256=", secret, age)
            read = self._jira_answers.in_webhook
            found["jira"] = Listening(signed, self.ledger, self.answer, self.clock, jira_answers.webhook_at, read)
        if self._pagerduty_answers is not None:
            secret = self.wanted.pagerduty.webhook_secret.get_secret_value()
            signed = Signed("pagerduty", "x-pagerduty-signature", "v1=", secret, age)
            read = self._pagerduty_answers.in_webhook
            found["pagerduty"] = Listening(signed, self.ledger, self.answer, self.clock, pagerduty_answers.webhook_at, read)
        return found

    async def forget(self, keep: timedelta) -> int:
        """Forget statements that were heard longer ago, but never so soon that a webhook call could be heard twice."""
        return await self.ledger.post.forget(SystemClock().now() - max(keep, 2 * self.wanted.webhook_age))

    async def close(self) -> None:
        """Release connections."""
        for one in (self.jira, self.pagerduty):
            if one is not None:
                await one.close()

    def _read_jira(self) -> "JiraAnswers | None":
        if self.jira is None:
            return None
        from llo11ypop.channels.jira_answers import JiraAnswers
        from llo11ypop.channels.jira_read import JiraMeanings

        own = self.wanted.jira
        return JiraAnswers(self.jira.site, JiraMeanings(own.statuses, own.resolutions, own.approvers), self.ledger)

    def _read_pagerduty(self) -> "PagerDutyAnswers | None":
        if self.pagerduty is None:
            return None
        from llo11ypop.channels.pagerduty_answers import PagerDutyAnswers
        from llo11ypop.channels.pagerduty_read import PagerDutyReader

        own = self.wanted.pagerduty
        reader = PagerDutyReader(own.acknowledged, own.resolved, own.approvers)
        return PagerDutyAnswers(self.pagerduty.site, reader, self.ledger)
