"""Reading a trace: what is accepted, and one clear line for what is not."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from llo11ypop.core.errors import ConfigError
from llo11ypop.simulator.trace_format import load_trace
from tests.shared_data import shared_file


def event(node: str = "n1", at: Any = 1.0, what: str = "fault_start", desc: str = "GPU Lost", **more: Any) -> dict[str, Any]:
    return {
        "node_id": node,
        "event_time": at,
        "event_type": what,
        "fault_type": {"Level": "Hardware Failure", "Class": "GPU", "Desc": desc},
        **more,
    }


def written(path: Path, content: Any) -> Path:
    file = path / "trace.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return file


def test_a_start_and_an_end_are_a_fault(tmp_path: Path) -> None:
    trace = load_trace(written(tmp_path, [event(), event(at=2.5, what="fault_end")]))
    (fault,) = trace.faults
    assert (fault.node_id, fault.start_day, fault.end_day, fault.kind.desc) == ("n1", 1.0, 2.5, "GPU Lost")
    assert trace.end_day == 2.5


def test_a_fault_without_an_end_is_still_open(tmp_path: Path) -> None:
    trace = load_trace(written(tmp_path, [event(at=1), event("n2", 3)]))
    assert trace.faults[0].end_day is None
    assert trace.faults[0].lasts_s(trace.end_day) == 2 * 86400


def test_events_may_be_in_any_order(tmp_path: Path) -> None:
    trace = load_trace(written(tmp_path, [event(at=2.5, what="fault_end"), event(at=1)]))
    assert trace.faults[0].end_day == 2.5


def test_a_fault_may_start_and_end_at_one_instant(tmp_path: Path) -> None:
    trace = load_trace(written(tmp_path, [event(at=1, what="fault_end"), event(at=1)]))
    assert trace.faults[0].lasts_s(trace.end_day) == 0


def test_an_end_closes_the_same_kind_of_the_same_node_only(tmp_path: Path) -> None:
    events = [event(at=1), event(at=1, desc="Fan"), event("n2", 1), event(at=2, what="fault_end", desc="Fan")]
    closed = [f for f in load_trace(written(tmp_path, events)).faults if f.end_day is not None]
    assert [(f.node_id, f.kind.desc) for f in closed] == [("n1", "Fan")]


def test_the_oldest_open_fault_ends_first(tmp_path: Path) -> None:
    trace = load_trace(written(tmp_path, [event(at=1), event(at=2), event(at=3, what="fault_end")]))
    assert [f.end_day for f in trace.faults] == [3, None]


def test_times_may_be_instants(tmp_path: Path) -> None:
    trace = load_trace(written(tmp_path, [event(at="2024-03-31T12:00:00Z")]), datetime(2024, 3, 30, tzinfo=UTC))
    assert trace.faults[0].start_day == 1.5


def test_events_may_stand_in_an_object(tmp_path: Path) -> None:
    assert len(load_trace(written(tmp_path, {"events": [event()]})).faults) == 1


def test_an_empty_trace_has_no_faults(tmp_path: Path) -> None:
    trace = load_trace(written(tmp_path, []))
    assert (trace.faults, trace.end_day) == ((), 0.0)


def test_csv_with_dotted_columns(tmp_path: Path) -> None:
    file = tmp_path / "trace.csv"
    head = "node_id,event_time,event_type,fault_type.Level,fault_type.Class,fault_type.Desc"
    file.write_text(f"{head}\nn1,1.0,fault_start,Hardware,Fan,Speed\nn1,2.0,fault_end,Hardware,Fan,Speed\n")
    assert [f.end_day for f in load_trace(file).faults] == [2.0]


def test_unknown_kinds_are_read(tmp_path: Path) -> None:
    assert load_trace(written(tmp_path, [event(desc="never heard of")])).faults[0].kind.desc == "never heard of"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[{", "trace.json:1:3: not valid JSON"),
        ('[\n{"a": 1},\n}', "trace.json:3:1: not valid JSON"),
        ("3", "expected a list of events, found int"),
        ([3], "trace.json:event 1: expected an object, found int"),
        ([event(), {"node_id": "n"}], "trace.json:event 2: 'event_time' is missing"),
        ([event(node="")], "event 1: 'node_id' is missing"),
        ([event(fault_type="GPU")], "'fault_type' is not an object"),
        ([event(fault_type={"x": 1})], "names no Level, Class or Desc"),
        ([event(what="fault_begin")], "event_type 'fault_begin' is neither fault_start nor fault_end"),
        ([event(at="soon")], "event_time 'soon' is neither days nor an ISO 8601 instant"),
        ([event(at=True)], "event_time 'True'"),
        ([event(at=1e300)], "event_time '1e+300'"),
        ([event(what="fault_end")], "event 1: 'GPU: GPU Lost' of node n1 ends without having started"),
    ],
)
def test_a_broken_trace_is_one_line_with_its_position(tmp_path: Path, content: Any, says: str) -> None:
    with pytest.raises(ConfigError) as bad:
        load_trace(written(tmp_path, content))
    assert says in bad.value.line()
    assert "\n" not in bad.value.line()
    assert bad.value.exit_code == 2


def test_a_broken_csv_names_its_line(tmp_path: Path) -> None:
    file = tmp_path / "trace.csv"
    file.write_text("node_id,event_time,event_type,fault_type.Level,fault_type.Class,fault_type.Desc\nn1,1,fault_start,,,\n")
    with pytest.raises(ConfigError, match=r"trace.csv:2: .*names no Level"):
        load_trace(file)


def test_a_trace_cut_off_at_its_beginning_is_accepted_when_asked(tmp_path: Path) -> None:
    assert load_trace(written(tmp_path, [event(what="fault_end")]), partial=True).faults == ()


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_trace(tmp_path / "no.json")


def test_a_file_that_is_not_text_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "trace.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_trace(tmp_path / "trace.json")


def test_the_real_trace_pairs_completely() -> None:
    trace = load_trace(shared_file("infinitehbd", "fault_trace.json"))
    assert len(trace.faults) > 300
    assert all(f.end_day is None or f.end_day >= f.start_day for f in trace.faults)
