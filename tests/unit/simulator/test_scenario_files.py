from datetime import UTC, datetime
from pathlib import Path

import pytest

from llo11ypop.core.errors import ConfigError
from llo11ypop.simulator.incidents.schedule import populate
from llo11ypop.simulator.scenario import MODES, parse_scenario, read_scenario
from tests.unit.simulator.incident_worlds import small_world

START = datetime(2026, 5, 1, tzinfo=UTC)
EXAMPLES = sorted((Path(__file__).parents[3] / "config" / "scenarios").glob("*.yaml"))


def test_a_line_becomes_seconds() -> None:
    (item,) = parse_scenario(
        '- {mode: F16, entity: "node:gpu-a-003", start: "+36h", duration: 6h, strength: 0.7}', "s.yaml", START
    )
    assert (item.mode, item.entity, item.level) == ("F16", "node:gpu-a-003", "node")
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
