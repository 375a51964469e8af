"""The query writer's model mind: one call, one repair, then nothing; what comes back has stood every test of a plan."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from llo11ypop.agents.query_writer.form import Form, FormError, read_form, schema
from llo11ypop.agents.query_writer.grounding import grounded
from llo11ypop.agents.query_writer.lowering import lowered
from llo11ypop.agents.query_writer.roles import writer_role
from llo11ypop.agents.query_writer.said import Said, said
from llo11ypop.agents.query_writer.same_rows import same_rows
from llo11ypop.agents.query_writer.terms import Offered, Terms
from llo11ypop.core.errors import Llo11yPopError, is_transient
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.located import load_located
from llo11ypop.core.vocabulary import Area
from llo11ypop.language.reader import Reader
from llo11ypop.language.reading import Reading
from llo11ypop.models.port import Model, Refused, Request, note
from llo11ypop.models.prompting import DATA_RULE, Prompt, data_block, load_prompt
from llo11ypop.query.plan import Plan

Run = Callable[[Plan], Awaitable[Evidence]]
REPAIRS = 1
"""A repair loop gained none to one of 30 questions with a model of 1.5 B (our measurement): more is not worth its calls."""
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Written:
    """What the model mind made of a question."""

    reading: Reading | None
    """None where it found none, or where what it found did not stand."""
    evidence: Evidence | None = None
    why: str = ""
    """Why there is none, in our words."""
    over: tuple[str, ...] = ()
    """Unknown words of the question that it passed over."""
    dropped: tuple[str, ...] = ()
    """Keys of the form that the question does not bear out."""
    votes: int = 0
    """How many of the forms came to these rows."""
    form: Form | None = None
    """The form as far as the question bears it out."""
    escaped: bool = False
    """The model said that nothing fits."""


@dataclass(frozen=True)
class _Asked:
    """One question with everything that its forms are held against."""

    question: str
    at: datetime
    said: Said
    terms: dict[str, Offered]
    user: str
    schema: dict[str, Any]
    role: str


class Writer:
    """Writes plans for one reader; keeps no state between questions."""

    def __init__(self, models: Model, reader: Reader, terms: Terms, run: Run, *, k: int = 1) -> None:
        """`k`: forms per question, of which the majority by rows counts."""
        self._models = models
        self._reader = reader
        self._terms = terms
        self._run = run
        self._k = k

    async def write(self, question: str, at: datetime, areas: Sequence[Area] = ()) -> Written:
        """The model's reading of a question that stands alone. Never raises for what a model does."""
        asked = self._asked(question, at, areas)
        found = [await self._one(asked) for _ in range(self._k)]
        good = [w for w in found if w.reading is not None]
        groups = [[o for o in good if _same(w, o)] for w in good]
        best = max(groups, key=len, default=[])
        if not best or 2 * len(best) <= self._k:
            return replace(
                found[0], reading=None, why=found[0].why or f"fewer than half of {self._k} forms came to the same rows"
            )
        return replace(best[0], votes=len(best))

    def _asked(self, question: str, at: datetime, areas: Sequence[Area]) -> _Asked:
        taken = said(question, at, self._reader)
        terms = self._terms.near(taken, areas, at)
        dims, values = list(taken.dims()), list(taken.values(self._reader.index))
        lines = ["Measures:", *(f"- {name}" for name in terms), f"Groups: {', '.join(dims) or 'none'}"]
        lines += [f"Names: {', '.join(values) or 'none'}", data_block("question", question), "Form:"]
        form = schema(list(terms), dims, values, taken.numbers)
        return _Asked(question, at, taken, terms, "\n".join(lines), form, writer_role(self._models, areas))

    async def _one(self, asked: _Asked) -> Written:
        """One form, and its repair."""
        told = ""
        for _ in range(1 + REPAIRS):
            try:
                reply = await self._models.ask(self._request(asked, told))
            except Refused as bad:
                return Written(None, why=f"no answer of the model ({bad.reason})")
            written, fatal = await self._held(reply.value, asked)
            preferred = written.form.told() if written.form is not None and written.dropped else None
            kept = written.reading is not None or written.escaped
            await note(self._models, reply.call_id, accepted=kept, why=written.why, preferred=preferred)
            if kept or fatal:
                return written
            told = f"\nYour form before was refused: {written.why}. Write another, or measure none."
        return written

    async def _held(self, value: Mapping[str, Any], asked: _Asked) -> tuple[Written, bool]:
        """What came of an answer, and whether another form would not help."""
        try:
            return await self._stands(read_form(value), asked), False
        except FormError as bad:
            return Written(None, why=str(bad)), False
        except Llo11yPopError as bad:
            why = "its plan could not be run just now" if is_transient(bad) else "its plan could not be carried out"
            return Written(None, why=why), is_transient(bad)

    async def _stands(self, form: Form, asked: _Asked) -> Written:
        """The form grounded, said again, read and run. Raises FormError and what a store raises."""
        if form.escaped:
            return Written(None, why="it found no measure that fits", escaped=True)
        offered = asked.terms.get(form.measure)
        if offered is None:
            raise FormError("the measure is not one of those offered")
        kept, dropped = grounded(form, asked.said, self._reader.index)
        reading, over = lowered(kept, offered, asked.said, self._reader, asked.at)
        if reading.plan is None:
            raise FormError("it is no single query")
        return Written(reading, await self._run(reading.plan), over=over, dropped=dropped, form=kept)

    def _request(self, asked: _Asked, told: str) -> Request:
        prompt = system_prompt()
        user = f"{asked.user}{told}"
        return Request(asked.role, "query_form", prompt.hash, prompt.text, user, asked.schema)


def _same(one: Written, other: Written) -> bool:
    if one is other:
        return True
    if one.reading is None or other.reading is None or one.evidence is None or other.evidence is None:
        return False
    return bool(same_rows(one.evidence, other.evidence, one.reading.columns, other.reading.columns))


@cache
def system_prompt() -> Prompt:
    """The system part, the same bytes for every question, and the version of its file."""
    prompt = load_prompt(HERE / "prompt.md")
    examples = [{"question": e["question"], "form": json.dumps(e["form"])} for e in verified_examples()]
    return Prompt(prompt.render(data_rule=DATA_RULE, examples=examples), prompt.hash)


@cache
def verified_examples() -> list[dict[str, Any]]:
    """The examples of the prompt. Raises ConfigError where the file is not as it was installed."""
    path = HERE / "examples.yaml"
    return list(load_located(path.read_text(encoding="utf-8"), str(path)).value["examples"])
