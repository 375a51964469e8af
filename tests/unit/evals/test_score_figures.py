"""Every figure of the score, on hand-made sets."""

import pickle

import pytest

from llo11ypop.evals.explain import explain, false_json, missed_json
from llo11ypop.evals.fleet_score import FleetScore
from llo11ypop.evals.report import report, text
from llo11ypop.evals.score import figures, mode_order, per_mode, ratio
from tests.unit.evals.truth_samples import scored, ticket, truth

INCIDENTS = [truth("i", "F1", "gpu:G00"), truth("j", "F16", "node:n4"), truth("k", "F17", "node:n6")]


def test_recall_and_precision() -> None:
    run = scored([ticket("a", "F1", "gpu:G00"), ticket("b", "F16", "node:n4"), ticket("c", "F2", "gpu:G30")], INCIDENTS)
    out = figures([run])
    assert (out["incidents"], out["proposals"], out["found"]) == (3, 3, 2)
    assert out["recall"] == pytest.approx(2 / 3, abs=1e-4)
    assert out["precision"] == pytest.approx(2 / 3, abs=1e-4)
    assert out["false_per_1000_gpu_days"] == 1.0


def test_duplicates_are_a_share_of_proposals_and_not_false() -> None:
    run = scored([ticket("a", "F1", "gpu:G00"), ticket("b", "F1", "gpu:G00", 90)], INCIDENTS[:1])
    out = figures([run])
    assert (out["duplicates"], out["precision"], out["unique_precision"]) == (0.5, 1.0, 0.5)


@pytest.mark.parametrize(
    ("change", "figure"),
    [({"cause": "F2"}, "cause_top1"), ({"queue": "FAC"}, "queue"), ({"action": "NONE"}, "action_acceptable")],
)
def test_a_wrong_word_lowers_one_figure(change: dict[str, str], figure: str) -> None:
    wrong = ticket("a", **{"cause": "F1", "entity": "gpu:G00", **{k: v for k, v in change.items() if k == "cause"}},
                   **{k: v for k, v in change.items() if k != "cause"})  # fmt: skip
    out = figures([scored([wrong], INCIDENTS[:1])])
    shares = {name: out[name] for name in ("cause_top1", "queue", "action_acceptable", "entity_level")}
    assert shares.pop(figure) == 0.0
    assert set(shares.values()) == {1.0}


def test_an_acceptable_cause_is_right() -> None:
    run = scored([ticket("a", "UNKNOWN", "node:n0")], [truth("i", "F27", "node:n0", acceptable_causes=("UNKNOWN",))])
    assert figures([run])["cause_top1"] == 1.0


@pytest.mark.parametrize(("entity", "right"), [("gpu:G00", 1.0), ("node:n0", 0.0)])
def test_the_entity_must_be_the_truths_own_level_and_id(entity: str, right: float) -> None:
    assert figures([scored([ticket("a", "F1", entity)], INCIDENTS[:1])])["entity_level"] == right


def test_a_forbidden_action_is_counted_also_on_a_duplicate_and_a_decoy() -> None:
    decoy = truth("d", "D1", "node:n7", expected_ticket=False, forbidden_actions=("RMA",))
    bad = [ticket(n, "F1", e, action="RMA") for n, e in (("a", "gpu:G00"), ("b", "gpu:G00"), ("c", "node:n7"))]
    assert figures([scored(bad, [INCIDENTS[0], decoy])])["forbidden"] == 3


@pytest.mark.parametrize(("at", "in_time", "delay"), [(60, 1.0, 0.0), (90, 1.0, 2.0), (91, 0.0, 2.07)])
def test_in_time_is_two_ticks(at: float, in_time: float, delay: float) -> None:
    out = figures([scored([ticket("a", "F1", "gpu:G00", at)], INCIDENTS[:1])])
    assert (out["found_in_time"], out["median_delay_cycles"]) == (in_time, delay)


def test_a_ticket_just_before_it_shows_has_no_negative_delay() -> None:
    assert figures([scored([ticket("a", "F1", "gpu:G00", 50)], INCIDENTS[:1])])["median_delay_cycles"] == 0.0


