"""The playbook model and its matcher: how things fail, what that looks like, and what to do."""

from llo11ypop.playbooks.book import PlaybookSet
from llo11ypop.playbooks.goals import load_goals
from llo11ypop.playbooks.loading import load_playbooks
from llo11ypop.playbooks.model import ActionOption, Explains, Playbook
from llo11ypop.playbooks.xid import XidTable, load_xid_table

__all__ = [
    "ActionOption",
    "Explains",
    "Playbook",
    "PlaybookSet",
    "XidTable",
    "load_goals",
    "load_playbooks",
    "load_xid_table",
]
