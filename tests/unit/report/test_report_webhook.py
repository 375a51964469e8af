"""Reports to a webhook on loopback: the request as it must be, answers of every kind, and connections that break."""

import hmac
import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from llo11ypop.core.errors import ConfigError
from llo11ypop.ledger.reports import SqlReports
from llo11ypop.report.delivery import MaybeDelivered, NotDelivered, State, hand_out, retry_due
from llo11ypop.report.outlets.webhook import Webhook
from tests.report_samples import END, letter


@dataclass
class Receiver:
    """Answers as told: a status per request, 0 to hang up, -1 to say nothing. 204 when nothing is told."""

    answers: list[int] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    port: int = 0
    done: threading.Event = field(default_factory=threading.Event)


def handling(receiver: Receiver) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.bodies.append(body)
            receiver.requests.append((self.path, dict(self.headers), json.loads(body)))
            status = receiver.answers.pop(0) if receiver.answers else 204
            if status == -1:
                receiver.done.wait(10)
            if status <= 0:
                self.close_connection = True
                return
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"http://127.0.0.1:{receiver.port}/elsewhere")
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"done\n")

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    told = Receiver()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handling(told))
    told.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield told
    told.done.set()
    server.shutdown()
    server.server_close()
    thread.join(5)


def webhook(receiver: Receiver, **changed: Any) -> Webhook:
    return Webhook(f"http://127.0.0.1:{receiver.port}/hooks/t0ken?x=1", timeout_s=3.0, **changed)


async def test_the_request_carries_the_report_its_key_and_a_signature(receiver: Receiver) -> None:
    receiver.answers.append(200)
    assert await webhook(receiver, secret="k3y").deliver(letter()) == "200 done"
    ((path, headers, body),) = receiver.requests
    assert path == "/hooks/t0ken?x=1"
    assert headers["Idempotency-Key"] == body["id"] == letter().id
    signed = hmac.new(b"k3y", receiver.bodies[0], "sha256").hexdigest()
    assert headers["X-LLo11yPop-Signature"] == f"sha256={signed}"
    assert body["window"] == ["2026-05-14T20:00:00Z", "2026-05-15T08:00:00Z"]
    assert body["text"].startswith("Morning report: night of 2026-05-14")
    assert body["report"] == {"id": "5b9789e1"}


@pytest.mark.parametrize(
    ("answer", "error", "transient"),
    [(500, NotDelivered, True), (503, NotDelivered, True), (429, NotDelivered, True), (400, NotDelivered, False),
     (404, NotDelivered, False), (302, NotDelivered, False), (0, MaybeDelivered, False), (-1, MaybeDelivered, False)],
)  # fmt: skip
async def test_how_sure_a_failure_is(receiver: Receiver, answer: int, error: type[Exception], transient: bool) -> None:
    receiver.answers.append(answer)
    with pytest.raises(error) as bad:
        await webhook(receiver).deliver(letter())
    assert getattr(bad.value, "transient", None) is transient
    assert "t0ken" not in str(bad.value), "addresses of webhooks are secrets"
    assert len(receiver.requests) == 1, "a redirect is not followed"


async def test_an_overloaded_receiver_gets_it_later_and_only_once(receiver: Receiver) -> None:
    shelf, outlet = SqlReports.open(":memory:"), webhook(receiver)
    receiver.answers += [503, 500]
    await hand_out(shelf, [outlet], letter(), END)
    done = []
    for minute in range(1, 60):
        done += await retry_due(shelf, [outlet], END + timedelta(minutes=minute))
    assert [h.state for h in done] == [State.WAITING, State.DELIVERED]
    assert {r[1]["Idempotency-Key"] for r in receiver.requests} == {letter().id}
    assert len({bytes(b) for b in receiver.bodies}) == 1, "every try sends the same words"


async def test_a_receiver_that_hangs_up_after_the_body_is_not_asked_again(receiver: Receiver) -> None:
    shelf, outlet = SqlReports.open(":memory:"), webhook(receiver)
    receiver.answers.append(0)
    (handed,) = await hand_out(shelf, [outlet], letter(), END)
    assert handed.state is State.UNCERTAIN
    await hand_out(shelf, [outlet], letter(), END + timedelta(hours=1))
    assert await retry_due(shelf, [outlet], END + timedelta(hours=2)) == []
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("url", ["ftp://example.org/x", "file:///etc/passwd", "example.org", "http://"])
def test_what_is_no_web_address_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(ConfigError, match="webhook"):
        Webhook(url)
