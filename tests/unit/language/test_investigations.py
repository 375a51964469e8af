"""Questions that no single plan answers get their investigation, with entities and window."""

import pytest

from llo11ypop.language import INVESTIGATIONS, Intent
from tests.reader_sample import AT, reader


@pytest.mark.parametrize(
    ("question", "intent"),
    [
        ("How healthy is the fleet right now?", Intent.HEALTH),
        ("Are we getting better or worse than last month?", Intent.BETTER_OR_WORSE),
        ("What are the top 5 most frequently replaced parts, and which has the greatest supply-chain risk?", Intent.SUPPLY_RISK),
        (
            "Examine every cluster and assign the most relevant technicians to resolve the 5 % at greatest failure risk.",
            Intent.TECHNICIANS,
        ),
        ("Which clusters need maintenance this week?", Intent.MAINTENANCE),
        ("What did last night's outage cost us in GPU-hours?", Intent.OUTAGE_COST),
        ("Where should I put the next 50 spare GPUs?", Intent.SPARES),
        ("One-page weekly report.", Intent.REPORT),
        ("Is the new driver safe to roll out everywhere?", Intent.ROLLOUT),
        ("Why more failures in May?", Intent.WHY),
        ("Five most likely causes of last night's issue", Intent.CAUSES),
        ("Checkpoint duration vs cluster write bandwidth.", Intent.RELATION),
        ("Run r-118 slowed down at 03:10. Hardware or model?", Intent.HARDWARE_OR_MODEL),
        ("Is node gpu-a-002 a lemon?", Intent.LEMON),
        ("These nine fan alerts at 14:05: one problem or nine?", Intent.ONE_OR_MANY),
        ("Why is GPU 3 on gpu-a-001 slower than its siblings?", Intent.SLOWER),
        ("Did the cooling work on Tuesday help?", Intent.DID_IT_HELP),
        ("Loss went to NaN on run r-117: SDC or learning rate?", Intent.NAN_LOSS),
        ("Are XID 119s tied to the 550 driver?", Intent.TIED_TO),
        ("Why are 40 GPUs idle while 200 are pending?", Intent.IDLE_WHILE_PENDING),
        ("Which GPU will die tomorrow?", Intent.AT_RISK),
        ("is run r-118 converging?", Intent.RUN_HEALTH),
    ],
)
def test_an_investigation_is_recognised(question: str, intent: Intent) -> None:
    reading = reader().read(question, AT)
    assert (reading.intent, reading.plan, reading.clarify, reading.nothing) == (intent, None, None, None)
    assert intent in INVESTIGATIONS
    assert reading.scope.window is not None


def test_an_investigation_knows_its_entities_and_instant() -> None:
    scope = reader().read("Run r-118 slowed down at 03:10. Hardware or model?", AT).scope
    assert scope.entity("run") == "r-118"
    assert scope.entity("at") == "2026-05-21T03:10:00Z"


def test_the_gpu_of_a_node_is_an_entity() -> None:
    scope = reader().read("Why is GPU 3 on gpu-a-001 slower than its siblings?", AT).scope
    assert (scope.entity("node"), scope.entity("gpu_index")) == ("gpu-a-001", "3")


def test_an_investigation_is_told_by_what_it_is_about_not_by_measures_it_does_not_look_at() -> None:
    read = reader().read("Is node gpu-a-001 a lemon?", AT)
    assert read.text.startswith("whether it is a lemon: gpu-a-001, last ")
    assert "maintenance windows" not in reader().read("Which clusters need maintenance?", AT).text


def test_a_bare_why_about_a_node_asks_what_happened_there() -> None:
    assert reader().read("why did gpu-a-001 go down last night", AT).intent is Intent.CAUSES
    assert reader().read("why more failed jobs on gpu-a-001 last night", AT).intent is Intent.WHY


@pytest.mark.parametrize("question", ["Why did the GPUs of c-a get hotter last night?", "c-a gpus hotter last night - why?"])
def test_hotter_asks_about_the_temperature(question: str) -> None:
    scope = reader().read(question, AT).scope
    assert (scope.intent, scope.measures[0].field, scope.values("cluster")) == (Intent.WHY, "gpu_temp_c", ("c-a",))
