"""The ask page and its API: one answer or a stream, escaped, guarded, never asking for more than the console may."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from llo11ypop.ask.chart import chart_of
from llo11ypop.console.app import build_console
from llo11ypop.console.ports import Ports
from llo11ypop.core.clock import ManualClock
from llo11ypop.core.errors import StoreError
from llo11ypop.core.principal import OPERATOR, Principal
from llo11ypop.core.question import AgentStep, Answer
from llo11ypop.ledger import SqlLedger
from tests.ask_samples import CLUSTER, FAILED, answer, clusters, reading

AT = datetime(2026, 5, 3, 12, tzinfo=UTC)
EVIL = "<script>alert(1)</script>"


@dataclass
class FakeQuestions:
    """Answers what it is told to, and remembers who asked."""

    reply: Answer | Exception = field(default_factory=answer)
    principal: Principal = OPERATOR
    asked: list[tuple[str, str | None, Principal | None]] = field(default_factory=list)

    async def ask(
        self, question: str, *, thread: str | None = None, at: datetime | None = None, principal: Principal | None = None,
        on_step: Callable[[AgentStep], None] | None = None,
    ) -> Answer:  # fmt: skip
        self.asked.append((question, thread, principal))
        if on_step is not None:
            on_step(AgentStep("guard", "let it in", 0.001))
            on_step(AgentStep("answer", "said it", 0.002))
        if isinstance(self.reply, Exception):
            raise self.reply
        return replace(self.reply, thread=thread or "new-thread")

    async def turns(self, thread: str) -> list[dict[str, Any]]:
        turn = {"question": EVIL, "status": "answered", "text": "12 jobs.", "reading": "jobs", "scope": "{}", "at": "2026-05-03"}
        return [turn, turn] if thread == "known" else []


@dataclass
class Desk:
    client: TestClient
    questions: FakeQuestions

    def token(self) -> str:
        return self.client.get("/ask").text.split('name="csrf" value="')[1].split('"')[0]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    ledger, questions = SqlLedger.in_memory(), FakeQuestions()
    ports = Ports(ledger, None, ManualClock(AT), lambda: (), None, None, questions=questions)  # type: ignore[arg-type]
    yield Desk(TestClient(build_console(ports), base_url="http://127.0.0.1:8080", follow_redirects=False), questions)
    await ledger.close()


def test_an_answer_as_json(desk: Desk) -> None:
    reply = desk.client.post("/api/v1/ask", json={"question": "failed jobs per cluster", "thread": "t"})
    assert reply.status_code == 200
    assert reply.json()["answer"] == "c-a has the most failed jobs: 12."
    assert reply.json()["rows"][0] == {"cluster": "c-a", "failed": 12}
    assert desk.questions.asked == [("failed jobs per cluster", "t", Principal("operator"))]
    assert desk.client.post("/api/ask", json={"question": "q", "rows": 1}).json()["rows"] == [{"cluster": "c-a", "failed": 12}]


def test_every_step_is_streamed_before_the_answer(desk: Desk) -> None:
    reply = desk.client.post("/api/v1/ask", json={"question": "q"}, headers={"Accept": "text/event-stream"})
    assert reply.headers["content-type"].startswith("text/event-stream")
    found = list(_events(reply.text))
    assert [name for name, _ in found] == ["step", "step", "answer"]
    assert found[0][1] == {"agent": "guard", "did": "let it in", "seconds": 0.001}
    assert found[2][1]["thread"] == "new-thread"


def _events(text: str) -> Iterator[tuple[str, Any]]:
    for block in text.strip().split("\n\n"):
        name, data = block.split("\n")
        yield name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def test_an_error_is_one_event_or_one_status(desk: Desk) -> None:
    desk.questions.reply = StoreError("the file is gone", next_step="restore it")
    reply = desk.client.post("/api/v1/ask", json={"question": "q"}, headers={"Accept": "text/event-stream"})
    assert list(_events(reply.text))[-1] == ("error", {"error": "store", "message": "the file is gone — restore it"})
    reply = desk.client.post("/api/v1/ask", json={"question": "q"})
    assert (reply.status_code, reply.json()["error"]) == (503, "store")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422), ({"question": ""}, 422), ({"question": "q", "more": 1}, 422), ({"question": "x" * 20_001}, 422),
        ({"question": "q", "at": "2026-05-03T12:00:00"}, 422), ({"question": "q", "rows": -1}, 422),
        ({"question": "q", "at": "2026-05-03T12:00:00Z"}, 200),
    ],
)  # fmt: skip
def test_what_is_not_a_question_is_refused(desk: Desk, body: dict[str, Any], status: int) -> None:
    assert desk.client.post("/api/v1/ask", json=body).status_code == status


def test_a_page_of_another_origin_cannot_ask(desk: Desk) -> None:
    foreign = {"Origin": "https://evil.example"}
    assert desk.client.post("/api/v1/ask", json={"question": "q"}, headers=foreign).status_code == 403
    assert desk.client.post("/api/v1/ask", content='{"question":"q"}').status_code in (415, 422)
    assert desk.client.post("/ask", data={"question": "q"}).status_code == 403
    assert desk.questions.asked == []


def test_a_request_may_ask_for_less_never_for_more(desk: Desk) -> None:
    desk.questions.principal = Principal("tenant", clusters=frozenset({"c-a", "c-b"}))
    for wanted, allowed in ((None, {"c-a", "c-b"}), (["c-a"], {"c-a"}), (["c-z"], set()), (["c-a", "c-z"], {"c-a"})):
        desk.client.post("/api/v1/ask", json={"question": "q", "clusters": wanted, "accounts": ["x"]})
        who = desk.questions.asked[-1][2]
        assert who == Principal("tenant", frozenset(allowed), frozenset({"x"}))


def test_a_thread_is_shown_or_is_not_there(desk: Desk) -> None:
    assert [t["text"] for t in desk.client.get("/api/v1/threads/known").json()] == ["12 jobs.", "12 jobs."]
    assert "scope" not in desk.client.get("/api/v1/threads/known").json()[0]
    assert desk.client.get("/api/v1/threads/none").status_code == 404


def test_the_api_is_described(desk: Desk) -> None:
    described = desk.client.get("/api/v1/openapi.json").json()
    ask = described["paths"]["/api/v1/ask"]["post"]
    assert ask["responses"]["200"]["content"].keys() == {"application/json", "text/event-stream"}
    assert "followups" in described["components"]["schemas"]["AskAnswer"]["properties"]
    assert "/api/ask" not in described["paths"]


def test_the_page_asks_without_script_and_keeps_the_thread(desk: Desk) -> None:
    reply = desk.client.post("/ask", data={"csrf": desk.token(), "question": "failed jobs", "thread": "known"})
    assert reply.status_code == 200
    assert "c-a has the most failed jobs: 12." in reply.text
    assert 'name="thread" value="known"' in reply.text
    assert "Split that by rack" in reply.text
    assert EVIL not in reply.text
    assert "&lt;script&gt;" in reply.text


def test_a_followup_button_wins_over_the_empty_box(desk: Desk) -> None:
    desk.client.post("/ask", data={"csrf": desk.token(), "question": "", "chosen": "Split that by rack"})
    assert desk.questions.asked[-1][0] == "Split that by rack"
    assert desk.client.post("/ask", data={"csrf": desk.token(), "question": " "}).status_code == 400


def test_the_page_streams_html_with_the_chart_as_an_image(desk: Desk) -> None:
    rows = clusters({EVIL: 12, "c-b": 3})
    desk.questions.reply = answer(rows, chart=chart_of(reading(CLUSTER, FAILED), rows))
    form = {"csrf": desk.token(), "question": "q"}
    reply = desk.client.post("/ask", data=form, headers={"Accept": "text/event-stream"})
    name, value = list(_events(reply.text))[-1]
    assert (name, value["thread"]) == ("html", "new-thread")
    assert "data:image/svg+xml;base64," in value["html"]
    assert EVIL not in value["html"]


def test_the_navigation_names_the_page_only_where_somebody_answers(desk: Desk) -> None:
    assert 'href="/ask"' in desk.client.get("/ask").text
    assert desk.client.get("/ask?q=%3Cb%3E&thread=").text.count("&lt;b&gt;") == 1
