"""From the intent of a question to the investigator that answers it."""

from collections.abc import Awaitable, Callable, Mapping

from llo11ypop.agents.investigators.at_risk import at_risk
from llo11ypop.agents.investigators.causes import causes
from llo11ypop.agents.investigators.did_it_help import did_it_help
from llo11ypop.agents.investigators.goals_now import better_or_worse, health
from llo11ypop.agents.investigators.hardware_or_model import hardware_or_model
from llo11ypop.agents.investigators.idle_while_pending import idle_while_pending
from llo11ypop.agents.investigators.inquiry import Inquiry
from llo11ypop.agents.investigators.lemon import lemon
from llo11ypop.agents.investigators.maintenance import maintenance
from llo11ypop.agents.investigators.nan_loss import nan_loss
from llo11ypop.agents.investigators.one_or_many import one_or_many
from llo11ypop.agents.investigators.outage_cost import outage_cost
from llo11ypop.agents.investigators.records import Ground, Investigated
from llo11ypop.agents.investigators.relation import relation
from llo11ypop.agents.investigators.rollout import rollout
from llo11ypop.agents.investigators.run_health import run_health
from llo11ypop.agents.investigators.slower import slower
from llo11ypop.agents.investigators.spares import spares
from llo11ypop.agents.investigators.supply_risk import supply_risk
from llo11ypop.agents.investigators.technicians import technicians
from llo11ypop.agents.investigators.tied_to import tied_to
from llo11ypop.agents.investigators.why import why
from llo11ypop.language.intent import Intent
from llo11ypop.language.reading import Reading

Investigator = Callable[[Inquiry], Awaitable[Investigated]]

INVESTIGATORS: Mapping[Intent, Investigator] = {
    Intent.CAUSES: causes,
    Intent.WHY: why,
    Intent.RELATION: relation,
    Intent.IDLE_WHILE_PENDING: idle_while_pending,
    Intent.DID_IT_HELP: did_it_help,
    Intent.ROLLOUT: rollout,
    Intent.TIED_TO: tied_to,
    Intent.ONE_OR_MANY: one_or_many,
    Intent.SLOWER: slower,
    Intent.LEMON: lemon,
    Intent.SPARES: spares,
    Intent.OUTAGE_COST: outage_cost,
    Intent.MAINTENANCE: maintenance,
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
