"""The guardrail's model mind: it may add a refusal to what the rules let in, and never lifts one.

It is asked only about questions that the rules cannot explain: what they explain wholly is a plan that reads, and cannot harm.
"""

from pathlib import Path

from llo11ypop.agents.guardrail.rules import Guard, Reason
from llo11ypop.agents.guardrail.screen import Screened
from llo11ypop.models.port import Model, Request, Role, note
from llo11ypop.models.prompting import data_block, with_data_rule

PROMPT = Path(__file__).with_suffix(".md")
VERDICTS = {"about_the_fleet": Reason.ALLOWED, "off_topic": Reason.OFF_TOPIC, "orders_a_change": Reason.DESTRUCTIVE}
"""What it may say: no line of its own, and no other reason."""
UNJUDGED = "the question was {what}; nobody judged that"
SCHEMA = {
    "type": "object",
    "properties": {"verdict": {"enum": list(VERDICTS)}},
    "required": ["verdict"],
    "additionalProperties": False,
}


async def doubted(question: str, screened: Screened, models: Model, guard: Guard) -> Screened:
    """What the rules decided, or a refusal in its place; an unknown verdict changes nothing. Raises Refused."""
    if not screened.allowed:
        return screened
    prompt = with_data_rule(PROMPT)
    reply = await models.ask(
        Request(Role.GUARDRAIL, "guard_verdict", prompt.hash, prompt.text, data_block("question", question), SCHEMA)
    )
    known = VERDICTS.get(str(reply.value.get("verdict")))
    reason = known or Reason.ALLOWED
    why = UNJUDGED.format(what="let in" if reason is Reason.ALLOWED else "declined")
    await note(models, reply.call_id, accepted=None if known else False, why=why if known else "no verdict of the form")
    return screened if reason is Reason.ALLOWED else Screened(False, reason, guard.line(reason))
