"""The query writer's model mind: a question filled into a form, or its words explained where the rules do not know them.

Either way the plan is the reader's, and it has been run.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from llo11ypop.agents.query_writer.asking import Task, Written, unanimous, written
from llo11ypop.agents.query_writer.form import FormError, read_form, schema
from llo11ypop.agents.query_writer.glosses import MOST_WORDS, glossed, read_glosses
from llo11ypop.agents.query_writer.glosses import schema as schema_of
from llo11ypop.agents.query_writer.grounding import grounded
from llo11ypop.agents.query_writer.lowering import lowered
from llo11ypop.agents.query_writer.roles import writer_role
from llo11ypop.agents.query_writer.said import Said, said
from llo11ypop.agents.query_writer.terms import Offered, Terms
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.located import load_located
from llo11ypop.core.vocabulary import Area
from llo11ypop.language.reader import Reader
from llo11ypop.language.reading import Reading
from llo11ypop.models.port import Model
from llo11ypop.models.prompting import DATA_RULE, Prompt, data_block, load_prompt
from llo11ypop.query.plan import Plan

Run = Callable[[Plan], Awaitable[Evidence]]
NAMED = 12
"""Known things that are shown beside unknown words (our choice: about 50 tokens)."""
AGREE = 3
"""Answers that must mean the same before unknown words are taken for anything. Of 84 readings of unprepared questions by a model
of 1.5 B, 12 stood alone and 3 of them were right (docs/minds.md); its wrong ones change from answer to answer."""
HERE = Path(__file__).parent


class Writer:
    """Writes plans for one reader; keeps no state between questions."""

    def __init__(self, models: Model, reader: Reader, terms: Terms, run: Run, *, k: int = 1) -> None:
        """`k`: answers per question, of which the majority by rows counts."""
        self._models = models
        self._reader = reader
        self._terms = terms
        self._run = run
        self._k = k

    async def write(self, question: str, at: datetime, areas: Sequence[Area] = ()) -> Written:
        """The model's own reading of a question that stands alone, by a form. Never raises for what a model does."""
        asked = said(question, at, self._reader)
        terms = self._terms.near(asked, areas, at)
        dims, values = list(asked.dims()), list(asked.values(self._reader.index))
        lines = ["Measures:", *(f"- {name}" for name in terms), f"Groups: {', '.join(dims) or 'none'}"]
        lines += [f"Names: {', '.join(values) or 'none'}", data_block("question", question), "Form:"]

        async def stands(value: Mapping[str, Any]) -> Written:
            return await self._form_stands(value, asked, terms, at)

        form, role = schema(list(terms), dims, values, asked.numbers), writer_role(self._models, areas)
        return await written(self._models, Task("query_form", role, system_prompt(), "\n".join(lines), form, stands), self._k)

    async def gloss(self, question: str, unknown: Sequence[str], at: datetime, areas: Sequence[Area] = ()) -> Written:
        """The reading of a question with a model's meanings for its unknown words. Never raises for what a model does."""
        words = list(dict.fromkeys(unknown))
        if len(words) > MOST_WORDS:
            return Written(None, why=f"{len(words)} words of it are unknown")
        known = ", ".join(self._terms.near(said(question, at, self._reader), areas, at, NAMED))
        data = data_block("question", f"{question}\nNot known: {', '.join(words)}")

        async def stands(value: Mapping[str, Any]) -> Written:
            reading, chosen = glossed(question, read_glosses(value, words), self._reader, at)
            return replace(await self._ran(reading), glosses=chosen)

        role, user = writer_role(self._models, areas), f"Known things: {known}\n{data}\nAnswer:"
        task = Task("glosses", role, gloss_prompt(), user, schema_of(words), stands)
        return await unanimous(self._models, task, max(self._k, AGREE))

    async def _form_stands(self, value: Mapping[str, Any], asked: Said, terms: Mapping[str, Offered], at: datetime) -> Written:
        """The form grounded, said again, read and run. Raises FormError and what a store raises."""
        form = read_form(value)
        if form.escaped:
            return Written(None, why="it found no measure that fits", escaped=True)
        offered = terms.get(form.measure)
        if offered is None:
            raise FormError("the measure is not one of those offered")
        kept, dropped = grounded(form, asked, self._reader.index)
        reading = lowered(kept, offered, asked, self._reader, at)
        return await self._ran(reading, dropped, kept.told() if dropped else None)

    async def _ran(self, reading: Reading, dropped: tuple[str, ...] = (), preferred: Mapping[str, Any] | None = None) -> Written:
        if reading.plan is None:
            raise FormError("it is no single query")
        return Written(reading, await self._run(reading.plan), dropped=dropped, preferred=preferred)


@cache
def system_prompt() -> Prompt:
    """The system part of a form, the same bytes for every question, and the version of its file."""
    prompt = load_prompt(HERE / "prompt.md")
    examples = [{"question": e["question"], "form": json.dumps(e["form"])} for e in verified_examples()]
    return Prompt(prompt.render(data_rule=DATA_RULE, examples=examples), prompt.hash)


@cache
def gloss_prompt() -> Prompt:
    """The system part for unknown words, the same bytes for every question, and the version of its file."""
    prompt = load_prompt(HERE / "glosses.md")
    examples = [
        {**e, "not_known": ", ".join(e["glosses"]), "answer": json.dumps(e["glosses"])} for e in verified_examples("glosses.yaml")
    ]
    return Prompt(prompt.render(data_rule=DATA_RULE, examples=examples), prompt.hash)


@cache
def verified_examples(name: str = "examples.yaml") -> list[dict[str, Any]]:
    """The examples of a prompt. Raises ConfigError where the file is not as it was installed."""
    path = HERE / name
    return list(load_located(path.read_text(encoding="utf-8"), str(path)).value["examples"])
