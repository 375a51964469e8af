"""The built-in inbox: console and command line read proposals from the ledger, so there is nothing to send."""

from llo11ypop.channels.outbox import News


class Inbox:
    """The channel that is always there."""

    name = "inbox"

    async def announce(self, news: News) -> str:
        """The reference is the proposal's own id."""
        return news.proposal.id

    async def check(self) -> str:
        """It is the ledger."""
        return "in the ledger"
