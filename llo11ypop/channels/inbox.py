"""The built-in inbox: console and command line read proposals from the ledger, so there is nothing to send."""

from llo11ypop.core.proposal import Proposal


class Inbox:
    """The channel that is always there."""

    name = "inbox"

    async def announce(self, proposal: Proposal, event: str) -> str:
        """The reference is the proposal's own id."""
        return proposal.id
