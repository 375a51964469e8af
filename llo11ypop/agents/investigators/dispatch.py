"""From the intent of a question to the investigator that answers it."""

from collections.abc import Awaitable, Callable, Mapping

from llo11ypop.agents.investigators.at_risk import at_risk
from llo11ypop.agents.investigators.causes import causes
from llo11ypop.agents.investigators.goals_now import better_or_worse, health
from llo11ypop.agents.investigators.hardware_or_model import hardware_or_model
from llo11ypop.agents.investigators.inquiry import Inquiry
from llo11ypop.agents.investigators.nan_loss import nan_loss
from llo11ypop.agents.investigators.records import Ground, Investigated
from llo11ypop.agents.investigators.run_health import run_health
from llo11ypop.agents.investigators.supply_risk import supply_risk
from llo11ypop.agents.investigators.technicians import technicians
from llo11ypop.agents.investigators.why import why
from llo11ypop.language.intent import Intent
from llo11ypop.language.reading import Reading

Investigator = Callable[[Inquiry], Awaitable[Investigated]]

INVESTIGATORS: Mapping[Intent, Investigator] = {
    Intent.CAUSES: causes,
    Intent.WHY: why,
    Intent.AT_RISK: at_risk,
    Intent.TECHNICIANS: technicians,
    Intent.SUPPLY_RISK: supply_risk,
    Intent.NAN_LOSS: nan_loss,
    Intent.HEALTH: health,
    Intent.BETTER_OR_WORSE: better_or_worse,
    Intent.RUN_HEALTH: run_health,
    Intent.HARDWARE_OR_MODEL: hardware_or_model,
}
"""Intent → investigator. The morning report is not among them: it is written by the reporter."""

INTENTS: frozenset[Intent] = frozenset(INVESTIGATORS)


async def investigate(reading: Reading, ground: Ground) -> Investigated:
    """Answer a question that no single plan answers.

    Raises KeyError for an intent without investigator, and StoreError (a retry helps when it is transient).
    """
    return await INVESTIGATORS[reading.intent](Inquiry(reading, ground))
