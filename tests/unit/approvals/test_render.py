"""The text an SRE reads."""

from dataclasses import replace
from datetime import timedelta

import pytest

from llo11ypop.approvals.render import cell, evidence_markdown, line, markdown
from llo11ypop.core.proposal import ProposalStatus
from tests.ledger_samples import AT, evidence, proposal


@pytest.mark.parametrize(
    "part",
    [
        "# S2 · gpu-a-001: fan FAN3 stopped",
        "`node:gpu-a-001`",
        "**Since** 2026-05-01T11:52:00Z",
        "confidence 86%",
        "waits for an answer until 2026-05-02T12:00:00Z",
        "FAN3 reads 0 rpm, its siblings 7,920 rpm",
        "sensor fault (8%): GPU inlet temperature rose with it",
        "**TECH**",
        "- slot: `3`",
        "DRAIN `node=gpu-a-001`",
        "## Not to do\n\n- REBOOT",
        "nodes 1, gpus 8, running jobs 1",
        "GPUs 4 and 5 throttle within the hour.",
        "FAN3 above 3,000 rpm one hour after the visit.",
        "SELECT sensor, min(reading) AS rpm FROM bmc_sensors WHERE ts < ?",
        "| FAN3 | 0 |",
    ],
)
def test_a_proposal_says(part: str) -> None:
    assert part in markdown(proposal(1), [evidence()])


def test_pruned_evidence_is_named_as_gone() -> None:
    assert f"`{evidence().id}`: no longer kept" in markdown(proposal(1), [])


@pytest.mark.parametrize(
    ("status", "words"),
    [(ProposalStatus.REJECTED, ", rejected"), (ProposalStatus.SNOOZED, "snoozed until 2026-05-01T13:00:00Z")],
)
def test_the_status_is_said_in_words(status: ProposalStatus, words: str) -> None:
    shown = markdown(replace(proposal(1), status=status, snoozed_until=AT + timedelta(hours=1)), [])
    assert words in shown


def test_text_from_telemetry_cannot_act() -> None:
    shown = markdown(proposal(1, summary="<script>x</script> [click](http://evil) `rm`\n# Heading"), [])
    assert "<script>" not in shown
    assert "[click](" not in shown.replace("\\[click](", "")
    assert "\n# Heading" not in shown


def test_a_long_result_is_cut_and_says_so() -> None:
    rows = [{"sensor": f"FAN{n}", "rpm": float(n)} for n in range(50)]
    shown = evidence_markdown(evidence("many", rows))
    assert "FAN4" in shown
    assert "FAN5 " not in shown
    assert "and 45 more row(s)" in shown


def test_no_rows_is_not_a_table() -> None:
    assert "|" not in evidence_markdown(evidence("none", []))


@pytest.mark.parametrize(("value", "text"), [(None, "–"), (0.0, "0"), (1234.5, "1,234"), (2.5e7, "25,000,000"), ("a|b", "a\\|b")])
def test_cells(value: object, text: str) -> None:
    assert cell(value) == text


def test_a_line_is_one_line() -> None:
    assert line("a\n  b\tc") == "a b c"
