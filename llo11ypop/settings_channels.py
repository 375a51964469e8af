"""The channels of the settings: where proposals are announced, and where answers are read back."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator

from llo11ypop.core.vocabulary import Queue, Severity
from llo11ypop.settings_base import PositiveDuration, Section

Meaning = Literal[
    "approve", "wrong_target", "wrong_action", "wrong_cause", "stale", "duplicate", "too_risky", "noise", "other", "none"
]
"""What a status, a resolution or a click means: `approve`, `none` for nothing, else the reason of a rejection."""

Loudness = Literal["critical", "error", "warning", "info"]
_PRIORITIES = ("Highest", "High", "Medium", "Low")
_STATUSES: dict[str, Meaning] = {"Approved": "approve", "Rejected": "other"}
_RESOLUTIONS: dict[str, Meaning] = {
    "Done": "approve",
    "Fixed": "approve",
    "Duplicate": "duplicate",
    "Won't Do": "other",
    "Won't Fix": "other",
    "Declined": "other",
    "Cannot Reproduce": "noise",
    "Known Error": "duplicate",
}
_LOUDNESS: dict[Severity, Loudness] = {Severity.S1: "critical", Severity.S2: "error"}


class JiraSection(Section):
    """A Jira site; nothing is sent while `url` is empty."""

    url: str = ""
    flavor: Literal["cloud", "datacenter"] = "cloud"
    """Cloud speaks API v3 with the Atlassian document format, Data Center v2 with wiki markup."""
    user: str = ""
    """The e-mail address of the account (Cloud). Empty: the token is a personal access token (Data Center)."""
    token: SecretStr = SecretStr("")
    """Set it by environment or file."""
    ca: Path | None = None
    """Certificates to trust instead of the usual ones."""
    timeout: PositiveDuration = timedelta(seconds=20)
    settle: PositiveDuration = timedelta(minutes=1)
    """How long after a request that was cut off its result may not be found by a search yet."""
    project: str = ""
    projects: dict[Queue, str] = Field(default_factory=dict)
    """Another project for some queues."""
    issue_type: str = "Task"
    components: dict[Queue, str] = Field(default_factory=dict)
    priorities: dict[Severity, str] = Field(default_factory=lambda: dict(zip(Severity, _PRIORITIES, strict=True)))
    """A severity that is not named gets the project's own default."""
    labels: tuple[str, ...] = ()
    """More labels; every ticket has `llo11ypop` and one with the proposal's id."""
    markup: Literal["wiki", "plain"] = "wiki"
    """Data Center only."""
    chart: bool = True
    """Whether a chart of the evidence is attached."""
    statuses: dict[str, Meaning] = Field(default_factory=lambda: dict(_STATUSES))
    """What it means when a person moves the ticket to a status."""
    resolutions: dict[str, Meaning] = Field(default_factory=lambda: dict(_RESOLUTIONS))
    """What it means when a person resolves the ticket."""
    close_as: str = "Done"
    """The resolution of tickets that are closed because the trouble is over, where the workflow asks for one."""
    drop_as: str = "Won't Do"
    """The resolution of tickets whose proposal was rejected or expired."""
    approvers: tuple[str, ...] = ()
    """Account ids, user names or e-mail addresses whose word counts; empty: everybody who may write there."""
    poll: PositiveDuration | None = timedelta(minutes=2)
    """How often answers are read; null where webhooks suffice."""
    webhook_secret: SecretStr = SecretStr("")
    """Of the webhook that Jira calls; without it webhooks are refused."""

    @model_validator(mode="after")
    def _whole(self) -> "JiraSection":
        if self.url and not self.project:
            raise ValueError("url needs project: the key of the Jira project where tickets go")
        return self


class PagerDutySection(Section):
    """A PagerDuty service; nothing is sent while `routing_key` is empty."""

    routing_key: SecretStr = SecretStr("")
    """The integration key of an "Events API v2" integration. Set it by environment or file."""
    events_url: str = "https://events.pagerduty.com"
    api_url: str = "https://api.pagerduty.com"
    """Both are different in the EU: https://events.eu.pagerduty.com, https://api.eu.pagerduty.com."""
    token: SecretStr = SecretStr("")
    """A REST API key (read-only is enough); without it incidents are not read, only webhooks."""
    timeout: PositiveDuration = timedelta(seconds=15)
    severities: dict[Severity, Loudness] = Field(default_factory=lambda: dict(_LOUDNESS))
    """What pages, and how loud. A severity that is not named does not page."""
    pages: int = Field(default=5, ge=1)
    """More pages than this …"""
    within: PositiveDuration = timedelta(minutes=15)
    """… in this span are a storm: one page for all that follow until it is over."""
    acknowledged: Meaning = "none"
    """What it means when a person acknowledges the incident."""
    resolved: Meaning = "stale"
    """What it means when a person resolves the incident before the proposal was answered."""
    approvers: tuple[str, ...] = ()
    """User ids or names whose word counts; empty: everybody who may act on the incident."""
    poll: PositiveDuration | None = timedelta(minutes=2)
    webhook_secret: SecretStr = SecretStr("")
    """Of the webhook subscription (v3); without it webhooks are refused."""


class Channels(Section):
    """Where proposals are announced beside the console."""

    console_url: str = ""
    """Where people open the console, for links in tickets and pages."""
    every: PositiveDuration = timedelta(seconds=15)
    """How often the outbox is looked at."""
    tries: int = Field(default=8, ge=1)
    """How often a channel that works may refuse one thing before it is given up; a channel that is down does not count."""
    webhook_age: PositiveDuration = timedelta(hours=48)
    """Webhook calls about something older are refused (PagerDuty tries for 48 hours)."""
    jira: JiraSection = JiraSection()
    pagerduty: PagerDutySection = PagerDutySection()

    @property
    def names(self) -> tuple[str, ...]:
        """The channels that are set up; the inbox always is."""
        outer = {"jira": bool(self.jira.url), "pagerduty": bool(self.pagerduty.routing_key.get_secret_value())}
        return ("inbox", *(name for name, on in outer.items() if on))
