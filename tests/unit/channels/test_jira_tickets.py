"""Tickets in a strict Jira over real HTTP: made once, commented on, closed; and every way in which that goes wrong."""

from dataclasses import replace
from datetime import timedelta

import pytest

from llo11ypop.channels import adf
from llo11ypop.channels.failure import ChannelDown
from llo11ypop.channels.jira_site import JiraSite
from llo11ypop.core.proposal import Outcome
from llo11ypop.core.vocabulary import Queue, Severity
from tests.fakes import jira_spec
from tests.fakes.jira import FakeJira
from tests.ledger_samples import AT, LEASE, approve, reject
from tests.unit.channels.conftest import SETTLE, JiraBench

EVIL = "[~admin] {color:red}h1. x{color} <script>alert(1)</script> http://evil.example | ||"


async def test_a_ticket_has_what_an_sre_needs(jira: JiraBench) -> None:
    jira.fake.judges_documents = True
    jira.jira.terms = replace(jira.jira.terms, chart=True)
    one = await jira.files()
    assert (await jira.deliver()).sent == 1
    fields = jira.fake.issues[jira.key_of(one)]["fields"]
    assert fields["summary"] == "[S2] gpu-a-001: fan FAN3 stopped"
    assert fields["priority"] == {"name": "High"}
    assert fields["components"] == [{"name": "GPU hardware"}]
    assert fields["labels"] == ["llo11ypop", "gpu", f"llo11ypop-{one.id}"]
    text = adf.text_of(fields["description"])
    for part in ("FAN3 reads 0 rpm", "TECH", "gpu-a-001", "REBOOT", "sensor fault (8%)", "throttle within the hour", one.id):
        assert part in text
    tables = [n for n in fields["description"]["content"] if n["type"] == "table"]
    assert "7,920" in adf.text_of(tables[-1])
    assert [a["filename"][:9] for a in fields["attachment"]] == ["evidence-"]
    assert await jira.ledger.post.proposal_of("jira", "OPS-1") == one.id


async def test_a_queue_can_have_its_own_project(jira: JiraBench) -> None:
    one = await jira.files(queue=Queue.FAC)
    await jira.deliver()
    assert jira.key_of(one) == "FAC-1"


async def test_a_priority_or_component_that_is_not_named_is_left_to_the_project(jira: JiraBench) -> None:
    jira.jira.terms = replace(jira.jira.terms, priorities={Severity.S1: "Highest"})
    one = await jira.files(severity=Severity.S4, queue=Queue.NETOPS)
    await jira.deliver()
    fields = jira.fake.issues[jira.key_of(one)]["fields"]
    assert "priority" not in fields
    assert "components" not in fields


async def test_the_whole_life_of_a_ticket(jira: JiraBench) -> None:
    one = await jira.files()
    await jira.ledger.clear(one.id, AT)
    await jira.deliver()
    issue = jira.fake.issues[jira.key_of(one)]
    assert (issue["fields"]["status"]["name"], issue["fields"]["resolution"]) == ("Done", {"name": "Done"})
    await jira.ledger.reopen(one.id, AT, "cycle-2")
    await jira.deliver()
    assert issue["fields"]["status"]["name"] != "Done"
    await jira.ledger.record_verdict(one.id, approve(), lease=LEASE)
    await jira.ledger.close_thread(one.id, 0)
    await jira.ledger.record_outcome(Outcome(one.id, AT, True, 0.2, 0.1, True, "fan turns"))
    jira.passes(10)
    await jira.deliver()
    said = [adf.text_of(c["body"]).splitlines()[0] for c in issue["fields"]["comment"]["comments"]]
    assert [line.split(" (")[0].split(",")[0] for line in said] == [
        "The symptom went away by itself",
        "Seen again",
        "Approved by ana",
        "Measured after the action",
    ]
    assert issue["fields"]["status"]["name"] == "Done"
    assert list(jira.fake.issues) == ["OPS-1"]


async def test_a_rejection_closes_the_ticket_as_not_to_be_done(jira: JiraBench) -> None:
    jira.fake.judges_documents = True
    one = await jira.files()
    await jira.ledger.record_verdict(one.id, reject(), lease=LEASE)
    jira.passes(10)
    await jira.deliver()
    fields = jira.fake.issues[jira.key_of(one)]["fields"]
    assert fields["resolution"] == {"name": "Won't Do"}
    assert "Rejected by ana" in adf.text_of(fields["comment"]["comments"][0]["body"])


async def test_a_symptom_that_is_still_there_leaves_the_ticket_open(jira: JiraBench) -> None:
    one = await jira.files()
    await jira.ledger.record_verdict(one.id, approve(), lease=LEASE)
    await jira.ledger.close_thread(one.id, 0)
    await jira.ledger.record_outcome(Outcome(one.id, AT, False, 0.2, 0.2, False))
    jira.passes(10)
    await jira.deliver()
    assert jira.fake.issues[jira.key_of(one)]["fields"]["status"]["name"] == "Open"


