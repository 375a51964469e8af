"""Clocks, identifiers, entities, errors and the topology."""

from datetime import UTC, datetime, timedelta

import pytest

from llo11ypop.core.clock import AcceleratedClock, ManualClock, SystemClock, parse_instant
from llo11ypop.core.entity import Entity
from llo11ypop.core.errors import ConfigError, StoreError, UnknownNameError, is_transient
from llo11ypop.core.fleet import Topology
from llo11ypop.core.ids import content_hash, derived_id, new_id
from llo11ypop.core.vocabulary import Level, Severity

T0 = datetime(2026, 5, 1, tzinfo=UTC)


def test_the_system_clock_is_aware() -> None:
    assert SystemClock().now().tzinfo is UTC


def test_an_accelerated_clock_runs_by_its_factor() -> None:
    base = ManualClock(T0)
    clock = AcceleratedClock(origin=T0 - timedelta(days=1), factor=60, base=base)
    base.advance(timedelta(minutes=1))
    assert clock.now() == T0 - timedelta(days=1) + timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "hour"),
    [("2026-05-01T12:00:00Z", 12), ("2026-05-01T12:00:00", 12), ("2026-05-01T12:00:00+02:00", 10)],
)
def test_instants_become_utc(text: str, hour: int) -> None:
    assert parse_instant(text) == T0.replace(hour=hour)


def test_derived_ids_depend_on_their_parts_only() -> None:
    assert derived_id("a", 1) == derived_id("a", 1)
    assert derived_id("a", 1) != derived_id("a", 2)
    assert new_id() != new_id()


def test_a_hash_ignores_the_order_of_keys() -> None:
    assert content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})
    assert content_hash([1, 2]) != content_hash([2, 1])


@pytest.mark.parametrize("text", ["node:gpu-a-001", "port:gpu-a-001/mlx5_3", "mount:c-a//scratch", "gpu:GPU-1:2"])
def test_entities_read_back(text: str) -> None:
    assert str(Entity.parse(text)) == text


@pytest.mark.parametrize("text", ["gpu-a-001", "node:", "planet:earth"])
def test_what_is_no_entity_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Entity.parse(text)


def test_severities_sort_from_urgent_to_calm() -> None:
    assert min(Severity.S3, Severity.S1, Severity.S4) is Severity.S1


def test_unknown_names_offer_the_nearest() -> None:
    error = UnknownNameError("field", "gpu_tmp_c", ["gpu_temp_c", "power_w"], where="gpu_metrics")
    assert error.line() == "gpu_metrics: no field named 'gpu_tmp_c' — did you mean gpu_temp_c?"


def test_an_error_is_one_line() -> None:
    assert ConfigError("a\n  b", next_step="do c").line() == "a b — do c"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (StoreError("x", transient=True), True),
        (StoreError("x"), False),
        (ConfigError("x"), False),
        (TimeoutError(), True),
        (ConnectionResetError(), True),
        (ValueError(), False),
    ],
)
def test_only_what_may_pass_is_transient(error: Exception, expected: bool) -> None:
    assert is_transient(error) is expected


def _fleet() -> Topology:
    gpu, node, rack, switch, port = (
        Entity(level, level.value) for level in (Level.GPU, Level.NODE, Level.RACK, Level.SWITCH, Level.PORT)
    )
    return Topology.of([(gpu, node), (node, rack), (node, switch), (port, node), (port, switch)])


def test_containment_goes_through_every_parent() -> None:
    fleet = _fleet()
    gpu, rack, switch = Entity(Level.GPU, "gpu"), Entity(Level.RACK, "rack"), Entity(Level.SWITCH, "switch")
    assert fleet.contains(rack, gpu)
    assert fleet.contains(switch, gpu)
    assert not fleet.contains(gpu, rack)
    assert fleet.at_level(gpu, Level.RACK) == (rack,)
    assert fleet.count(rack, Level.GPU) == 1


def test_what_the_inventory_does_not_list_lies_in_itself_only() -> None:
    stranger = Entity(Level.NODE, "stranger")
    assert _fleet().ancestors(stranger) == {stranger}
    assert stranger not in _fleet()
