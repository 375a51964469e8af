"""What `doctor` says about channels: whether they work, what waits, and what was given up."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from llo11ypop.cli.doctor_clock import Found
from llo11ypop.core.errors import Llo11yPopError

if TYPE_CHECKING:
    from llo11ypop.approvals.post import Standing
    from llo11ypop.channels.outbox import Channel
    from llo11ypop.settings import Settings

LATE = timedelta(minutes=30)
"""News that wait longer than this are worth a warning. Our assumption."""
LONGEST_PROBE_S = 30.0


async def examine_channels(settings: "Settings") -> list[Found]:
    """A line per channel that is set up, and one per trouble. Raises LedgerError."""
    from llo11ypop.daemon.compose import open_ledger
    from llo11ypop.daemon.delivering import open_jira, open_pagerduty

    wanted = settings.channels
    if settings.ledger.url is None and not settings.ledger.path.exists():
        return [("ok", f"{', '.join(settings.channel_names)}; nothing to tell yet, since there is no ledger")]
    ledger = open_ledger(settings)
    found: list[Found] = []
    try:
        for channel in (open_jira(wanted), open_pagerduty(wanted, ledger)):
            if channel is not None:
                found.append(await _probe(channel))
                await channel.close()
        for one in await ledger.post.standing():
            found += _standing(one, settings.channel_names)
    finally:
        await ledger.close()
    return found or [("ok", "the inbox only: console and command line")]


async def _probe(channel: "Channel") -> Found:
    try:
        return "ok", f"{channel.name}: {await asyncio.wait_for(channel.check(), LONGEST_PROBE_S)}"
    except TimeoutError:
        return "fail", f"{channel.name}: no answer within {LONGEST_PROBE_S:.0f} s — check its address and the network"
    except Llo11yPopError as bad:
        return "fail", f"{channel.name}: {bad.line()}"


def _standing(one: "Standing", names: tuple[str, ...]) -> list[Found]:
    from llo11ypop.core.clock import SystemClock

    found: list[Found] = []
    if one.dead:
        step = "see why at /channels in the console, mend it, and press 'Send again'"
        found.append(("fail", f"{one.channel}: {one.dead} deliveries were given up — {step}"))
    if one.waiting and one.channel not in names:
        step = f"set up channels.{one.channel} again, or leave it"
        found.append(("warn", f"{one.channel}: {one.waiting} deliveries wait for a channel that is not set up — {step}"))
    elif one.failures:
        found.append(
            ("fail", f"{one.channel}: {one.waiting} deliveries wait; failed {one.failures} times in a row: {one.reason}")
        )
    elif one.waiting and one.oldest_at and SystemClock().now() - one.oldest_at > LATE:
        since = f"{one.oldest_at:%Y-%m-%d %H:%M}Z"
        found.append(("warn", f"{one.channel}: {one.waiting} deliveries wait since {since} — is the daemon running?"))
    return found
