"""The director's model mind for questions: their areas as enums, so that the query writer gets the right slice of the catalog.

A wrong area costs at most a reading: what is offered from other areas stays on the list where its words are said.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from llo11ypop.core.vocabulary import Area
from llo11ypop.models.port import Model, Request, Role, note
from llo11ypop.models.prompting import data_block, with_data_rule

PROMPT = Path(__file__).with_suffix(".md")
MOST = 3
SCHEMA = {
    "type": "object",
    "properties": {"areas": {"type": "array", "items": {"enum": [a.value for a in Area]}, "minItems": 1, "maxItems": MOST}},
    "required": ["areas"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Routed:
    """Where a question goes."""

    areas: tuple[Area, ...]
    call_id: str = ""
    """Of the record of the call; empty where none was made."""


async def routed(question: str, models: Model) -> Routed:
    """The areas of a question, at most three; unknown ones are left out. Raises Refused."""
    prompt = with_data_rule(PROMPT)
    reply = await models.ask(Request(Role.DIRECTOR, "areas", prompt.hash, prompt.text, data_block("question", question), SCHEMA))
    found = reply.value.get("areas")
    known = {a.value: a for a in Area}
    named = [known[a] for a in found if isinstance(a, str) and a in known] if isinstance(found, (list, tuple)) else []
    return Routed(tuple(dict.fromkeys(named))[:MOST], reply.call_id)


async def judge_route(route: Routed, read_in: Collection[Area] | None, models: Model) -> None:
    """Note what became of a routing: `read_in` are the areas of the reading that stood, None where none did."""
    if not route.call_id:
        return
    if read_in is None:
        await note(models, route.call_id, accepted=None, why="no reading came of it")
        return
    right = bool(set(read_in) & set(route.areas))
    preferred = None if right else {"areas": [a.value for a in Area if a in read_in][:MOST]}
    await note(models, route.call_id, accepted=right, why="" if right else "it was read in other areas", preferred=preferred)
