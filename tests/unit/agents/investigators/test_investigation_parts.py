"""The parts of investigations that need no fleet."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from llo11ypop.agents.investigators.did_it_help import asked_kinds, at_equal_load, sides
from llo11ypop.agents.investigators.inquiry import any_of, expression, literal, without_none
from llo11ypop.agents.investigators.lemon import is_lemon, uneven_tail
from llo11ypop.agents.investigators.losses import Losses, Lost, nodes_of
from llo11ypop.agents.investigators.one_or_many import Alert, common_place, grouped
from llo11ypop.agents.investigators.one_or_many import asked_kinds as kinds_of
from llo11ypop.agents.investigators.outage_cost import is_infra
from llo11ypop.agents.investigators.planned import Calendar, Work
from llo11ypop.agents.investigators.tables import count_of, dimension, figure, listed, measure, said, table
from llo11ypop.agents.investigators.tied_to import Rates, compare, verdict_of
from llo11ypop.analysis.counts import rate_ratio
from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.vocabulary import Level
from llo11ypop.core.window import Window
from llo11ypop.language.scope import Condition
from llo11ypop.query.expr import parse_expr

AT = datetime(2026, 5, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def place(level, name):
    return Entity(level, name)


def topology():
    edges = [(place(Level.GPU, "g1"), place(Level.NODE, "n1")), (place(Level.RACK, "r1"), place(Level.ROW, "w1"))]
    edges += [(place(Level.NODE, f"n{i}"), place(Level.RACK, "r1" if i <= 3 else "r2")) for i in range(1, 6)]
    edges += [(place(Level.NODE, f"n{i}"), place(Level.SWITCH, "s1")) for i in range(1, 4)]
    return Topology.of(
        [*edges, (place(Level.ROW, "w1"), place(Level.CLUSTER, "c")), (place(Level.MOUNT, "c//x"), place(Level.CLUSTER, "c"))]
    )


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (Condition("cluster", "in", ("c-a", "c-b")), "cluster in ('c-a', 'c-b')"),
        (Condition("user", "in", ("o'brien",)), "user in ('o''brien')"),
        (Condition("gpu_temp_c", ">", (85.0,)), "gpu_temp_c > 85"),
        (Condition("humidity_pct", "outside", (20.0, 80.0)), "humidity_pct < 20 or humidity_pct > 80"),
        (Condition("reason", "contains", ("Kill",)), "contains(reason, 'Kill')"),
    ],
)
def test_filters_become_expressions_that_can_be_read(condition, text):
    assert expression(condition) == text
    parse_expr(text)


def test_no_name_matches_nothing():
    assert parse_expr(any_of("node_id", []))
    assert any_of("node_id", ["b", "a", "b"]) == "node_id in ('a', 'b')"
    assert literal(3.0) == "3"
    assert without_none({"a": None, "b": {"c": None, "d": 1}}) == {"b": {"d": 1}}


def test_figures_stand_in_rows_as_they_are_said():
    columns = (dimension("what"), measure("n"))
    made = table(columns, [{"what": "x", "n": figure(12345.67)}, {"what": "y"}])
    assert made.to_pylist() == [{"what": "x", "n": 12345.7}, {"what": "y", "n": None}]
    assert said(figure(12345.0)) == "12,345"
    assert figure(float("nan")) is None
    assert count_of(1, "job") == "1 job"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert table(columns, []).column_names == ["what", "n"]


def test_half_days_are_compared_with_the_same_hours():
    before, after = sides(AT - 5 * HOUR, AT - 4 * HOUR, AT)
    assert after == Window(AT - 4 * HOUR, AT)
    assert before.end - before.start == after.end - after.start
    assert (after.start - before.start) % timedelta(days=1) == timedelta(0)
    assert before.end <= AT - 5 * HOUR
    long_before, long_after = sides(AT - timedelta(days=5), AT - timedelta(days=4), AT)
    assert long_after.end - long_after.start == long_before.end - long_before.start == timedelta(days=2)


def test_load_is_learnt_on_the_control_racks_only():
    drive = np.array([100.0, 0.0, 50.0, 100.0, 150.0, 200.0])
    treated = np.array([True, False, False, False, False, False])
    change = 0.02 * drive + np.array([-3.0, 0, 0, 0, 0, 0])
    adjusted = at_equal_load(change, drive, treated)
    assert adjusted[0] - adjusted[1:].mean() == pytest.approx(-3)
    assert asked_kinds("did the cooling work help") == {"cooling"}
    assert asked_kinds("did it help") == frozenset()


def test_alerts_of_a_rack_are_one_problem_and_a_late_one_is_another():
    alerts = [Alert("fan", f"n{i}", "fan1", AT + timedelta(minutes=i)) for i in (1, 2, 3)]
    late = Alert("fan", "n1", "fan2", AT + 2 * HOUR)
    elsewhere = Alert("fan", "n5", "fan1", AT)
    groups = grouped([*alerts, late, elsewhere], topology())
    assert [len(g) for g in groups] == [3, 1, 1]
    assert common_place(["n1", "n3"], topology(), wired=False) == place(Level.RACK, "r1")
    assert common_place(["n1", "n5"], topology(), wired=True) is None
    assert kinds_of("nine fan alerts") == ["fan"]
    assert len(kinds_of("these alerts")) > 3


def test_work_on_every_node_of_a_switch_accounts_for_the_switch():
    work = Work("CHG-1", place(Level.RACK, "r1"), Window(AT, AT + 3 * HOUR), "cooling")
    calendar = Calendar((work,), topology())
    nodes = nodes_of(place(Level.SWITCH, "s1"), topology())
    assert nodes == {"n1", "n2", "n3"}
    assert calendar.covering(nodes, AT + HOUR, AT + 2 * HOUR) == work
    assert calendar.covering({*nodes, "n5"}, AT + HOUR, AT + 2 * HOUR) is None
    assert calendar.covering(frozenset(), AT, AT) is None
    assert calendar.accounting_for(place(Level.NODE, "n1"), AT + HOUR, AT + 9 * HOUR) is None
    assert calendar.on_nodes(["n5", "n2"], AT + HOUR) == work
    assert calendar.on_nodes(["n5"], AT + HOUR) is None


def test_a_place_that_fails_like_the_others_has_what_was_expected():
    jobs = tuple(Lost(i, ("n1",) if i < 4 else ("n5",), "u", "", "FAILED", AT, 1.0) for i in range(6))
    ended = tuple({"node_id": n, "bucket": AT, "jobs": 10.0} for n in ("n1", "n5"))
    lost = Losses(Window(AT - HOUR, AT + HOUR), jobs, ended, ())
    assert len(lost.at(frozenset({"n1"}), AT, AT)) == 4
    assert lost.expected(frozenset({"n1"}), AT, AT + HOUR) == pytest.approx(2.0)
    assert lost.at(frozenset(), AT, AT, user="u") == list(jobs)
    assert lost.at(frozenset({"n1"}), AT + 3 * HOUR, AT + 4 * HOUR) == []
    assert nodes_of(place(Level.MOUNT, "c//x"), topology()) == {"n1", "n2", "n3"}


def test_only_signs_near_the_end_make_a_failure_infrastructures():
    job = Lost(1, ("n1",), "u", "", "FAILED", AT, 1.0)
    assert is_infra(job, {"n1": [AT - timedelta(minutes=8)]})
    assert not is_infra(job, {"n1": [AT - HOUR]})
    assert not is_infra(job, {"n2": [AT]})
    assert is_infra(Lost(1, ("n1",), "u", "", "NODE_FAIL", AT, 1.0), {})
    assert not is_infra(Lost(1, ("n1",), "u", "", "TIMEOUT", AT, 1.0), {"n1": [AT]})


def test_uneven_fleets_allow_more_than_poisson():
    assert uneven_tail(0, 1.0) == 1
    assert 0.05 < uneven_tail(4, 1.0) < 0.1
    assert uneven_tail(12, 0.7) < 0.001
    assert uneven_tail(2, 0.0) < 0.01


def rows_of(*chances):
    return [{"sign": f"s{i}", "node": 5, "chance_pct": c, "beyond": "yes" if c < 1 else "no"} for i, c in enumerate(chances)]


@pytest.mark.parametrize(
    ("chances", "verdict"), [((0.1, 0.5, 40), True), ((0.1, 3, 4), True), ((0.1, 3, 40), False), ((2, 3, 4), False)]
)
def test_a_lemon_needs_more_than_one_kind_of_sign(chances, verdict):
    assert is_lemon(rows_of(*chances)) is verdict


def test_a_long_outage_is_no_further_kind_of_sign():
    rows = rows_of(0.1, 0.1)
    rows[1]["sign"] = "days out of service unplanned"
    assert not is_lemon(rows)


def test_few_events_are_too_little_to_tell():
    assert verdict_of(rate_ratio(0, 100, 1, 1000), 1, 1000, 100) == "too little"
    assert verdict_of(rate_ratio(10, 1000, 9, 1000), 9, 1000, 1000) == "within chance"
    assert verdict_of(rate_ratio(30, 1000, 2, 1000), 2, 1000, 1000) == "more"
    assert verdict_of(None, 0, 0, 0) == "too little"


def test_a_driver_is_compared_within_its_model_and_on_the_same_nodes():
    days = {("550", "H", "n1"): 700.0, ("570", "H", "n1"): 300.0, ("550", "H", "n2"): 1000.0, ("535", "A", "n3"): 1000.0}
    rows = compare(Rates({("570", "H", "n1"): 9.0, ("550", "H", "n2"): 1.0}, days), ["570"], "driver 570")
    assert [r["comparison"] for r in rows] == ["driver 570", "driver 570, H only", "driver 570, the same 1 node with and without"]
    assert all(r["verdict"] == "more" for r in rows)
    assert SimpleNamespace(**rows[0]).events == 9
