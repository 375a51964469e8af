"""Every mistake in a playbook or goal file is one line that says where it stands and what would be right."""

import re
import shutil
from pathlib import Path

import pytest

from llo11ypop.core.errors import ConfigError
from llo11ypop.playbooks import load_goals, load_playbooks
from tests.conformance.store_tables import catalog
from tests.unit.playbooks.playbook_fleet import CONFIG

GOOD = """\
id: T1
title: A test mode
area: gpu
entity: gpu
severity: S3
queue: GPU-HW
source: test
signals:
  seen:
    dataset: gpu_events
    window: 6h
    where: "kind = 'xid' and code in ${xid.off_bus}"
    by: [node_id, gpu_uuid]
    measures: {since: {agg: min, field: ts}, lines: {agg: count}}
    entity: {gpu: gpu_uuid}
    related: {node: node_id}
    onset: since
    text: "{lines} lines since {since}"
    weight: 0.8
match:
  all: [seen]
competing: []
actions:
  - {name: DRAIN, arguments: {node: $node}, prior: 0.8}
forbidden: [RMA]
if_nothing_done: It stays.
success: {signal_gone_for: 2h, goal: xid_rate}
goal: xid_rate
"""

BENIGN = GOOD.replace("id: T1", "id: T2\nkind: benign")


def folder(tmp_path: Path, *texts: str) -> Path:
    for number, text in enumerate(texts):
        (tmp_path / f"t{number}.yaml").write_text(text)
    return tmp_path


def load(tmp_path: Path, *texts: str) -> object:
    return load_playbooks(CONFIG, catalog(), folder(tmp_path, *texts))


def test_the_sample_is_good(tmp_path: Path) -> None:
    book = load_playbooks(CONFIG, catalog(), folder(tmp_path, GOOD, BENIGN))
    assert list(book) == ["T1", "T2"]
    assert book["T2"].benign and not book["T1"].benign


UNUSED = """\
  unused:
    dataset: gpu_events
    window: 1h
    measures: {n: {agg: count}}
    entity: {gpu: n}
    text: x
match:"""

