"""The rules of the matcher on evidence made by hand: what fires, where, since when, how strongly, and what is merged."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from llo11ypop.core.entity import Entity
from llo11ypop.core.evidence import Evidence, EvidenceStatus
from llo11ypop.core.fleet import Topology
from llo11ypop.core.reasoning import Finding
from llo11ypop.core.vocabulary import Area
from llo11ypop.playbooks.book import PlaybookSet, Sign
from llo11ypop.playbooks.matching import strength_of
from llo11ypop.playbooks.model import Playbook
from llo11ypop.playbooks.signals import plan_of
from tests.unit.playbooks.playbook_fleet import topology

AT = datetime(2026, 5, 2, 12, tzinfo=UTC)
BASE: dict[str, Any] = {
    "title": "t",
    "area": "gpu",
    "severity": "S3",
    "queue": "GPU-HW",
    "source": "s",
    "if_nothing_done": "x",
    "goal": "g",
    "success": {"signal_gone_for": "2h", "goal": "g"},
    "actions": [{"name": "DRAIN", "prior": 0.4}, {"name": "DIAG", "prior": 0.9}],
}


def signal(level: str = "node", weight: float = 0.5, **more: Any) -> dict[str, Any]:
    shape = {"dataset": "gpu_events", "window": "1h", "by": ["id"], "measures": {"since": {"agg": "min", "field": "ts"}}}
    return {**shape, "entity": {level: "id"}, "onset": "since", "text": "{id}", "weight": weight, **more}


def book(*playbooks: dict[str, Any]) -> PlaybookSet:
    made = [Playbook.model_validate({**BASE, **p}) for p in playbooks]
    signs = {f"{p.id}.{n}": Sign(s, plan_of(s)) for p in made for n, s in p.signals.items()}
    return PlaybookSet({p.id: p for p in made}, signs)


def evidence(*rows: dict[str, Any], status: EvidenceStatus = EvidenceStatus.OK) -> Evidence:
    table = pa.Table.from_pylist(list(rows)) if rows else pa.table({"id": []})
    return Evidence("e", {}, AT, None, (), table, len(rows), False, False, status)


def row(name: str, minutes: float = 10, **more: Any) -> dict[str, Any]:
    return {"id": name, "since": AT - timedelta(minutes=minutes), **more}


def match(rules: dict[str, Any], signals: dict[str, Any], fired: dict[str, Evidence], **more: Any) -> list[Finding]:
    mine = book({"id": "M", "entity": "node", "signals": signals, "match": rules, **more})
    return mine.match([Area.GPU], {f"M.{k}": v for k, v in fired.items()}, topology(), AT)


TWO = {"a": signal(weight=0.5), "b": signal(weight=0.6)}
NOT_THERE = evidence(status=EvidenceStatus.NOT_EXPORTED)


def test_all_must_fire_on_the_same_entity() -> None:
    rules = {"all": ["a", "b"]}
    assert match(rules, TWO, {"a": evidence(row("n1")), "b": evidence(row("n2"))}) == []
    (found,) = match(rules, TWO, {"a": evidence(row("n1", 30)), "b": evidence(row("n1", 10))})
    assert str(found.entity) == "node:n1"
    assert found.strength == pytest.approx(1 - 0.5 * 0.4)
    assert found.since == AT - timedelta(minutes=30)


def test_what_is_required_but_not_exported_never_matches() -> None:
    assert match({"all": ["a", "b"]}, TWO, {"a": evidence(row("n1")), "b": NOT_THERE}) == []


def test_any_works_with_what_is_exported_and_says_what_is_not() -> None:
    (found,) = match({"any": ["a", "b"]}, TWO, {"a": evidence(row("n1")), "b": NOT_THERE})
    assert found.facts == {"signals": ["a"], "not_evaluable": ["b"]}
    assert found.strength == pytest.approx(0.5)


def test_a_signal_nobody_ran_claims_nothing() -> None:
    assert match({"any": ["a", "b"]}, TWO, {}) == []


def test_at_least_two_of_three() -> None:
    rules = {"any": ["a", "b"], "at_least": 2}
    assert match(rules, TWO, {"a": evidence(row("n1")), "b": evidence()}) == []
    assert len(match(rules, TWO, {"a": evidence(row("n1")), "b": evidence(row("n1"))})) == 1


def test_supporting_strengthens_but_never_makes_a_match() -> None:
    rules = {"all": ["a"], "supporting": ["b"]}
    assert match(rules, TWO, {"a": evidence(), "b": evidence(row("n1"))}) == []
    (found,) = match(rules, TWO, {"a": evidence(row("n1", 10)), "b": evidence(row("n1", 50))})
    assert found.strength == pytest.approx(0.8)
    assert found.since == AT - timedelta(minutes=10), "the onset is that of what is required"


@pytest.mark.parametrize(
    ("level", "name", "left"), [("node", "n1", 1), ("rack", "k1", 0), ("node", "n2", 2), ("cluster", "c-a", 0)]
)
def test_a_veto_reaches_down_from_where_it_fires(level: str, name: str, left: int) -> None:
    signals = {"a": signal(), "veto": signal(level)}
    fired = {"a": evidence(row("n1"), row("n3")), "veto": evidence(row(name))}
    assert len(match({"all": ["a"], "excluded_by": ["veto"]}, signals, fired)) == left


def test_a_veto_that_is_not_exported_does_not_veto() -> None:
    signals = {"a": signal(), "veto": signal()}
    assert len(match({"all": ["a"], "excluded_by": ["veto"]}, signals, {"a": evidence(row("n1")), "veto": NOT_THERE})) == 1


@pytest.mark.parametrize(("last_seen", "repaired", "left"), [(60, 30, 0), (20, 30, 1)])
def test_a_repair_ends_what_was_last_seen_before_it(last_seen: float, repaired: float, left: int) -> None:
    signals = {
        "a": signal(measures={"since": {"agg": "min", "field": "ts"}, "last": {"agg": "max", "field": "ts"}}, last="last"),
        "fix": signal(),
    }
    fired = {"a": evidence(row("n1", 90, last=AT - timedelta(minutes=last_seen))), "fix": evidence(row("n1", repaired))}
    assert len(match({"all": ["a"], "ended_by": ["fix"]}, signals, fired)) == left


def test_a_sign_on_a_part_or_around_counts_for_the_entity() -> None:
    signals = {"a": signal(), "gpu": signal("gpu"), "rack": signal("rack")}
    fired = {"a": evidence(row("n1")), "gpu": evidence(row("n1-g3"), row("n2-g1")), "rack": evidence(row("k1"))}
    (found,) = match({"all": ["a", "gpu"], "supporting": ["rack"]}, signals, fired)
    assert {str(h.entity) for h in found.hits} == {"node:n1", "gpu:n1-g3", "rack:k1"}
    assert Entity.parse("gpu:n1-g3") in found.related


def test_a_mount_lies_in_its_cluster() -> None:
    signals = {"a": signal("mount"), "b": signal("cluster")}
    (found,) = match({"all": ["a", "b"]}, signals, {"a": evidence(row("c-a//new")), "b": evidence(row("c-a"))}, entity="mount")
    assert str(found.entity) == "mount:c-a//new"


def test_the_first_level_that_the_row_has() -> None:
    signals = {"a": signal(entity={"rack": "rack", "row": "row"}, by=["rack", "row"], text="x", onset=None)}
    fired = {"a": evidence({"rack": "", "row": "w1"}, {"rack": "k1", "row": "w1"})}
    found = match({"all": ["a"]}, signals, fired, entity=["rack", "row"])
    assert [str(f.entity) for f in found] == ["row:w1"], "the rack lies in the row, which has the same finding"
    assert found[0].since == AT


def test_a_level_from_the_row_and_one_that_is_none_of_ours() -> None:
    signals = {"a": signal(entity={"{level}": "id"}, by=["id", "level"])}
    fired = {"a": evidence(row("n1", level="node"), row("x", level="building"))}
    assert [str(f.entity) for f in match({"all": ["a"]}, signals, fired)] == ["node:n1"]


def test_related_names_are_split() -> None:
    signals = {"a": signal(related={"run": "runs"}, by=["id", "runs"])}
    (found,) = match({"all": ["a"]}, signals, {"a": evidence(row("n1", runs="r-1,r-2"))})
    assert [str(e) for e in found.related] == ["run:r-1", "run:r-2"]


def test_rows_without_an_entity_are_left_out() -> None:
    assert match({"all": ["a"]}, {"a": signal()}, {"a": evidence(row(""), {"id": None, "since": None})}) == []


def test_naive_instants_are_utc() -> None:
    naive = {"id": "n1", "since": datetime(2026, 5, 2, 11)}  # noqa: DTZ001 - what an engine without zones returns
    (found,) = match({"all": ["a"]}, {"a": signal()}, {"a": evidence(naive)})
    assert found.since == datetime(2026, 5, 2, 11, tzinfo=UTC)


def test_texts_show_figures_and_say_unknown() -> None:
    text = "{id} at {rpm:.0f} rpm since {since}, limit {low:.1f}"
    signals = {"a": signal(text=text, by=["id", "rpm", "low"])}
    (found,) = match({"all": ["a"]}, signals, {"a": evidence(row("n1", 5, rpm=812.4, low=None))})
    assert found.hits[0].text == "n1 at 812 rpm since 2026-05-02 11:55Z, limit unknown"


def test_strength_never_becomes_certainty() -> None:
    assert strength_of([0.9, 0.9, 0.9]) == 0.99
    assert strength_of([]) == 0


MERGE = {"into": "rack", "min_count": 3, "within": "10m"}


@pytest.mark.parametrize(
    ("onsets", "expected"),
    [
        ({"n1": 10, "n2": 12, "n3": 14}, ["rack:k1"]),
        ({"n1": 10, "n2": 12}, ["node:n1", "node:n2"]),
        ({"n1": 10, "n2": 12, "n3": 50}, ["node:n1", "node:n2", "node:n3"]),
        ({"n1": 10, "n2": 12, "n4": 12}, ["node:n1", "node:n2", "node:n4"]),
    ],
)
def test_a_burst_on_one_rack_is_one_finding(onsets: dict[str, float], expected: list[str]) -> None:
    found = match({"all": ["a"]}, {"a": signal()}, {"a": evidence(*(row(n, m) for n, m in onsets.items()))}, merge=[MERGE])
    assert [str(f.entity) for f in found] == expected


def test_a_merged_finding_keeps_parts_texts_and_the_first_onset() -> None:
    fired = {"a": evidence(*(row(n, m) for n, m in (("n1", 10), ("n2", 15), ("n3", 12))))}
    (found,) = match({"all": ["a"]}, {"a": signal()}, fired, merge=[MERGE])
    assert found.since == AT - timedelta(minutes=15)
    assert {str(e) for e in found.related} == {"node:n1", "node:n2", "node:n3"}
    assert len(found.hits) == 3 and found.facts["merged"] == 3
    assert found.strength > 0.5


def test_merging_asks_for_a_share_of_what_the_inventory_lists() -> None:
    fired = {"a": evidence(row("n1"), row("n2"))}
    rule = {"into": "rack", "min_count": 2, "within": "10m"}
    assert len(match({"all": ["a"]}, {"a": signal()}, fired, merge=[{**rule, "min_share": 0.6}])) == 1
    assert len(match({"all": ["a"]}, {"a": signal()}, fired, merge=[{**rule, "min_share": 0.7}])) == 2


def test_merging_climbs_rule_by_rule() -> None:
    fired = {"a": evidence(row("k1"), row("k2"))}
    found = match(
        {"all": ["a"]},
        {"a": signal("rack")},
        fired,
        entity=["rack", "row"],
        merge=[{"into": "row", "min_count": 2, "within": "10m"}],
    )
    assert [str(f.entity) for f in found] == ["row:w1"]


def test_a_merged_finding_may_be_another_mode() -> None:
    one = {"id": "M", "entity": "node", "signals": {"a": signal()}, "match": {"all": ["a"]}, "merge": [{**MERGE, "mode": "N"}]}
    other = {"id": "N", "entity": "rack", "signals": {"a": signal("rack")}, "match": {"all": ["a"]}}
    fired = {"M.a": evidence(row("n1"), row("n2"), row("n3")), "N.a": evidence(row("k1", 40))}
    (found,) = book(one, other).match([Area.GPU], fired, topology(), AT)
    assert (found.playbook, str(found.entity), found.since) == ("N", "rack:k1", AT - timedelta(minutes=40))


def test_a_named_part_of_a_larger_finding_is_not_told_twice() -> None:
    signals = {"run": signal("run"), "mount": signal("mount", related={"run": "runs"}, by=["id", "runs"])}
    fired = {"run": evidence(row("r-1"), row("r-9")), "mount": evidence(row("c-a//scratch", runs="r-1,r-2"))}
    found = match({"any": ["run", "mount"]}, signals, fired, entity=["run", "mount"])
    assert {str(f.entity) for f in found} == {"mount:c-a//scratch", "run:r-9"}


def test_only_the_areas_asked_for() -> None:
    mine = book({"id": "M", "entity": "node", "signals": {"a": signal()}, "match": {"all": ["a"]}})
    fired = {"M.a": evidence(row("n1"))}
    assert mine.match([Area.NETWORK], fired, topology(), AT) == []
    assert mine.plans([Area.NETWORK], at=AT) == {}
    assert list(mine.plans([Area.GPU], at=AT)) == ["M.a"]


def test_a_slow_signal_waits_for_its_cadence() -> None:
    mine = book({"id": "M", "entity": "node", "signals": {"a": signal(cadence="1h")}, "match": {"all": ["a"]}})
    assert mine.cadence("M.a") == timedelta(hours=1)
    for minutes, due in ((30, False), (60, True), (-5, True)):
        assert bool(mine.plans([Area.GPU], at=AT, last_run={"M.a": AT - timedelta(minutes=minutes)})) is due


def test_severity_queue_and_actions_follow_the_signals_that_fired() -> None:
    more = {
        "raise_severity": [{"when_signal": "b", "to": "S1"}],
        "routes": [{"when_signal": "b", "queue": "USER", "actions": [{"name": "NOTIFY"}]}],
    }
    mine = book({"id": "M", "entity": "node", "signals": TWO, "match": {"any": ["a", "b"]}, **more})

    class Seen:
        def __init__(self, fired: dict[str, Evidence]) -> None:
            self.findings = tuple(mine.match([Area.GPU], {f"M.{k}": v for k, v in fired.items()}, topology(), AT))

    plain, raised = Seen({"a": evidence(row("n1"))}), Seen({"b": evidence(row("n1"))})
    told = [
        (mine["M"].severity_for(s), mine["M"].queue_for(s), [a.name for a in mine["M"].actions_for(s)]) for s in (plain, raised)
    ]
    assert told == [("S3", "GPU-HW", ["DIAG", "DRAIN"]), ("S1", "USER", ["NOTIFY"])]


def test_a_thousand_hits_match_quickly() -> None:
    fired = {"a": evidence(*(row(f"x{i}") for i in range(1000))), "b": evidence()}
    mine = book({"id": "M", "entity": "node", "signals": TWO, "match": {"any": ["a", "b"]}})
    began_s = time.process_time()
    assert len(mine.match([Area.GPU], {f"M.{k}": v for k, v in fired.items()}, Topology(), AT)) == 1000
    assert time.process_time() - began_s < 5
