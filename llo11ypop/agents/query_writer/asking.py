"""One task for a model: asked once, repaired once with the reason; most answers, or all, must come to the same rows."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from llo11ypop.agents.query_writer.form import FormError
from llo11ypop.agents.query_writer.same_rows import same_rows
from llo11ypop.core.errors import Llo11yPopError, is_transient
from llo11ypop.core.evidence import Evidence
from llo11ypop.language.reading import Reading
from llo11ypop.models.port import Model, Refused, Request, note
from llo11ypop.models.prompting import Prompt

REPAIRS = 1
"""A repair loop gained none to one of 30 questions with a model of 1.5 B (our measurement): more is not worth its calls."""


@dataclass(frozen=True)
class Written:
    """What the model mind made of a question."""

    reading: Reading | None
    """None where it found none, or where what it found did not stand."""
    evidence: Evidence | None = None
    why: str = ""
    """Why there is none, in our words."""
    dropped: tuple[str, ...] = ()
    """Keys of the form that the question does not bear out."""
    votes: int = 0
    """How many of the answers came to these rows."""
    preferred: Mapping[str, Any] | None = None
    """The form as far as the question bears it out, where that is less than the model wrote."""
    glosses: Mapping[str, str] = field(default_factory=dict)
    """Unknown word → what it was read as; empty for one that was left out."""
    suggested: str = ""
    """A reading that is not sure enough to be answered, in our words."""
    escaped: bool = False
    """The model said that nothing fits."""


@dataclass(frozen=True)
class Task:
    """What a model is asked to write, and what its answer has to stand."""

    name: str
    role: str
    prompt: Prompt
    user: str
    schema: Mapping[str, Any]
    stands: Callable[[Mapping[str, Any]], Awaitable[Written]]
    """Raises FormError with the reason, and what a store raises."""


async def written(models: Model, task: Task, votes: int) -> Written:
    """What a model made of a task; of several answers the one that more than half came to. Raises nothing of a model's."""
    found = [await _one(models, task) for _ in range(votes)]
    good = [w for w in found if w.reading is not None]
    groups = [[o for o in good if _same(w, o)] for w in good]
    best = max(groups, key=len, default=[])
    if not best or 2 * len(best) <= votes:
        return replace(found[0], reading=None, why=found[0].why or f"fewer than half of {votes} answers came to the same rows")
    return replace(best[0], votes=len(best))


async def unanimous(models: Model, task: Task, votes: int) -> Written:
    """What all of several answers came to, by rows. Stops at the first that stands for nothing or for something else."""
    first = await _one(models, task)
    if first.reading is None:
        return first
    for _ in range(votes - 1):
        other = await _one(models, task)
        if not _same(first, other):
            return replace(
                first, reading=None, why=other.why or "asked again, it meant something else", suggested=first.reading.text
            )
    return replace(first, votes=votes)


async def _one(models: Model, task: Task) -> Written:
    """One answer, and its repair."""
    told = ""
    for _ in range(1 + REPAIRS):
        try:
            request = Request(task.role, task.name, task.prompt.hash, task.prompt.text, f"{task.user}{told}", task.schema)
            reply = await models.ask(request)
        except Refused as bad:
            return Written(None, why=f"no answer of the model ({bad.reason})")
        found, fatal = await _held(reply.value, task)
        kept = found.reading is not None or found.escaped
        await note(models, reply.call_id, accepted=kept, why=found.why, preferred=found.preferred)
        if kept or fatal:
            return found
        told = f"\nYour answer before was refused: {found.why}. Write another."
    return found


async def _held(value: Mapping[str, Any], task: Task) -> tuple[Written, bool]:
    """What came of an answer, and whether another would not help."""
    try:
        return await task.stands(value), False
    except FormError as bad:
        return Written(None, why=str(bad)), False
    except Llo11yPopError as bad:
        why = "its plan could not be run just now" if is_transient(bad) else "its plan could not be carried out"
        return Written(None, why=why), is_transient(bad)


def _same(one: Written, other: Written) -> bool:
    if one is other:
        return True
    if one.reading is None or other.reading is None or one.evidence is None or other.evidence is None:
        return False
    return bool(same_rows(one.evidence, other.evidence, one.reading.columns, other.reading.columns, loose=True))