MISTAKES = [
    ("dataset: gpu_events", "dataset: gpu_event", "t0.yaml:9: .*no dataset named 'gpu_event' — did you mean gpu_events"),
    ("by: [node_id, gpu_uuid]", "by: [node, gpu_uuid]", "t0.yaml:9: .*no field or dimension named 'node'"),
    ("field: ts}", "field: tss}", "t0.yaml:9: .*no field or dimension named 'tss'"),
    ("code in ${xid.off_bus}", "code in ${xid.of_bus}", "t0.yaml:12: no xid class named 'of_bus' — did you mean off_bus"),
    ("code in ${xid.off_bus}", "coed = 79", "t0.yaml:9: .*'coed'"),
    ("code in ${xid.off_bus}", "code = ", "t0.yaml:12: signals.seen.where: cannot read the expression"),
    ("code in ${xid.off_bus}", "code = 'x'", "t0.yaml:9: .*cannot compare"),
    ("code in ${xid.off_bus}", "sleep(9)", "t0.yaml:12: .*function 'sleep' is not allowed"),
    ("window: 6h", "window: 6 hours", "t0.yaml:11: .*not a duration"),
    ("    window: 6h\n", "", "t0.yaml:9: .*needs a 'window'"),
    ("agg: min", "agg: minimum", "t0.yaml:14: "),
    ("entity: {gpu: gpu_uuid}", "entity: {gpus: gpu_uuid}", "t0.yaml:15: no level named 'gpus' — did you mean gpu"),
    ("entity: {gpu: gpu_uuid}", "entity: {gpu: uuid}", "t0.yaml:15: no column named 'uuid' — did you mean gpu_uuid"),
    ("entity: {gpu: gpu_uuid}", "entity: {gpu: '{uuid}/x'}", "t0.yaml:15: no column named 'uuid'"),
    ("entity: {gpu: gpu_uuid}", "entity: {}", "t0.yaml:15: 'entity' names no level"),
    ("related: {node: node_id}", "related: {node: nodes}", "t0.yaml:16: no column named 'nodes'"),
    ("onset: since", "onset: sinc", "t0.yaml:17: no column named 'sinc' — did you mean since"),
    ("onset: since", "onset: lines", "t0.yaml:17: 'onset' needs an instant"),
    ("{lines} lines", "{line} lines", "t0.yaml:18: no column named 'line' — did you mean lines"),
    ("{lines} lines", "{lines lines", "t0.yaml:18: text template"),
    ("{lines} lines", "{lines.x} lines", "t0.yaml:18: text template: .*not a column name"),
    ("weight: 0.8", "weight: 1.8", "t0.yaml:19: signals.seen.weight"),
    ("weight: 0.8", "wieght: 0.8", "t0.yaml:19: signals.seen.wieght: Extra inputs"),
    ("all: [seen]", "all: [sen]", "t0.yaml:21: no signal named 'sen' — did you mean seen"),
    ("all: [seen]", "all: [seen, common.node_dwon]", "t0.yaml:21: no signal named 'common.node_dwon'"),
    ("all: [seen]", "supporting: [seen]", "t0.yaml:20: match: 'match' needs at least one signal"),
    ("all: [seen]", "any: [seen]\n  at_least: 2", "t0.yaml:20: match: 'at_least' is 2 but 'any' lists 1"),
    ("all: [seen]", "all: [seen]\n  some: [seen]", "t0.yaml:22: match.some"),
    ("competing: []", "competing: [F99]", "t0.yaml:22: no playbook named 'F99'"),
    ("competing: []", "explains: [{modes: [T9], within: node}]", "t0.yaml:22: no playbook named 'T9' — did you mean T1"),
    ("competing: []", "explained_by: [{modes: [T9], within: node}]", "t0.yaml:22: no playbook named 'T9'"),
    ("competing: []", "explains: [{modes: [T1], within: house}]", "t0.yaml:22: explains.0.within"),
    ("competing: []", "explains: [{modes: [T1], within: node}]", "t0.yaml:22: modes explain each other in a ring: T1 → T1"),
    ("competing: []", "merge: [{into: rack, min_count: 1, within: 5m}]", "t0.yaml:22: merge.0.min_count"),
    ("competing: []", "merge: [{into: rack, within: 5m, mode: T7}]", "t0.yaml:22: no playbook named 'T7'"),
    ("competing: []", "raise_severity: [{when_signal: sen, to: S1}]", "t0.yaml:22: no signal named 'sen'"),
    ("competing: []", "routes: [{when_signal: sen, queue: USER}]", "t0.yaml:22: no signal named 'sen'"),
    ("name: DRAIN", "name: DRAN", "t0.yaml:24: actions.0.name"),
    ("$node}, prior", "$noed}, prior", r"t0.yaml:24: no argument source named '\$noed' — did you mean .*\$node"),
    ("forbidden: [RMA]", "forbidden: [DRAIN]", "DRAIN: an action cannot be both offered and forbidden"),
    ("forbidden: [RMA]", "forbidden: [SMASH]", "t0.yaml:25: forbidden.0"),
    ("if_nothing_done: It stays.\n", "", "a fault needs if_nothing_done"),
    ("goal: xid_rate}", "goal: xid_rat}", "t0.yaml:27: no goal named 'xid_rat' — did you mean xid_rate"),
    ("\ngoal: xid_rate", "\ngoal: xids", "t0.yaml:28: no goal named 'xids'"),
    ("severity: S3", "severity: S9", "t0.yaml:5: severity"),
    ("queue: GPU-HW", "queue: HW", "t0.yaml:6: queue"),
    ("area: gpu", "area: gpus", "t0.yaml:3: area"),
    ("entity: gpu\n", "entity: rack\n", "t0.yaml:20: no required signal fires on a rack"),
    ("id: T1", "id: t1", "t0.yaml:1: id"),
    ("title: A", "title: A\ntitle: A", "t0.yaml:3: 'title' is given twice"),
    ("  all: [seen]", "  all: [seen", "t0.yaml:2[0-9]: "),
    (
        "match:",
        UNUSED,
        "t0.yaml:20: signal 'unused' is in no rule",
    ),
]


