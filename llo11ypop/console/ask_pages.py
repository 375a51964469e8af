"""The ask page: a question, the agents' steps while they work, the answer with table and chart, and what to ask next."""

import base64
from typing import Any

from fastapi import APIRouter, Request, Response

from llo11ypop.ask.draw import svg
from llo11ypop.console.ask_api import EVENTS, LONGEST, events
from llo11ypop.console.ask_ports import Questions
from llo11ypop.console.guard import check_form
from llo11ypop.console.render import Renderer
from llo11ypop.core.errors import ConfigError
from llo11ypop.core.question import Answer, Column, Status
from llo11ypop.language.figures import figure, period

ROWS = 50
EXAMPLES = (
    "How healthy is the fleet right now?",
    "Which clusters have the worst fan failures?",
    "Show me a chart of job failures",
    "Five most likely causes of last night's issue",
)


def ask_pages(questions: Questions, renderer: Renderer) -> APIRouter:
    """The page, and its answers as HTML."""
    router = APIRouter(include_in_schema=False)

    @router.get("/ask")
    async def page(request: Request, q: str = "", thread: str = "") -> Response:
        turns = await questions.turns(thread) if thread.strip() else []
        return await _page(renderer, request, question=q[:LONGEST], thread=thread, turns=turns)

    @router.post("/ask")
    async def answer(request: Request) -> Response:
        form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
        check_form(request, form.get("csrf", ""))
        question = (form.get("chosen") or form.get("question", "")).strip()[:LONGEST]
        thread = form.get("thread", "").strip() or None
        if not question:
            raise ConfigError("the question is empty", next_step="write one and send it again")
        if EVENTS in request.headers.get("accept", ""):

            def last(found: Answer) -> tuple[str, Any]:
                return "html", {"thread": found.thread, "html": renderer.fragment("ask_answer.html", **shown(found, question))}

            return events(lambda on_step: questions.ask(question, thread=thread, on_step=on_step), last)
        found = await questions.ask(question, thread=thread)
        turns = list(await questions.turns(found.thread))[:-1]
        return await _page(renderer, request, question="", thread=found.thread, turns=turns, **shown(found, question))

    return router


async def _page(renderer: Renderer, request: Request, **given: Any) -> Response:
    return await renderer.page(request, "ask.html", **{"a": None, "examples": EXAMPLES, **given})


def shown(answer: Answer, question: str) -> dict[str, Any]:
    """An answer as the templates want it: figures written, chart drawn."""
    result = answer.result
    columns = _columns(answer)
    rows = result.rows.slice(0, ROWS).to_pylist() if result else []
    return {
        "a": answer,
        "asked": question,
        "columns": columns,
        "rows": [[figure(row[c.name], c.unit) for c in columns] for row in rows],
        "more": max(0, (result.rows.num_rows if result else 0) - ROWS),
        "window": period(answer.window) if answer.window else "",
        "image": picture(answer),
        "good": answer.status in (Status.ANSWERED, Status.NO_DATA),
    }


def _columns(answer: Answer) -> list[Column]:
    if answer.result is None:
        return []
    known = {c.name: c for c in answer.result.columns}
    return [known.get(n, Column(n, n.replace("_", " "), "dimension")) for n in answer.result.rows.column_names]


def picture(answer: Answer) -> str:
    """The chart as a data address: an image runs no script, whatever stands in a label. Empty without one."""
    if answer.chart is None or answer.chart.kind == "stat":
        return ""
    return "data:image/svg+xml;base64," + base64.b64encode(svg(answer.chart).encode()).decode()
