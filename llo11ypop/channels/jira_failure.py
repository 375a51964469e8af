"""What an answer of Jira means for the outbox: is the site or its set-up to blame, or this one request?"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from llo11ypop.channels.blocks import clean
from llo11ypop.channels.failure import ChannelDown, ChannelRefused, wait_asked

SETTINGS = "channels.jira"
_SERVER_ERROR = 500


def failure(
    doing: str, status: int | None, text: str, headers: Mapping[str, str], now: datetime, settle: timedelta
) -> ChannelDown | ChannelRefused:
    """The failure of a request that tried to `doing`; `settle` is how long a write may be hidden from searches.

    Sources: Jira Cloud REST API v3, status codes and rate limiting (developer.atlassian.com, 2026-03).
    """
    said = f": {clean(text, 300)}" if text else ""
    wait = wait_asked(headers.get("Retry-After"), now)
    match status:
        case 401:
            step = f"check {SETTINGS}.user and token; what waits is delivered when it works"
            return ChannelDown(f"Jira does not accept the account (401){said}", next_step=step)
        case 403 if doing == ATTACH:
            return ChannelRefused(f"Jira does not allow the account to {doing} (403){said}")
        case 403:
            step = f"give the account of {SETTINGS}.token the permission in the project"
            return ChannelDown(f"Jira does not allow the account to {doing} (403){said}", next_step=step, wait=wait)
        case 404 if doing == CREATE:
            return _no_project(said)
        case 404:
            return ChannelRefused(f"Jira could not {doing}: there is no such ticket, or the account may not see it (404){said}")
        case 400 if doing == CREATE and "project" in text.casefold():
            return _no_project(said)
        case 429:
            return ChannelDown(f"Jira asks to slow down (429){said}", next_step="it is tried again by itself", wait=wait)
        case None:
            return ChannelRefused(f"Jira could not {doing}{said}")
    if status >= _SERVER_ERROR:
        longer = max(wait, settle)
        return ChannelDown(f"Jira answers {status}{said}", next_step="it is tried again by itself", wait=longer, answered=True)
    step = f"compare {SETTINGS} with what the project has (priorities, components, issue type), then send it again from /channels"
    return ChannelRefused(f"Jira could not {doing} ({status}){said}", next_step=step)


CREATE = "create a ticket"
ATTACH = "attach a file"


def _no_project(said: str) -> ChannelDown:
    step = f"check {SETTINGS}.project and projects, and that the account may browse and create there"
    return ChannelDown(f"Jira has no such project for the account{said}", next_step=step)


def cut_off(doing: str, why: Exception, settle: timedelta) -> ChannelDown:
    """No answer, or one that broke off: nobody knows whether it was done, so it is looked for before it is tried again."""
    step = "it is tried again by itself; check channels.jira.url, the network and Jira's state if it lasts"
    return ChannelDown(f"Jira could not be reached to {doing} ({type(why).__name__})", next_step=step, wait=settle)


def nonsense(doing: str, settle: timedelta) -> ChannelDown:
    """An answer that is not Jira's: a login page, a proxy."""
    step = "check that channels.jira.url is the address of Jira itself, and channels.jira.flavor"
    return ChannelDown(f"what answers at channels.jira.url is not Jira's API (it was to {doing})", next_step=step, wait=settle)
