"""The director's model mind for questions: their areas as enums, so that the query writer gets the right slice of the catalog.

A wrong area costs at most a reading: what is offered from other areas stays on the list where its words are said.
"""

from pathlib import Path

from llo11ypop.core.vocabulary import Area
from llo11ypop.models.port import Model, Request, Role
from llo11ypop.models.prompting import data_block, with_data_rule

PROMPT = Path(__file__).with_suffix(".md")
MOST = 3
SCHEMA = {
    "type": "object",
    "properties": {"areas": {"type": "array", "items": {"enum": [a.value for a in Area]}, "minItems": 1, "maxItems": MOST}},
    "required": ["areas"],
    "additionalProperties": False,
}


async def routed(question: str, models: Model) -> tuple[Area, ...]:
    """The areas of a question, at most three; unknown ones are left out. Raises Refused."""
    prompt = with_data_rule(PROMPT)
    reply = await models.ask(Request(Role.DIRECTOR, "areas", prompt.hash, prompt.text, data_block("question", question), SCHEMA))
    found = reply.value.get("areas")
    known = {a.value: a for a in Area}
    named = [known[a] for a in found if isinstance(a, str) and a in known] if isinstance(found, (list, tuple)) else []
    return tuple(dict.fromkeys(named))[:MOST]
