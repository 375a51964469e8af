"""A follow-up changes what it says and keeps the rest."""

from llo11ypop.language import Intent, Reading, Scope
from tests.reader_sample import AT, reader


def _thread(*questions: str) -> list[Reading]:
    out: list[Reading] = []
    previous: Scope | None = None
    for question in questions:
        reading = reader().read(question, AT, previous)
        out.append(reading)
        if not (reading.clarify or reading.nothing):
            previous = Scope.from_json(reading.scope.to_json())
            assert previous == reading.scope
    return out


def test_split_keeps_window_and_buckets() -> None:
    _, split = _thread("Show me a chart of job failures", "Split that by user error and hardware.")
    assert split.scope.measures[0].recipe == "failure_class"
    assert split.scope.bucket == "day"
    assert any(d.startswith("kept from before") for d in split.defaults)


def test_another_place_replaces_the_place() -> None:
    _, second, third = _thread("failed jobs by day in c-a", "and for cluster b?", "drop the filter")
    assert second.scope.values("cluster") == ("c-b",)
    assert second.scope.bucket == "day"
    assert third.scope.filters == ()


def test_another_bucket_replaces_the_bucket() -> None:
    assert _thread("failed jobs per day", "by week instead")[1].scope.bucket == "week"


def test_another_period_replaces_the_period() -> None:
    _, second, third = _thread("failed jobs by cluster last week", "and yesterday?", "and the day before?")
    assert second.scope.by == ("cluster",)
    assert second.scope.window is not None and second.scope.window.label == "yesterday"
    assert third.scope.window is not None and third.scope.window.end_at == second.scope.window.start_at


def test_only_adds_a_condition() -> None:
    assert _thread("failed jobs by cluster", "only H100")[1].scope.values("gpu_model") == ("NVIDIA H100 80GB HBM3",)


def test_another_measure_keeps_the_rest() -> None:
    _, second = _thread("failed jobs by cluster last week", "what about queue wait?")
    assert (second.scope.measures[0].field, second.scope.by) == ("queue_wait_s", ("cluster",))


def test_another_condition_of_the_same_thing_replaces_it() -> None:
    assert _thread("how many jobs failed yesterday", "and cancelled?")[1].scope.measures[0].where == "state = 'CANCELLED'"


def test_why_asks_about_what_was_shown() -> None:
    why = _thread("average GPU temperature of c-a by hour, last 24 hours", "why?")[1]
    assert why.intent is Intent.WHY
    assert why.scope.measures[0].field == "gpu_temp_c"
    assert why.scope.values("cluster") == ("c-a",)
    assert why.scope.compare is not None


def test_planned_work_can_be_left_out() -> None:
    plain, without = _thread("failed jobs last week", "exclude the maintenance window")
    assert "maintenance_windows" in {s.dataset for s in without.plan.selects.values()}  # type: ignore[union-attr]
    assert plain.plan != without.plan


def test_an_investigation_can_be_narrowed() -> None:
    first, second = _thread("Did the cooling work on Tuesday help?", "And if you exclude the maintenance window?")
    assert second.intent is first.intent is Intent.DID_IT_HELP
    assert ("planned", "excluded") in second.scope.entities


def test_a_complete_question_starts_afresh() -> None:
    assert _thread("failed jobs by cluster last week", "How many jobs are pending right now?")[1].scope.by == ()


def test_a_place_that_does_not_exist_is_told() -> None:
    assert "no cluster 'zeta'" in (_thread("failed jobs by day", "and for cluster zeta?")[1].nothing or "")


def test_another_aggregate_replaces_the_aggregate() -> None:
    _, median, highest = _thread("p95 queue wait per partition in the last 7 days", "and the median?", "what about the maximum?")
    assert [(q.agg, q.q, q.field) for q in median.scope.measures] == [("percentile", 0.5, "queue_wait_s")]
    assert [(q.agg, q.label) for q in highest.scope.measures] == [("max", "highest queue wait")]
    assert highest.scope.by == ("partition",)
