"""Delivering once: claims, crashes, races, patience, and the folder that may be written again."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from llo11ypop.ledger import SqlLedger
from llo11ypop.ledger.reports import SqlReports
from llo11ypop.report.delivery import GIVE_UP, LEASE, Letter, MaybeDelivered, NotDelivered, State, hand_out, retry_due
from llo11ypop.report.outlets.folder import Folder
from tests.report_samples import END, HOUR, letter

MINUTE = timedelta(minutes=1)


@dataclass
class Told:
    """An outlet that does what the test says: a list of errors, None for taking it."""

    answers: list[Exception | None] = field(default_factory=list)
    name: str = "mail"
    repeatable: bool = False
    taken: list[Letter] = field(default_factory=list)

    async def deliver(self, one: Letter) -> str:
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        await asyncio.sleep(0)
        self.taken.append(one)
        return f"ref-{len(self.taken)}"


@pytest.fixture
def shelf(tmp_path: Path) -> SqlReports:
    return SqlReports.open(tmp_path / "ledger.sqlite", upgrade=True)


async def test_a_report_is_kept_and_handed_out_once(shelf: SqlReports) -> None:
    outlet = Told()
    (first,) = await hand_out(shelf, [outlet], letter(), END)
    (second,) = await hand_out(shelf, [outlet], letter(markdown="other words"), END + HOUR)
    assert (first.state, first.reference, first.attempts) == (State.DELIVERED, "ref-1", 1)
    assert second == first
    assert len(outlet.taken) == 1
    kept = await shelf.letter(letter().id)
    assert kept == letter(), "the first words stay"
    assert await shelf.letters() == [letter()]


async def test_each_outlet_counts_by_itself(shelf: SqlReports) -> None:
    mail, hook = Told(), Told([NotDelivered("closed")], name="webhook")
    assert [h.state for h in await hand_out(shelf, [mail, hook], letter(), END)] == [State.DELIVERED, State.WAITING]
    assert [h.outlet for h in await retry_due(shelf, [mail, hook], END + MINUTE * 2)] == ["webhook"]
    assert (len(mail.taken), len(hook.taken)) == (1, 1)


async def test_waits_double_and_end_after_a_day(shelf: SqlReports) -> None:
    outlet = Told([NotDelivered("closed") for _ in range(200)])
    (handed,) = await hand_out(shelf, [outlet], letter(), END)
    tries, at = [END], END
    while handed.state is State.WAITING and at < END + GIVE_UP * 2:
        at += MINUTE
        for tried in await retry_due(shelf, [outlet], at):
            handed = tried
            tries.append(at)
    waits = [(b - a) / MINUTE for a, b in pairwise(tries)]
    assert waits[:7] == [1, 2, 4, 8, 16, 32, 60]
    assert handed.state is State.FAILED
    assert tries[-1] - END <= GIVE_UP


async def test_what_is_refused_for_good_is_not_tried_again(shelf: SqlReports) -> None:
    outlet = Told([NotDelivered("no such mailbox", transient=False)])
    (handed,) = await hand_out(shelf, [outlet], letter(), END)
    assert (handed.state, handed.why) == (State.FAILED, "no such mailbox")
    assert await retry_due(shelf, [outlet], END + HOUR) == []


@pytest.mark.parametrize("repeatable", [False, True])
async def test_a_claim_that_a_dead_process_left(shelf: SqlReports, repeatable: bool) -> None:
    outlet = Told(repeatable=repeatable)
    await shelf.keep(letter())
    assert await shelf.claim(letter().id, "mail", END, repeatable=repeatable) is None
    during = await hand_out(shelf, [outlet], letter(), END + LEASE / 2)
    assert [h.state for h in during] == [State.SENDING], "somebody else is at it"
    await retry_due(shelf, [outlet], END + LEASE)
    (standing,) = await shelf.deliveries(letter().id)
    assert standing.state is (State.DELIVERED if repeatable else State.UNCERTAIN)
    assert len(outlet.taken) == (1 if repeatable else 0)


async def test_what_is_uncertain_is_sent_only_when_a_person_asks(shelf: SqlReports) -> None:
    outlet = Told([MaybeDelivered("broke off")])
    (handed,) = await hand_out(shelf, [outlet], letter(), END)
    assert handed.state is State.UNCERTAIN
    assert (await hand_out(shelf, [outlet], letter(), END + HOUR))[0].state is State.UNCERTAIN
    assert outlet.taken == []
    assert (await hand_out(shelf, [outlet], letter(), END + HOUR, again=True))[0].state is State.DELIVERED


async def test_two_processes_send_one_report(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    shelves = [SqlReports.open(path, upgrade=True) for _ in range(2)]
    outlet = Told()
    await asyncio.gather(*(hand_out(s, [outlet], letter(), END) for s in shelves for _ in range(4)))
    assert len(outlet.taken) == 1
    for one in shelves:
        await one.close()


async def test_an_outlet_that_is_no_longer_configured_is_left_alone(shelf: SqlReports) -> None:
    await hand_out(shelf, [Told([NotDelivered("closed")])], letter(), END)
    assert await retry_due(shelf, [], END + HOUR) == []


async def test_retention_forgets_old_reports(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    shelf, ledger = SqlReports.open(path, upgrade=True), SqlLedger.open(path)
    await hand_out(shelf, [Told()], letter(), END)
    await ledger.prune(END)
    assert await shelf.letter(letter().id) is not None
    await ledger.prune(END + HOUR)
    assert await shelf.letters() == []
    assert await shelf.deliveries(letter().id) == []
    await ledger.close()
    await shelf.close()


async def test_a_folder_gets_three_whole_files(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "new" / "reports")
    path = Path(await folder.deliver(letter()))
    assert path.name == "report-night-2026-05-14-5b9789e1.html"
    assert sorted(p.suffix for p in path.parent.iterdir()) == [".html", ".json", ".md"], "and no temporary files"
    assert path.read_text(encoding="utf-8") == letter().html  # noqa: ASYNC240 - a test may wait
    assert await folder.deliver(letter()) == str(path), "again changes nothing"


async def test_a_folder_that_cannot_be_written_is_tried_later(tmp_path: Path, shelf: SqlReports) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    (handed,) = await hand_out(shelf, [Folder(blocked)], letter(), END)
    assert handed.state is State.WAITING
    assert "cannot be written" in handed.why
    blocked.unlink()
    assert [h.state for h in await retry_due(shelf, [Folder(blocked)], END + MINUTE)] == [State.DELIVERED]