async def test_news_about_a_ticket_that_was_deleted_are_no_trouble(jira: JiraBench) -> None:
    one = await jira.files()
    await jira.deliver()
    jira.fake.issues.clear()
    await jira.ledger.clear(one.id, AT)
    assert (await jira.deliver()).sent == 1
    await jira.ledger.reopen(one.id, AT, "cycle-2")
    await jira.deliver()
    assert len(jira.fake.issues) == 1


# ------------------------------------------------------------ faults
@pytest.mark.parametrize("lag", [0, 1], ids=["index at once", "index behind"])
@pytest.mark.parametrize("path", ["/issue$", "/comment$", "/attachments$", "/transitions$"])
async def test_a_write_that_was_done_but_not_answered_is_not_done_twice(jira: JiraBench, path: str, lag: int) -> None:
    jira.jira.terms = replace(jira.jira.terms, chart=path == "/attachments$")
    one = await jira.files()
    await jira.ledger.clear(one.id, AT)
    jira.server.fails(method="POST", path=path, after=True)
    jira.fake.searches_behind = lag
    for _ in range(4):
        await jira.deliver()
        jira.passes(SETTLE.total_seconds() / 60)
        jira.fake.searches_behind = 0
    (issue,) = jira.fake.issues.values()
    assert len(issue["fields"]["comment"]["comments"]) == 1
    assert len(issue["fields"]["attachment"]) == (path == "/attachments$")
    assert issue["fields"]["status"]["name"] == "Done"
    assert (await jira.ledger.post.standing())[1].waiting == 0


async def test_a_request_that_hangs_is_given_up_and_looked_for(jira: JiraBench) -> None:
    patient = jira.jira.site
    jira.jira.site = JiraSite(jira.server.url, True, jira.fake.user, jira.fake.token, timedelta(seconds=0.3), SETTLE)
    await jira.files()
    jira.server.fails(method="POST", path="/issue$", after=True, hang_s=1)
    while jira.server.faults[0].times:
        assert (await jira.deliver()).failed == 1
        state = await jira.ledger.post.state("jira")
        assert state.held_until is not None
        assert state.held_until >= jira.at + SETTLE
        assert "could not be reached to" in state.reason
        jira.passes(60)
    await jira.jira.close()
    jira.jira.site = patient
    assert (await jira.deliver()).sent == 1
    assert len(jira.fake.issues) == 1


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (401, {}, "does not accept the account (401)"),
        (403, {"errorMessages": ["You do not have permission to create issues in this project."]}, "does not allow the account"),
        (404, {"errorMessages": ["No project could be found with key 'OPS'."]}, "no such project"),
        (400, {"errors": {"project": "valid project is required"}}, "no such project"),
        (429, {"errorMessages": ["Rate limit exceeded"]}, "asks to slow down (429)"),
        (500, {}, "answers 500"),
        (503, {}, "answers 503"),
    ],
)
async def test_what_is_wrong_with_the_site_holds_all_back_and_says_what_to_do(
    jira: JiraBench, status: int, body: dict[str, object], says: str
) -> None:
    await jira.files(1)
    await jira.files(2)
    jira.server.fails(method="POST", path="/issue$", status=status, body=body)
    if status >= 500:
        jira.server.fails(method="GET", path="/myself", status=status)
    done = await jira.deliver()
    state = await jira.ledger.post.state("jira")
    assert (done.sent, done.failed, state.failures) == (0, 1, 1)
    assert says in state.reason
    assert " — " in state.reason
    assert jira.fake.token not in state.reason
    jira.passes(2)
    assert (await jira.deliver()).sent == 2
    assert sorted(jira.fake.issues) == ["OPS-1", "OPS-2"]


async def test_retry_after_is_obeyed_to_the_second(jira: JiraBench) -> None:
    await jira.files()
    jira.server.fails(path="/search", status=429, headers={"Retry-After": "600"})
    await jira.deliver()
    asked = len(jira.server.calls)
    for _ in range(9):
        jira.passes(1)
        await jira.deliver()
    assert len(jira.server.calls) == asked
    jira.passes(1)
    assert (await jira.deliver()).sent == 1


async def test_a_ticket_that_the_project_refuses_is_given_up_and_the_others_are_not(jira: JiraBench) -> None:
    jira.fake.priorities = ("High",)
    bad = await jira.files(1, severity=Severity.S1)
    good = await jira.files(2)
    done = await jira.deliver()
    assert (done.sent, done.failed) == (1, 1)
    assert jira.key_of(good) == "OPS-1"
    for _ in range(10):
        jira.passes(60)
        await jira.deliver()
    (dead,) = await jira.ledger.post.dead()
    assert (dead.proposal_id, dead.attempts) == (bad.id, 8)
    assert "The priority selected is invalid." in dead.reason


