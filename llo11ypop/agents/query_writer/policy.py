"""When a model's reading counts beside that of the rules: one small decision, without side effects.

The rules win wherever they explain the whole question; what does not exist, what they find ambiguous and what needs an
investigator stays theirs. Where a word is unknown to them, a model's meanings for it, held against the question, may answer, and
the answer says whose reading it is. Agreement on the rows is confidence that can be said; disagreement is said too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from llo11ypop.agents.query_writer.minds import Minds
from llo11ypop.language.intent import PLANNED
from llo11ypop.language.reading import Reading

AGREES = "Two readings agree: the rules and a model, each by itself, came to the same rows."
DISAGREES = "A model read it otherwise: {text}. The answer follows the rules, which explain every word of the question."
ALONE = "This is a model's reading; the rules did not know {words}. Check 'read as' before you rely on it."
SUGGESTED = "A model took it for '{text}', though not each time. Ask that if it is what you mean."
TAKEN = "It took {words}."
BROKE = "A model's reading was left out: {why}."


@dataclass(frozen=True, slots=True)
class Decision:
    """What is answered, and what is said about it."""

    reading: Reading
    notes: tuple[str, ...] = ()
    confident: bool = False
    """Both minds came to the same rows."""
    by_model: bool = False


def settled_by_rules(rule: Reading) -> bool:
    """Whether the rules alone decide: the question is explained, or asks for what does not exist or is ambiguous."""
    return not rule.unknown


def wanted(rule: Reading, minds: Minds) -> bool:
    """Whether a second reading can change or confirm anything."""
    if minds is Minds.RULE or rule.nothing:
        return False
    return (minds is Minds.MODEL and rule.intent in PLANNED) or rule.plan is not None or bool(rule.unknown)


def decide(
    rule: Reading, model: Reading | None, same_rows: bool | None, *, glosses: Mapping[str, str] = {}, minds: Minds = Minds.BOTH
) -> Decision:
    """Whose reading is answered. `model`: its grounded reading, None where there is none. `same_rows`: None where not compared.

    A `model` reading must have passed grounding; nothing here looks at the question again.
    """
    if minds is Minds.MODEL and not rule.nothing and rule.intent in PLANNED:
        if model is None:
            return Decision(
                replace(rule, plan=None, clarify=rule.clarify or "the model found no plan for it; say it in other words")
            )
        return Decision(model, by_model=True)
    if not settled_by_rules(rule):
        if model is None or minds is Minds.RULE:
            return Decision(rule)
        taken = ", ".join(f"'{w}' for '{m}'" if m else f"'{w}' for nothing" for w, m in glosses.items())
        notes = (ALONE.format(words=_quoted(rule.unknown)), *([TAKEN.format(words=taken)] if taken else []))
        return Decision(replace(model, question=rule.question), notes, by_model=True)
    if rule.plan is None or model is None or same_rows is None:
        return Decision(rule)
    if same_rows:
        return Decision(rule, (AGREES,), confident=True)
    return Decision(rule, (DISAGREES.format(text=model.text),))


def second_reading(notes: Sequence[str]) -> str:
    """What the notes of an answer say of a model's reading: agrees, differs or alone; empty where they say nothing."""
    said = {"agrees": AGREES, "differs": DISAGREES, "alone": ALONE}
    return next((word for word, note in said.items() for n in notes if n.startswith(note.partition("{")[0])), "")


def _quoted(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{w}'" for w in dict.fromkeys(words))
