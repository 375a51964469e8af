"""The judge's model mind: asked only where the rules say 'undecided', in both orders, and believed only where both agree.

It never overrules a decided rule, and never accepts a number: answers that hold different figures are the rules' to decide.
"""

import re
from pathlib import Path

from llo11ypop.agents.judge.equivalence import Verdict, equivalent
from llo11ypop.models.port import Model, Reply, Request, Role, note
from llo11ypop.models.prompting import data_block, with_data_rule

PROMPT = Path(__file__).with_suffix(".md")
SCHEMA = {
    "type": "object",
    "properties": {"verdict": {"enum": ["same", "different", "unclear"]}},
    "required": ["verdict"],
    "additionalProperties": False,
}
_MEANS = {"same": True, "different": False}
_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")


async def judged(expected: str, got: str, models: Model, *, question: str = "", ranked: bool | None = None) -> Verdict:
    """The rules' verdict; where they are undecided, the model's. Raises Refused, and then the rules' verdict stands."""
    ruled = equivalent(expected, got, question=question, ranked=ranked)
    if ruled.equal is not None or not models.has(Role.JUDGE):
        return ruled
    if not expected.strip() or not got.strip() or (_figures(got) ^ _figures(expected)) - _figures(question):
        return ruled
    replies = [await _asked(*pair, question, models) for pair in ((expected, got), (got, expected))]
    said = {_MEANS.get(str(r.value.get("verdict"))) for r in replies}
    for reply in replies:
        await note(models, reply.call_id, accepted=_taken(said), why=_why(said))
    if len(said) == 1 and (equal := said.pop()) is not None:
        return Verdict(
            equal, "a model finds them the same, in both orders" if equal else "a model finds them different, in both orders"
        )
    return ruled


def _taken(said: set[bool | None]) -> bool | None:
    """Two orders that contradict each other are both doubtful; 'unclear' decides nothing."""
    return None if None in said else len(said) == 1


def _why(said: set[bool | None]) -> str:
    return "" if _taken(said) else "it decided nothing" if None in said else "the other order was answered otherwise"


def _figures(text: str) -> set[str]:
    return set(_FIGURE.findall(text))


async def _asked(one: str, other: str, question: str, models: Model) -> Reply:
    prompt = with_data_rule(PROMPT)
    blocks = (data_block("question", question), data_block("first_answer", one), data_block("second_answer", other))
    return await models.ask(Request(Role.JUDGE, "same_answer", prompt.hash, prompt.text, "\n".join(blocks), SCHEMA))