async def test_a_site_without_attachments_still_gets_its_tickets(jira: JiraBench) -> None:
    jira.jira.terms = replace(jira.jira.terms, chart=True)
    await jira.files()
    jira.server.fails(path="/attachments$", status=403, times=9)
    assert (await jira.deliver()).sent == 1


async def test_a_login_page_is_not_taken_for_jira(jira: JiraBench) -> None:
    await jira.files()
    jira.server.fails(path="/search", status=200, body=b"<html>Log in</html>")
    await jira.deliver()
    assert "is not Jira's API" in (await jira.ledger.post.state("jira")).reason


async def test_nothing_answers(jira: JiraBench) -> None:
    await jira.files()
    jira.jira.site = JiraSite("http://127.0.0.1:9", True, "bot", "jira-t0ken", timedelta(seconds=1), SETTLE)
    await jira.deliver()
    reason = (await jira.ledger.post.state("jira")).reason
    assert "could not be reached" in reason
    assert "jira-t0ken" not in reason + repr(jira.jira.site)


# ------------------------------------------------------------ check
async def test_check_says_who_and_where(jira: JiraBench) -> None:
    assert await jira.jira.check() == "llo11ypop bot may create, comment on and move tickets in FAC, OPS"


async def test_check_says_which_permission_is_missing(jira: JiraBench) -> None:
    jira.fake.permissions.discard("TRANSITION_ISSUES")
    with pytest.raises(ChannelDown, match="lacks TRANSITION_ISSUES in project FAC") as bad:
        await jira.jira.check()
    assert "permission scheme" in bad.value.next_step


async def test_check_of_a_project_that_is_not_there(jira: JiraBench) -> None:
    jira.fake.projects = ("OPS",)
    with pytest.raises(ChannelDown, match="project FAC"):
        await jira.jira.check()


# ------------------------------------------------------------ text is data
async def test_text_from_telemetry_stays_text_in_cloud(jira: JiraBench) -> None:
    one = await jira.files(title=EVIL, summary=EVIL, why=(EVIL,))
    await jira.deliver()
    fields = jira.fake.issues[jira.key_of(one)]["fields"]
    kinds: set[str] = set()

    def walk(node: dict[str, object]) -> None:
        kinds.add(str(node["type"]))
        for mark in node.get("marks", ()):  # type: ignore[attr-defined]
            assert mark["attrs"]["href"].startswith("https://llo11ypop.example.org/")
        for child in node.get("content", ()):  # type: ignore[attr-defined]
            walk(child)

    walk(fields["description"])
    assert kinds <= {"doc", "paragraph", "text", "heading", "table", "tableRow", "tableCell", "tableHeader", "bulletList",
                     "listItem", "codeBlock"}  # fmt: skip
    assert EVIL in adf.text_of(fields["description"])


def test_the_description_of_atlassian_is_at_hand() -> None:
    if jira_spec.spec() is None:
        pytest.skip("no specs/jira beside the checkout: the fake judged by itself")
    assert jira_spec.problems_of_document({"version": 1, "type": "doc", "content": [{"type": "paragraf"}]})


# ------------------------------------------------------------ Data Center
class TestDataCenter:
    @pytest.fixture
    def fake_jira(self) -> FakeJira:
        return FakeJira(cloud=False)

    async def test_a_ticket_is_written_in_wiki_markup(self, jira: JiraBench) -> None:
        one = await jira.files(summary=EVIL)
        await jira.deliver()
        text = jira.fake.issues[jira.key_of(one)]["fields"]["description"]
        assert "h3. Evidence" in text
        assert "||sensor||rpm||" in text
        assert "\\[\\~admin\\]" in text
        assert "[~admin]" not in text
        assert "{color:red}" not in text

    async def test_its_life(self, jira: JiraBench) -> None:
        one = await jira.files()
        await jira.ledger.clear(one.id, AT)
        await jira.deliver()
        fields = jira.fake.issues[jira.key_of(one)]["fields"]
        assert fields["status"]["name"] == "Done"
        assert "went away by itself" in fields["comment"]["comments"][0]["body"]

    async def test_a_timeout_after_the_write(self, jira: JiraBench) -> None:
        await jira.files()
        jira.server.fails(method="POST", path="/issue$", after=True)
        await jira.deliver()
        jira.passes(1)
        await jira.deliver()
        assert list(jira.fake.issues) == ["OPS-1"]

    async def test_check(self, jira: JiraBench) -> None:
        assert "may create" in await jira.jira.check()
