"""The writer's model mind: title and summary of a new proposal, held sentence by sentence against its facts.

What no fact stands behind is dropped. Where the rest does not say what, where and since when, the template's text stands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llo11ypop.agents.writer.claims import loose, stands, words_of
from llo11ypop.agents.writer.facts import Facts, Names, facts_of
from llo11ypop.core.proposal import Proposal
from llo11ypop.core.reasoning import Hypothesis
from llo11ypop.models.port import Model, Request, Role, note
from llo11ypop.models.prompting import DATA_RULE, data_block, load_prompt

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
    facts, prompt = facts_of(proposal, hypothesis, names), load_prompt(PROMPT)
    request = Request(
        role=Role.WRITER,
        name="ticket_text",
        prompt_hash=prompt.hash,
        system=prompt.render(data_rule=DATA_RULE),
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
    dropped: list[str] = []
    kept = [flat for s in said["sentences"] if _holds(flat := _flat(s), facts, dropped)]
    if not _whole(kept, facts):
        return Worded(proposal, (*dropped, "too little of the text was left: the template's stands"))
    title = _flat(said["title"]).rstrip(".")
    if not _holds(title, facts, dropped) or not _names_it(title, facts):
        title = proposal.title
    summary = " ".join([*(names.given_back(f"{s.rstrip('.')}.") for s in kept), *_symptoms(proposal, kept), WORDED])
    return Worded(replace(proposal, title=names.given_back(title), summary=summary), tuple(dropped))


def _flat(text: str) -> str:
    return " ".join(text.split())


def _holds(sentence: str, facts: Facts, dropped: list[str]) -> bool:
    """Whether a sentence stands; if not, why is added to `dropped`, without the model's words."""
    missing = loose(sentence, facts.lines())
    if not missing and stands(sentence, facts.about, (*facts.signs, facts.proposed)):
        return True
    dropped.append(f"{len(missing)} name(s) or figure(s) that no fact has" if missing else "a sentence that no single fact says")
    return False


def _names_it(text: str, facts: Facts) -> bool:
    said = set(words_of(text))
    return set(words_of(facts.cause)) <= said and set(words_of(facts.entity)) <= said


def _whole(kept: Sequence[str], facts: Facts) -> bool:
    """Whether one sentence says what, where and since when."""
    onset = set(words_of(facts.since))
    return any(_names_it(s, facts) and onset <= set(words_of(s)) for s in kept)


def _symptoms(proposal: Proposal, kept: Sequence[str]) -> list[str]:
    """The template's sentence about further symptoms, where the model left it out."""
    _, found, rest = proposal.summary.partition("It accounts for ")
    return [found + rest] if found and not any("further symptom" in s for s in kept) else []
