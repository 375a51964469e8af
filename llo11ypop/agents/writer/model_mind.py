"""The writer's model mind: title and summary of a new proposal, held sentence by sentence against its facts.

What no fact stands behind is dropped. Where the rest does not say what, where and since when, the template's text stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llo11ypop.agents.writer.claims import Claimed, loose, words_of
from llo11ypop.agents.writer.facts import Facts, Names, facts_of
from llo11ypop.core.proposal import Proposal
from llo11ypop.core.reasoning import Hypothesis
from llo11ypop.models.port import Model, Request, Role, note
from llo11ypop.models.prompting import data_block, with_data_rule

PROMPT = Path(__file__).with_suffix(".md")
WORDED = "Worded by a model; checked against the evidence."
MOST_SENTENCES = 5
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "minLength": 1, "maxLength": 160},
        "sentences": {
            "type": "array",
            "items": {"type": "string", "minLength": 1, "maxLength": 300},
            "minItems": 1,
            "maxItems": MOST_SENTENCES,
        },
    },
    "required": ["title", "sentences"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Worded:
    """The proposal with as much of the model's text as stands, and why the rest does not."""

    proposal: Proposal
    dropped: tuple[str, ...] = ()


async def word(models: Model, proposal: Proposal, hypothesis: Hypothesis, names: Names) -> Worded:
    """The proposal in the model's words as far as they hold. Raises Refused."""
    facts, prompt = facts_of(proposal, hypothesis, names), with_data_rule(PROMPT)
    request = Request(
        role=Role.WRITER,
        name="ticket_text",
        prompt_hash=prompt.hash,
        system=prompt.text,
        user=data_block("facts", facts.text()),
        schema=SCHEMA,
        refs=(proposal.cycle_id, proposal.id, *proposal.evidence),
    )
    reply = await models.ask(request)
    made = checked(proposal, facts, names, reply.value)
    await note(models, reply.call_id, accepted=not made.dropped, why="; ".join(dict.fromkeys(made.dropped)))
    return made


def checked(proposal: Proposal, facts: Facts, names: Names, said: Mapping[str, Any]) -> Worded:
    """What of a title and sentences stands. Only title and summary of the proposal can change."""
    title, *sentences = [" ".join(text.split()) for text in (said["title"], *said["sentences"])]
    claimed = Claimed.of(facts.about, (facts.cause, facts.entity), facts.others())
    wrong = {text: why for text in (title, *sentences) if (why := _wrong(text, facts, claimed))}
    dropped = tuple(wrong.values())
    kept = [s for s in sentences if s not in wrong]
    if not any(_whole(s, facts, claimed) for s in kept):
        return Worded(proposal, (*dropped, "too little of the text was left: the template's stands"))
    title = (
        proposal.title if title in wrong or not claimed.subject <= set(words_of(title)) else names.given_back(title.rstrip("."))
    )
    if facts.symptoms and not any("further symptom" in s for s in kept):
        kept.append(facts.symptoms)
    summary = " ".join([*(names.given_back(f"{s.rstrip('.')}.") for s in kept), WORDED])
    return Worded(replace(proposal, title=title, summary=summary), dropped)


def _wrong(sentence: str, facts: Facts, claimed: Claimed) -> str:
    """Why a sentence does not stand, without the model's words; empty when it does."""
    missing = loose(sentence, (facts.about, *facts.others()))
    if missing:
        return f"{len(missing)} name(s) or figure(s) that no fact has"
    return "" if claimed.stands(sentence) else "a sentence that no single fact says"


def _whole(sentence: str, facts: Facts, claimed: Claimed) -> bool:
    """Whether one sentence says what, where and since when."""
    return claimed.subject | set(words_of(facts.since)) <= set(words_of(sentence))
