from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llo11ypop.core.errors import ConfigError
from llo11ypop.simulator.incidents.levels import WRITTEN, levels_of
from llo11ypop.simulator.incidents.schedule import populate
from llo11ypop.simulator.scenario import MODES, parse_scenario, read_scenario
from tests.unit.simulator.incident_worlds import small_world

START = datetime(2026, 5, 1, tzinfo=UTC)
EXAMPLES = sorted((Path(__file__).parents[3] / "config" / "scenarios").glob("*.yaml"))


def test_a_line_becomes_seconds() -> None:
    (item,) = parse_scenario(
        '- {mode: F16, entity: "node:gpu-a-003", start: "+36h", duration: 6h, strength: 0.7}', "s.yaml", START
    )
    assert (item.mode, item.entity) == ("F16", "node:gpu-a-003")
    assert (item.start_s, item.duration_s, item.strength, item.where) == (36 * 3600, 6 * 3600, 0.7, "s.yaml:1")


def test_an_instant_counts_from_the_fleets_start() -> None:
    (item,) = parse_scenario('- {mode: C1, start: "2026-05-02T01:00:00Z"}', "s.yaml", START)
    assert (item.start_s, item.entity, item.duration_s) == (25 * 3600, "", 0.0)


def test_an_empty_file_is_an_empty_scenario() -> None:
    assert parse_scenario("# nothing\n", "s.yaml", START) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('- {mode: F1, start: "+1h"}\n- {mode: F99, start: "+2h"}', r"s\.yaml:2: mode: no mode named 'F99'"),
        ("- mode: F1\n  start: tomorrow", r"s\.yaml:2: start: 'tomorrow' is neither"),
        ("- mode: F1\n  start: +1h\n  strength: 3", r"s\.yaml:3: strength"),
        ("- mode: F1\n  start: +1h\n  duration: long", r"s\.yaml:3: duration: 'long' is not a duration"),
        ("- mode: F1\n  start: +1h\n  entity: gpu-a-001", r"s\.yaml:3: entity: 'gpu-a-001' is not an entity"),
        ("- mode: F1\n  start: +1h\n  colour: red", r"s\.yaml:3: colour"),
        ("- mode: F1\n  start: 2020-01-01", r"s\.yaml:2: start: .* before the fleet begins|s\.yaml:2: start"),
        ("mode: F1", r"s\.yaml:1: expected a list"),
    ],
)
def test_a_mistake_is_reported_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_scenario(text, "s.yaml", START)


@pytest.mark.parametrize("mode", sorted(MODES))
def test_an_entity_of_a_level_that_the_mode_does_not_strike_is_refused_with_its_line(mode: str) -> None:
    right = levels_of(mode)
    for level in set(WRITTEN) - set(right):
        text = f'- {{mode: F16, start: "+1h"}}\n- mode: {mode}\n  start: "+1h"\n  entity: "{WRITTEN[level]}"'
        with pytest.raises(ConfigError) as caught:
            parse_scenario(text, "s.yaml", START)
        line = caught.value.line()
        assert line.startswith(f"s.yaml:4: entity: mode {mode} strikes a {right[0]}")
        assert f"not a {level}; name one" in line
        assert all(WRITTEN[name] in line for name in right)


@pytest.mark.parametrize("mode", sorted(MODES))
def test_an_entity_of_a_level_that_the_mode_strikes_is_taken(mode: str) -> None:
    for level in levels_of(mode):
        (item,) = parse_scenario(f'- {{mode: {mode}, entity: "{WRITTEN[level]}", start: "+1h"}}', "s.yaml", START)
        assert item.entity == WRITTEN[level]


def test_every_level_has_an_example_to_write() -> None:
    assert set(WRITTEN) >= {level for mode in MODES for level in levels_of(mode)}


@pytest.mark.parametrize(
    ("mode", "entity"),
    [
        ("F14", "row:c-a-row1"), ("F16", "rack:c-a-r01"), ("F17", "rack:c-a-r01"), ("F23", "switch:c-a-leaf01"),
        ("F38", "cluster:c-a"), ("D1", "node:gpu-a-001"), ("D1", "row:c-a-row1"), ("D1", "cluster:c-a"),
    ],
)  # fmt: skip
def test_what_strikes_more_than_one_level_plays_on_each(tmp_path: Path, mode: str, entity: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(f'- {{mode: {mode}, entity: "{entity}", start: "+30h", duration: "4h"}}\n')
    (truth,) = populate(small_world(days=2, scenario=path))
    assert (truth.mode, truth.start_at) == (mode, START + timedelta(hours=30))
    assert truth.first_observable


def test_a_gpu_may_be_named_by_its_node_and_slot(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text('- {mode: F13, entity: "gpu:gpu-a-002/5", start: "+30h", duration: "6h", strength: 0.9}\n')
    world = small_world(days=2, scenario=path)
    (truth,) = populate(world)
    assert (truth.entity_level, truth.entity_id) == ("gpu", world.shape.node("gpu-a-002").gpus[5])
    assert "gpu_metrics" in " ".join(truth.first_observable)


@pytest.mark.parametrize("entity", ["gpu:gpu-a-002/8", "gpu:gpu-z-001/0", "gpu:gpu-a-002/x", "gpu:GPU-none"])
def test_a_gpu_the_fleet_lacks_is_named_with_its_line(tmp_path: Path, entity: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(f'- {{mode: F13, entity: "{entity}", start: "+30h"}}\n')
    with pytest.raises(ConfigError, match=rf"s\.yaml:1: this fleet has no gpu '{entity[4:]}'"):
        populate(small_world(days=2, events_only=True, scenario=path))


def test_every_mode_may_be_asked_for() -> None:
    assert len(MODES) == 38 + 18 + 10


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_the_examples_play_on_a_small_fleet(path: Path) -> None:
    world = small_world(days=4, scenario=path)
    planned = read_scenario(path, world.start_at)
    truths = populate(world)
    assert {t.cascade or t.mode for t in truths} >= {p.mode for p in planned if not p.mode.startswith("F3")}
    assert len([t for t in truths if not t.parent_id]) >= len(planned)


def test_there_are_three_examples() -> None:
    assert len(EXAMPLES) == 3


def test_an_entity_the_fleet_lacks_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text('- {mode: F16, entity: "node:gpu-z-001", start: "+30h"}\n')
    with pytest.raises(ConfigError, match=r"s\.yaml:1: .*gpu-z-001"):
        populate(small_world(scenario=path))
