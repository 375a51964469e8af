"""Reports by mail, to a strict server on loopback: TLS, login, refusals, and connections that break at every point."""

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from llo11ypop.core.errors import ConfigError
from llo11ypop.ledger.reports import SqlReports
from llo11ypop.report.delivery import Handed, MaybeDelivered, NotDelivered, State, hand_out, retry_due
from llo11ypop.report.outlets.mail import Mail
from tests.report_samples import END, letter
from tests.strict_smtp import StrictSmtp


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=strict.test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run([openssl, *made, *names], check=True, capture_output=True, timeout=30)  # noqa: S603 - fixed arguments
    return cert, key


@pytest.fixture
def server() -> Iterator[StrictSmtp]:
    with StrictSmtp() as running:
        yield running


@pytest.fixture
def shelf() -> SqlReports:
    return SqlReports.open(":memory:")


def mail(server: StrictSmtp, **changed: Any) -> Mail:
    plain: dict[str, Any] = {"host": "127.0.0.1", "port": server.port, "sender": "LLo11yPop <loop@example.org>"}
    plain |= {"to": ("SRE on call <sre@example.org>", "boss@example.org"), "starttls": False, "timeout_s": 3.0}
    return Mail(**(plain | changed))


async def test_the_message_has_text_html_and_the_reports_own_id(server: StrictSmtp) -> None:
    reference = await mail(server).deliver(letter())
    (message,) = server.accepted
    assert reference == message["Message-ID"] == "<5b9789e1-66e8-e751-de1c-9222dcd35f04@example.org>"
    assert message["Subject"] == "Morning report: night of 2026-05-14"
    assert message["Auto-Submitted"] == "auto-generated"
    assert str(message["To"]) == "SRE on call <sre@example.org>, boss@example.org"
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None and "Two incidents – all over." in text.get_content()
    assert html is not None and html.get_content().startswith("<!doctype html>")


async def test_a_line_with_a_single_dot_and_very_long_lines_arrive_whole(server: StrictSmtp) -> None:
    body = "before\n.\nafter " + "x" * 5000 + "\n"
    await mail(server).deliver(letter(markdown=body))
    text = server.accepted[0].get_body(("plain",))
    assert text is not None and text.get_content().splitlines() == body.splitlines()


async def test_the_password_only_travels_inside_tls(certificate: tuple[Path, Path]) -> None:
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(*certificate)
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    with StrictSmtp(context=serving, user="loop", password="s3cret") as server:
        await mail(server, starttls=True, user="loop", password="s3cret", tls=trusting).deliver(letter())
        assert len(server.accepted) == 1
        assert not server.clear_auth
        with pytest.raises(NotDelivered, match="refused") as bad:
            await mail(server, starttls=True, user="loop", password="wrong", tls=trusting).deliver(letter())
        assert not bad.value.transient
        assert "wrong" not in bad.value.line().replace("535, b'wrong'", "")


async def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: tuple[Path, Path]) -> None:
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(*certificate)
    with StrictSmtp(context=serving) as server:
        with pytest.raises(NotDelivered, match="certificate"):
            await mail(server, starttls=True).deliver(letter())
        assert server.taken == []


async def test_a_server_without_tls_gets_nothing_when_tls_is_asked_for(server: StrictSmtp) -> None:
    with pytest.raises(NotDelivered, match="STARTTLS"):
        await mail(server, starttls=True).deliver(letter())
    assert server.taken == []


def test_a_password_without_tls_is_a_wrong_setting(server: StrictSmtp) -> None:
    with pytest.raises(ConfigError, match="unencrypted"):
        mail(server, user="loop", password="s3cret")


@pytest.mark.parametrize("address", ["nobody", "a b@c d", "sre@example.org\r\nBcc: all@example.org", ""])
def test_what_is_no_address_is_a_wrong_setting(server: StrictSmtp, address: str) -> None:
    with pytest.raises(ConfigError, match="not an e-mail address"):
        mail(server, to=(address,))


@pytest.mark.parametrize(
    ("fault", "error", "transient"),
    [
        ("421 greeting", NotDelivered, True),
        ("451 rcpt", NotDelivered, True),
        ("550 rcpt", NotDelivered, False),
        ("451 data", NotDelivered, True),
        ("554 data", NotDelivered, False),
        ("drop after data", MaybeDelivered, False),
        ("silent after data", MaybeDelivered, False),
    ],
)
async def test_how_sure_a_failure_is(server: StrictSmtp, fault: str, error: type[Exception], transient: bool) -> None:
    server.faults.append(fault)
    with pytest.raises(error) as bad:
        await mail(server, timeout_s=3.0).deliver(letter())
    assert getattr(bad.value, "transient", None) is transient
    assert "\n" not in str(bad.value)


async def test_some_recipients_refused_is_delivered_and_says_to_whom_not() -> None:
    with StrictSmtp(refuse="boss") as server:
        assert "refused for boss@example.org" in await mail(server).deliver(letter())
        assert len(server.accepted) == 1


async def test_nobody_listening_is_tried_later(shelf: SqlReports) -> None:
    with StrictSmtp() as gone:
        pass
    (handed,) = await hand_out(shelf, [mail(gone)], letter(), END)
    assert (handed.state, handed.attempts) == (State.WAITING, 1)
    assert "cannot be used" in handed.why


async def test_a_busy_server_gets_the_report_later_and_only_once(server: StrictSmtp, shelf: SqlReports) -> None:
    server.faults += ["421 greeting", "451 data"]
    at, outlet = END, mail(server)
    (first,) = await hand_out(shelf, [outlet], letter(), at)
    assert first.state is State.WAITING
    states = list[Handed]()
    for minute in range(1, 90):
        states += await retry_due(shelf, [outlet], at + timedelta(minutes=minute))
    assert [h.state for h in states] == [State.WAITING, State.DELIVERED]
    (again,) = await hand_out(shelf, [outlet], letter(), at + timedelta(hours=2))
    assert again.state is State.DELIVERED
    assert len(server.taken) == 1


@pytest.mark.parametrize("fault", ["drop after data", "silent after data"])
async def test_what_may_have_arrived_is_never_sent_again_by_itself(server: StrictSmtp, shelf: SqlReports, fault: str) -> None:
    server.faults.append(fault)
    outlet = mail(server, timeout_s=3.0)
    (handed,) = await hand_out(shelf, [outlet], letter(), END)
    assert handed.state is State.UNCERTAIN
    for hour in range(30):
        assert await retry_due(shelf, [outlet], END + timedelta(hours=hour)) == []
        await hand_out(shelf, [outlet], letter(), END + timedelta(hours=hour))
    assert len(server.taken) == 1
    (asked,) = await hand_out(shelf, [outlet], letter(), END + timedelta(hours=31), again=True)
    assert asked.state is State.DELIVERED
    assert len(server.taken) == 2
