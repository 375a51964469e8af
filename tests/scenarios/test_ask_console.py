"""The daemon's questions behind the console: a real fleet, a page, the API, and threads that outlive the process."""

from pathlib import Path

import httpx
import pytest

from llo11ypop.console.app import build_console
from llo11ypop.console.ports import Ports
from llo11ypop.core.clock import ManualClock
from llo11ypop.daemon.compose import composed
from llo11ypop.daemon.questions import DaemonQuestions
from tests.ask_fleet import END, settings_for

pytestmark = pytest.mark.timeout(300)


async def test_the_daemon_answers_on_its_page_and_over_http_across_a_restart(tmp_path: Path) -> None:
    settings, clock = settings_for(tmp_path), ManualClock(END)
    thread = ""
    for turn, question in enumerate(("Failed jobs per cluster in the last 2 days", "and for c-a?")):
        async with composed(settings, clock=clock) as built:
            questions = DaemonQuestions(settings, lambda built=built: built.deps, clock)
            ports = Ports(built.ledger, built.store, clock, lambda: (), None, None, questions=questions)  # type: ignore[arg-type]
            transport = httpx.ASGITransport(build_console(ports))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080", timeout=100) as web:
                body = {"question": question, **({"thread": thread} if thread else {})}
                answer = (await web.post("/api/v1/ask", json=body)).json()
                assert answer["status"] == "answered"
                thread = answer["thread"]
                kept = (await web.get(f"/api/v1/threads/{thread}")).json()
                assert len(kept) == turn + 1
                shown = await web.get(f"/api/v1/evidence/{answer['evidence'][0]}")
                assert shown.json()["row_count"] >= 1
                token = (await web.get("/ask")).text.split('name="csrf" value="')[1].split('"')[0]
                page = await web.post(
                    "/ask", data={"csrf": token, "question": "Show me a chart of job failures", "thread": "page"}
                )
                assert "data:image/svg+xml;base64," in page.text
            await questions.close()
    assert answer["window"] == ["2026-05-02T00:00:00Z", "2026-05-04T00:00:00Z"]
