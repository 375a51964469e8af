"""The gate is closed, and shows the evidence that would open it."""

from pathlib import Path

import pytest

from llo11ypop.core.errors import ConfigError
from llo11ypop.core.vocabulary import Action
from llo11ypop.learning.autonomy import Autonomy, AutonomyLevel, Promotion, TrackRecord, track_records, wilson
from llo11ypop.learning.export import lines
from llo11ypop.ledger import SqlLedger
from tests.ledger_samples import LEASE, approve, evidence, proposal, reject


@pytest.mark.parametrize("action", list(Action))
def test_every_action_is_proposed_and_waits(action: Action) -> None:
    permission = Autonomy().allowed(action, "c-a")
    assert permission.level is AutonomyLevel.PROPOSE
    assert "waits for an answer" in permission.reason


def test_granting_and_revoking_refuse_with_the_reason() -> None:
    with pytest.raises(ConfigError, match="cannot be granted"):
        Autonomy().grant(Action.DRAIN, "c-a")
    with pytest.raises(ConfigError, match="nothing to revoke"):
        Autonomy().revoke(Action.DRAIN, "c-a")


def test_the_shipped_configuration_loads() -> None:
    assert Autonomy.load(Path("config")).config.promotion == Promotion()


def test_another_level_is_refused_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "autonomy.yaml").write_text("# x\nlevel: auto\n")
    with pytest.raises(ConfigError, match=r"autonomy\.yaml:2: level"):
        Autonomy.load(tmp_path)


@pytest.mark.parametrize(
    ("trials", "reached"),
    # One-sided 95 % Wilson: 25 approvals without a rejection reach 0.90, 24 do not.
    [(24, False), (25, True)],
)
def test_the_bound_is_wilsons(trials: int, reached: bool) -> None:
    assert (wilson(trials, trials)[0] >= 0.90) is reached
    assert wilson(0, 0) == (0.0, 1.0)


async def test_a_track_record_counts_answers_per_action_and_cluster() -> None:
    ledger = SqlLedger.in_memory()
    for number, verdict in enumerate([approve("ana"), approve("bo"), reject()]):
        await ledger.file(proposal(number, blast_radius={"cluster": "c-a"}), [evidence()])
        await ledger.record_verdict(proposal(number).id, verdict, lease=LEASE)
    (track,) = track_records(await ledger.feedback())
    assert (track.action, track.cluster) == (Action.TECH, "c-a")
    assert (track.approved, track.rejected, len(track.raters)) == (2, 1, 2)
    assert len(track.lacks(Promotion())) == 4
    await ledger.close()


def test_enough_evidence_lacks_nothing() -> None:
    from datetime import timedelta

    raters = frozenset({"a", "b", "c"})
    full = TrackRecord(Action.TECH, "c-a", 60, 0, 0, 60, 60, raters, timedelta(days=20))
    assert full.lacks(Promotion()) == []


async def test_the_export_leaves_comments_out_unless_asked() -> None:
    ledger = SqlLedger.in_memory()
    from dataclasses import replace

    await ledger.file(proposal(1), [evidence()])
    await ledger.record_verdict(proposal(1).id, replace(approve(), comment="ask Ana"), lease=LEASE)
    records = await ledger.feedback()
    assert "ask Ana" not in "".join(lines(records))
    assert "ask Ana" in "".join(lines(records, comments=True))
    await ledger.close()
