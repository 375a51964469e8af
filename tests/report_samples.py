"""Facts and letters for tests of reports."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from llo11ypop.agents.reporter.facts import (
    Blind,
    Considered,
    Decision,
    Facts,
    FoundBy,
    Goals,
    GoalState,
    Hit,
    Incident,
    Kind,
    Looked,
    LostJob,
    Outage,
    Period,
    PlannedWork,
    Repeater,
    ShortPart,
    Waiting,
    Watch,
)
from llo11ypop.report.delivery import Letter

START = datetime(2026, 5, 14, 20, tzinfo=UTC)
END = datetime(2026, 5, 15, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


def period(**changed: Any) -> Period:
    return replace(Period(Kind.NIGHT, START, END, END, "night of 2026-05-14"), **changed)


def incident(**changed: Any) -> Incident:
    plain = Incident(
        id="p-1",
        cause="F16",
        title="Fan failure",
        entity="node:gpu-a-003",
        others=(),
        nodes=("gpu-a-003",),
        cluster="c-a",
        site="iad1",
        region="us-east",
        since=START + HOUR,
        first_seen=START + HOUR,
        last_seen=START + 3 * HOUR,
        before=False,
        over=True,
        severity="S3",
        queue="GPU-HW",
        confidence=0.85,
        why=("fan2 of gpu-a-003 reads 0 rpm, its critical limit is 2500",),
        considered=(Considered("unknown", 0.08, "no further evidence"), Considered("planned work", 0.01, "no window")),
        symptoms=0,
        decision=Decision("p-1", "TECH", "approved", "ada", START + 2 * HOUR),
        evidence=("e-1",),
    )
    return replace(plain, **changed)


def lost_job(**changed: Any) -> LostJob:
    plain = LostJob(
        1200001, "c-a", "acct-a", "u1001", "NODE_FAIL", "", 8, START + HOUR, 12.5, since_checkpoint=False, incident="p-1"
    )
    return replace(plain, **changed)


def outage(**changed: Any) -> Outage:
    plain = Outage("gpu-a-003", "c-a", "iad1", "us-east", 24.0, began_before=False, incident="p-1")
    return replace(plain, **changed)


def hit(**changed: Any) -> Hit:
    curve = tuple((START + n * HOUR, n % 3, 1.0) for n in range(12))
    plain = Hit(
        jobs=(lost_job(),),
        outages=(outage(),),
        ended=140,
        failed=12,
        baseline_failed=9.0,
        baseline_days=7,
        by_hour=curve,
        bucket_s=3600.0,
        price_per_gpu_hour=None,
        currency="USD",
        evidence=("e-2",),
    )
    return replace(plain, **changed)


def goal_state(**changed: Any) -> GoalState:
    plain = GoalState("availability", "GPU availability", "", 97.7, 99.1, 99.0, "%", True, True, 604800.0, "…", ("e-3",))
    return replace(plain, **changed)


def facts(**changed: Any) -> Facts:
    looked = Looked(
        FoundBy.LEDGER, 144, 144, 300.0, 42, 43, 43, 2, 12, 96, places=(("c-a", "iad1", "us-east"),), evidence=("e-4",)
    )
    watch = Watch((), (), 0.1, (), (), ("e-5",))
    plain = Facts(
        period=period(),
        looked=looked,
        incidents=(incident(),),
        planned=(),
        hit=hit(),
        goals=Goals(25, 24, (goal_state(),), (), ("e-3",)),
        watch=watch,
        blind=Blind((), (), (), (), ("e-6",)),
    )
    return replace(plain, **changed)


def quiet(**changed: Any) -> Facts:
    nothing = hit(jobs=(), outages=(), failed=0)
    return facts(incidents=(), hit=nothing, goals=Goals(25, 25, (), (), ("e-3",)), **changed)


def busy() -> Facts:
    """Something in every section."""
    work = PlannedWork("CHG-1", "upgrade", ("rack:c-a-r01",), "c-a", START, START + 4 * HOUR, 2)
    watch = Watch(
        waiting=(Waiting("p-2", "Power dip: rack c-b-r03", "S1", "pending", "FAC", 9.5, END + HOUR, "It gets worse."),),
        repeaters=(Repeater("gpu-b-010", "c-b", 5, 0.42),),
        base_rate=0.11,
        planned=(work,),
        parts=(ShortPart("900-21010", "gpu", "NVIDIA", 1, 0, 62.0, 9, 7.0, True),),
        evidence=("e-5",),
        held_back=("F16 on node:gpu-a-009",),
    )
    second = incident(
        id="p-2", cause="UNKNOWN", title="Node unreachable", entity="node:gpu-b-010", nodes=("gpu-b-010",), cluster="c-b",
        severity="S1", over=False, last_seen=END, confidence=0.31, why=(), decision=Decision("p-2", "DRAIN", "pending"),
        symptoms=4, before=True, since=START - HOUR, evidence=("e-7",),
    )  # fmt: skip
    run = lost_job(job_id=1200002, run_id="r-118", account="acct-b", gpus=64, lost_h=101.25, since_checkpoint=True, incident="")
    return facts(
        incidents=(incident(), second),
        planned=(work,),
        hit=hit(jobs=(run, lost_job()), outages=(outage(), outage(node="gpu-b-010", cluster="c-b", incident="", lost_h=80.0))),
        watch=watch,
        blind=Blind(("syslog",), ("gpu_metrics.power_w",), (("net_probe", START),), (("c-b", "gpu-b-010"),), ("e-6",), ("x",)),
        goals=Goals(
            25, 23, (goal_state(), goal_state(slice="cluster=c-b", value=95.1, before=None)), (("Goodput", "no runs"),), ("e-3",)
        ),
    )


def letter(**changed: Any) -> Letter:
    plain = Letter(
        id="5b9789e1-66e8-e751-de1c-9222dcd35f04",
        kind="night",
        title="Morning report: night of 2026-05-14",
        start=START,
        end=END,
        made_at=END,
        headline="Two incidents.",
        markdown="# Morning report\n\n- Two incidents – all over.\n",
        html="<!doctype html><p>Two incidents – all over.</p>",
        json='{"id": "5b9789e1"}',
    )
    return replace(plain, **changed)
