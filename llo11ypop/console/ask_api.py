"""Questions over HTTP: POST /api/v1/ask, as one JSON answer or as a stream of server-sent events with every agent's step."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from llo11ypop.ask.answer_json import answer_json
from llo11ypop.console.ask_ports import Questions
from llo11ypop.console.guard import check_json
from llo11ypop.core.errors import Llo11yPopError
from llo11ypop.core.principal import Principal
from llo11ypop.core.question import AgentStep, Answer

EVENTS = "text/event-stream"
LONGEST = 20_000
"""Characters of a question that are taken in; what is longer than an operator's question is declined by the guard anyway."""
STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer; with `Accept: text/event-stream` a stream of `step` events and one `answer` event.",
        "content": {EVENTS: {"schema": {"type": "string"}}},
    }
}


class AskRequest(BaseModel):
    """A question."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(min_length=1, max_length=LONGEST, examples=["Which clusters have the worst fan failures?"])
    thread: str | None = Field(default=None, max_length=100)
    """Thread to go on with: follow-ups inherit its scope. Left out: a new one, named in the answer."""
    at: datetime | None = None
    """Instant to answer for, with an offset; left out: now."""
    clusters: list[str] | None = None
    """Only these clusters, of those that may be read here."""
    accounts: list[str] | None = None
    """Only these accounts, of those that may be read here."""
    rows: int = Field(default=1000, ge=0, le=10_000)
    """Most rows to return."""


class AnswerColumn(BaseModel):
    """What a column means."""

    name: str
    label: str
    role: Literal["dimension", "time", "measure"]
    unit: str
    better: Literal["higher", "lower", "neither"]


class AskAnswer(BaseModel):
    """An answer. `status` no_data says why there is none; clarify asks back."""

    status: Literal["answered", "no_data", "clarify", "declined", "failed"]
    answer: str
    reading: str
    columns: list[AnswerColumn]
    rows: list[dict[str, Any]]
    row_count: int
    truncated: bool
    window: list[str] | None
    definition: str
    freshness: str
    evidence: list[str]
    queries: list[dict[str, Any]]
    """The first hundred."""
    query_count: int
    chart: dict[str, Any] | None
    """`kind`, Vega-Lite `spec`, `path`."""
    analysts: list[str]
    followups: list[str]
    notes: list[str]
    links: list[dict[str, str]]
    """`title` and `url`: the same in Grafana, and the evidence in the console."""
    steps: list[dict[str, Any]]
    thread: str
    at: str
    seconds: float


class ThreadTurn(BaseModel):
    """One turn of a thread."""

    question: str
    status: str
    text: str
    reading: str
    at: str


def ask_router(questions: Questions) -> APIRouter:
    """The API of the conversation."""
    router = APIRouter(tags=["ask"])

    @router.post("/api/ask", include_in_schema=False)
    @router.post("/api/v1/ask", response_model=AskAnswer, responses=STREAM)
    async def ask(request: Request, asked: AskRequest) -> Response:
        """Answer a question about the fleet."""
        check_json(request)
        if asked.at is not None and asked.at.tzinfo is None:
            raise HTTPException(422, "'at' needs an offset, such as 2026-05-03T12:00:00Z.")
        who = narrowed(questions.principal, asked)

        def shown(answer: Answer) -> dict[str, Any]:
            return answer_json(answer, rows=asked.rows)

        def begin(on_step: Callable[[AgentStep], None] | None) -> Any:
            return questions.ask(asked.question, thread=asked.thread, at=asked.at, principal=who, on_step=on_step)

        if EVENTS in request.headers.get("accept", ""):
            return events(begin, lambda answer: ("answer", shown(answer)))
        return JSONResponse(shown(await begin(None)))

    @router.get("/api/v1/threads/{thread}", response_model=list[ThreadTurn])
    async def turns(thread: str) -> list[dict[str, Any]]:
        """What a thread remembers, oldest first. 404 for one that does not exist."""
        found = await questions.turns(thread)
        if not found:
            raise HTTPException(404, f"There is no thread '{thread}'.")
        return [{k: t[k] for k in ThreadTurn.model_fields} for t in found]

    return router


def narrowed(principal: Principal, asked: AskRequest) -> Principal:
    """The principal with no more than what the request asks for."""
    clusters, accounts = principal.clusters, principal.accounts
    if asked.clusters is not None:
        clusters = frozenset(asked.clusters) if clusters is None else clusters & frozenset(asked.clusters)
    if asked.accounts is not None:
        accounts = frozenset(asked.accounts) if accounts is None else accounts & frozenset(asked.accounts)
    return Principal(principal.name, clusters, accounts, principal.pseudonyms)


def events(begin: Callable[[Callable[[AgentStep], None]], Any], last: Callable[[Answer], tuple[str, Any]]) -> StreamingResponse:
    """Every step as it is done, then what `last` makes of the answer; an error that we know is one `error` event."""
    return StreamingResponse(
        _stream(begin, last), media_type=EVENTS, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )


async def _stream(
    begin: Callable[[Callable[[AgentStep], None]], Any], last: Callable[[Answer], tuple[str, Any]]
) -> AsyncIterator[str]:
    steps: asyncio.Queue[AgentStep | None] = asyncio.Queue()
    task = asyncio.ensure_future(begin(steps.put_nowait))
    task.add_done_callback(lambda _: steps.put_nowait(None))
    try:
        while (step := await steps.get()) is not None:
            yield _event("step", {"agent": step.agent, "did": step.did, "seconds": round(step.seconds, 6)})
        try:
            yield _event(*last(task.result()))
        except Llo11yPopError as bad:
            yield _event("error", {"error": bad.reason, "message": bad.line()})
    finally:
        task.cancel()


def _event(name: str, value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return f"event: {name}\ndata: {text}\n\n"