@pytest.mark.parametrize(
    ("right", "wrong", "message"), MISTAKES, ids=[" ".join((m[1] or f"without {m[0]}").split())[:50] for m in MISTAKES]
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, right: str, wrong: str, message: str) -> None:
    assert right in GOOD
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, GOOD.replace(right, wrong, 1))
    assert re.search(message, caught.value.line()), caught.value.line()


def test_an_id_is_used_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"t1.yaml:1: playbook 'T1' is already in .*t0.yaml"):
        load(tmp_path, GOOD, GOOD)


def test_two_modes_must_not_explain_each_other(tmp_path: Path) -> None:
    one = GOOD.replace("competing: []", "explains: [{modes: [T3], within: node}]")
    other = GOOD.replace("id: T1", "id: T3").replace("competing: []", "explains: [{modes: [T1], within: node}]")
    with pytest.raises(ConfigError, match="ring: T1 → T3 → T1"):
        load(tmp_path, one, other)


def test_an_inverse_rule_makes_a_ring_too(tmp_path: Path) -> None:
    one = GOOD.replace("competing: []", "explains: [{modes: [T3], within: node}]")
    other = GOOD.replace("id: T1", "id: T3").replace("competing: []", "explained_by: [{modes: [T1], within: node}]")
    assert len(load(tmp_path, one, other)) == 2  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="ring"):
        load(tmp_path, one.replace("explains", "explained_by"), other)


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert "adding-a-playbook" in caught.value.line()


def test_a_benign_playbook_needs_no_action(tmp_path: Path) -> None:
    text = re.sub(r"actions:.*", "", BENIGN, flags=re.S)
    assert load_playbooks(CONFIG, catalog(), folder(tmp_path, text))["T2"].actions == ()


GOALS = """\
goals:
  failed:
    title: Failed jobs
    definition: all of them
    value: n
    direction: down
    target: null
    unit: "1"
    window: 1d
    owner: me
    areas: [slurm]
    slices: [cluster]
    source: test
    plan:
      result: {dataset: slurm_jobs, window: $window, by: [$slice], measures: {n: {agg: count}}}
"""

GOAL_MISTAKES = [
    ("dataset: slurm_jobs", "dataset: slurm_job", "goals.yaml:2: .*no dataset named 'slurm_job'"),
    ("value: n", "value: m", "goals.yaml:5: 'm' is not a number in the plan's result"),
    ("value: n", "value: n\n    colour: red", "goals.yaml:6: goals.failed.colour"),
    ("direction: down", "direction: sideways", "goals.yaml:6: "),
    ("slices: [cluster]", "slices: [clusters]", "goals.yaml:12: .*no field or dimension named 'clusters'"),
    (", by: [$slice]", "", r"goals.yaml:12: the plan has no '\$slice'"),
    ("areas: [slurm]", "areas: []", "goals.yaml:11: "),
    ("window: 1d", "window: soon", "goals.yaml:9: .*not a duration"),
    ("{n: {agg: count}}", "{n: {agg: sum}}", "goals.yaml:15: .*'sum' needs a field"),
]


def goals_folder(tmp_path: Path, text: str) -> Path:
    shutil.copy(CONFIG / "xid.yaml", tmp_path / "xid.yaml")
    (tmp_path / "goals.yaml").write_text(text)
    return tmp_path


@pytest.mark.parametrize(("right", "wrong", "message"), GOAL_MISTAKES, ids=[m[1][:40] or m[0] for m in GOAL_MISTAKES])
def test_a_mistake_in_a_goal(tmp_path: Path, right: str, wrong: str, message: str) -> None:
    assert right in GOALS
    with pytest.raises(ConfigError) as caught:
        load_goals(goals_folder(tmp_path, GOALS.replace(right, wrong, 1)), catalog())
    assert re.search(message, caught.value.line()), caught.value.line()


def test_a_goal_without_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="goals are missing"):
        load_goals(tmp_path, catalog())
