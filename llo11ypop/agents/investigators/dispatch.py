"""From the intent of a question to the investigator that answers it."""

from collections.abc import Awaitable, Callable, Mapping

from llo11ypop.agents.investigators.causes import causes
from llo11ypop.agents.investigators.inquiry import Inquiry
from llo11ypop.agents.investigators.records import Ground, Investigated
from llo11ypop.agents.investigators.why import why
from llo11ypop.language.intent import Intent
from llo11ypop.language.reading import Reading

Investigator = Callable[[Inquiry], Awaitable[Investigated]]

INVESTIGATORS: Mapping[Intent, Investigator] = {
    Intent.CAUSES: causes,
    Intent.WHY: why,
}
"""Intent → investigator. The morning report is not among them: it is written by the reporter."""

INTENTS: frozenset[Intent] = frozenset(INVESTIGATORS)


async def investigate(reading: Reading, ground: Ground) -> Investigated:
    """Answer a question that no single plan answers.

    Raises KeyError for an intent without investigator, and StoreError (a retry helps when it is transient).
    """
    return await INVESTIGATORS[reading.intent](Inquiry(reading, ground))
