"""The judge's model mind: asked only where the rules say 'undecided', in both orders, and believed only where both agree.

It never overrules a decided rule, and never accepts a number: answers that hold different figures are the rules' to decide.
"""

import re
from pathlib import Path

from llo11ypop.agents.judge.equivalence import Verdict, equivalent
from llo11ypop.models.port import Model, Request, Role
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
    said = {await _asked(*pair, question, models) for pair in ((expected, got), (got, expected))}
    if len(said) == 1 and (equal := said.pop()) is not None:
        return Verdict(
            equal, "a model finds them the same, in both orders" if equal else "a model finds them different, in both orders"
        )
    return ruled


def _figures(text: str) -> set[str]:
    return set(_FIGURE.findall(text))


async def _asked(one: str, other: str, question: str, models: Model) -> bool | None:
    prompt = with_data_rule(PROMPT)
    blocks = (data_block("question", question), data_block("first_answer", one), data_block("second_answer", other))
    reply = await models.ask(Request(Role.JUDGE, "same_answer", prompt.hash, prompt.text, "\n".join(blocks), SCHEMA))
    return _MEANS.get(str(reply.value.get("verdict")))