def test_planned_or_quiet_counts_decoys() -> None:
    decoy = truth("d", "D1", "node:n7", expected_ticket=False)
    out = figures([scored([ticket("a", "F16", "node:n7"), ticket("b", "F16", "node:n3")], [INCIDENTS[0], decoy])])
    assert (out["planned_or_quiet_proposals"], out["false_proposals"], out["precision"]) == (1, 2, 0.0)


def test_on_a_quiet_fleet_every_proposal_counts() -> None:
    out = figures([scored([ticket("a", "F16", "node:n3")], [])])
    assert (out["planned_or_quiet_proposals"], out["recall"]) == (1, 1.0)


def test_nothing_at_all_is_a_perfect_quiet_run() -> None:
    out = figures([scored([], [])])
    assert (out["recall"], out["precision"], out["duplicates"], out["forbidden"]) == (1.0, 1.0, 0.0, 0)


def test_runs_add_up() -> None:
    one, two = scored([ticket("a", "F1", "gpu:G00")], INCIDENTS[:1]), scored([], INCIDENTS[:1])
    assert figures([one, two])["recall"] == 0.5


def test_per_mode_lists_incidents_and_false_tickets_in_order() -> None:
    out = per_mode([scored([ticket("a", "F1", "gpu:G00"), ticket("b", "F2", "gpu:G30")], INCIDENTS)])
    assert list(out) == ["F1", "F2", "F16", "F17"]
    assert (out["F1"]["found"], out["F2"]["false"], out["F16"]["recall"]) == (1, 1, 0.0)


@pytest.mark.parametrize(("modes", "ordered"), [(["F10", "F2", "C8", "UNKNOWN"], ["C8", "F2", "F10", "UNKNOWN"])])
def test_modes_sort_by_number(modes: list[str], ordered: list[str]) -> None:
    assert sorted(modes, key=mode_order) == ordered


def test_ratio_of_nothing_is_what_the_caller_says() -> None:
    assert (ratio(0, 0), ratio(0, 0, empty=0.0), ratio(1, 3)) == (1.0, 0.0, 0.3333)


def test_explain_names_the_missed_the_false_and_the_wrong() -> None:
    decoy = truth("d", "D1", "node:n7", expected_ticket=False)
    tickets = [ticket("a", "F2", "gpu:G00", queue="FAC"), ticket("b", "F16", "node:n3"), ticket("c", "F16", "node:n7")]
    lines = "\n".join(explain(scored(tickets, [*INCIDENTS[:2], decoy])))
    assert "missed (1)" in lines
    assert "gpu_events.code where code = 79" in lines
    assert "- because" in lines
    assert "fell for   d D1 node:n7" in lines
    assert "wrong cause: F2 instead of F1" in lines
    assert "wrong queue: FAC instead of GPU-HW" in lines


def test_missed_and_false_as_json() -> None:
    run = scored([ticket("b", "F16", "node:n3")], INCIDENTS[:1])
    assert [m["incident"] for m in missed_json([run])] == ["i"]
    assert [(f["proposal"], f["why"]) for f in false_json([run])] == [("b", ["because"])]


def test_the_report_has_every_key_of_its_contract() -> None:
    run = scored([ticket("a", "F1", "gpu:G00")], INCIDENTS)
    out = report([FleetScore(run, scored([], INCIDENTS), cycles=4, cycle_s=0.5, errors=())])
    wanted = {
        "incidents", "proposals", "recall", "precision", "entity_level", "cause_top1", "queue", "action_acceptable",
        "forbidden", "duplicates", "median_delay_cycles", "planned_or_quiet_proposals", "per_mode", "baseline", "found_in_time",
        "missed", "false",
        "cycle_s", "per_seed", "not_exported_incidents",
    }  # fmt: skip
    assert wanted <= set(out)
    assert out["baseline"]["recall"] == 0.0
    assert "Recall" in text(out)


def test_a_score_can_be_sent_from_a_worker_to_its_parent() -> None:
    run = scored([ticket("a", "F1", "gpu:G00")], INCIDENTS)
    assert figures([pickle.loads(pickle.dumps(run))]) == figures([run])  # noqa: S301 - our own
