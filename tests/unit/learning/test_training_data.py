"""Training data: which judgements become which examples, what is taken out, how it is split, and that every line is TRL's."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from llo11ypop.approvals.feedback import feedback_record
from llo11ypop.core.proposal import ReasonCode, Verdict, VerdictKind
from llo11ypop.core.vocabulary import Action
from llo11ypop.learning.dataset import FORMATS, Format, export
from llo11ypop.learning.examples import Judged, Pair
from llo11ypop.learning.from_calls import from_calls
from llo11ypop.learning.from_verdicts import from_verdicts
from llo11ypop.learning.privacy import Scrubber
from llo11ypop.models.port import Usage
from llo11ypop.models.record import Call, Kept, Noted
from tests.ledger_samples import AT, approve, evidence, proposal

GOOD = '{"steps": ["select"]}'
BETTER = {"steps": ["select", "group"]}


def call(number: int = 0, **changes: Any) -> Call:
    one = Call(
        id=f"call-{number}",
        at=AT + timedelta(hours=number),
        role="query_writer",
        name="plan",
        model="qwen",
        prompt_hash="p1",
        request_hash=f"r{number}",
        system="You write plans.",
        user=f"Question {number} of user=alice",
        schema="{}",
        output=GOOD,
        outcome="accepted",
        why="",
        usage=None,
        estimate=Usage(10, 10),
        latency_s=1.0,
    )
    return replace(one, **changes)


def record(number: int, verdict: Verdict, **changes: Any) -> dict[str, Any]:
    proposed = proposal(number)
    said = feedback_record(proposed, verdict, [evidence()], evidence_hash="h", round_=0, shown="# text", autonomy="propose")
    return {**said, "outcome": None, **changes}


def reject(code: ReasonCode) -> Verdict:
    return Verdict(VerdictKind.REJECT, "ana", AT, reason_code=code)


EDIT = Verdict(VerdictKind.EDIT, "ana", AT, action=Action.DRAIN, arguments={"node": "gpu-a-001"})


# ---------------------------------------------------------------- calls
def test_an_answer_that_was_taken_is_good() -> None:
    (one,) = from_calls([Kept(call(), Noted(True))]).examples
    assert isinstance(one, Judged)
    assert (one.good, one.completion) == (True, GOOD)
    assert one.prompt == (("system", "You write plans."), ("user", "Question 0 of user=alice"))


def test_an_answer_that_nobody_judged_is_left_out() -> None:
    found = from_calls([Kept(call())])
    assert (found.examples, found.left_out) == ([], {"answers that nobody judged": 1})


def test_an_answer_that_was_refused_is_bad_and_what_stood_in_its_place_is_better() -> None:
    bad, good, pair = from_calls([Kept(call(), Noted(False, "unsaid filter", BETTER))]).examples
    assert isinstance(bad, Judged)
    assert isinstance(good, Judged)
    assert isinstance(pair, Pair)
    assert (bad.good, good.good) == (False, True)
    assert (json.loads(pair.chosen), pair.rejected) == (BETTER, GOOD)


def test_nothing_is_learnt_from_a_fake() -> None:
    found = from_calls([Kept(call(model="fake-model"), Noted(True)), Kept(call(1, model="fake-model", outcome="prose"))])
    assert (found.examples, found.left_out) == ([], {"answers of a fake model": 2})


def test_a_repair_is_better_than_what_it_repaired() -> None:
    first = Kept(call(0, output="Sure, here", outcome="prose"))
    repaired = Kept(call(1, repairs="call-0", request_hash="r0"), Noted(True))
    found = from_calls([first, repaired]).examples
    pairs = [one for one in found if isinstance(one, Pair)]
    assert [(p.chosen, p.rejected) for p in pairs] == [(GOOD, "Sure, here")]
    assert [one.good for one in found if isinstance(one, Judged)] == [False, True]
    assert from_calls([repaired]).left_out == {"repairs whose first answer is gone": 1}


@pytest.mark.parametrize("outcome", ["timeout", "cut_off", "refusal", "rate_limited", "cancelled", "empty"])
def test_no_answer_teaches_nothing(outcome: str) -> None:
    found = from_calls([Kept(call(outcome=outcome, output=""))])
    assert (found.examples, found.left_out) == ([], {f"calls without an answer ({outcome})": 1})


# ---------------------------------------------------------------- verdicts
@pytest.mark.parametrize(
    ("verdict", "outcome", "good"),
    [
        (approve(), None, [True]),
        (approve(), {"symptom_cleared": True}, [True]),
        (approve(), {"symptom_cleared": False}, []),
        (EDIT, None, [False, True]),
        (reject(ReasonCode.WRONG_ACTION), None, [False]),
        (reject(ReasonCode.TOO_RISKY), None, [False]),
        (reject(ReasonCode.ALREADY_KNOWN), None, []),
        (reject(ReasonCode.STALE), None, []),
        (Verdict(VerdictKind.EXPIRED, "clock", AT), None, []),
    ],
)
def test_what_a_verdict_says_about_the_action(verdict: Verdict, outcome: dict[str, Any] | None, good: list[bool]) -> None:
    found = from_verdicts([record(1, verdict, outcome=outcome)])
    assert [one.good for one in found.examples if isinstance(one, Judged)] == good
    assert sum(found.left_out.values()) == (not good)


def test_an_edit_is_better_than_what_was_shown() -> None:
    (pair,) = [one for one in from_verdicts([record(1, EDIT)]).examples if isinstance(one, Pair)]
    assert json.loads(pair.chosen) == {"name": "DRAIN", "arguments": {"node": "gpu-a-001"}}
    assert json.loads(pair.rejected)["name"] == "TECH"


def test_answers_are_compared_only_for_the_same_state() -> None:
    later = {"ts": "2026-11-30T00:00:00Z"}
    other = {**record(1, reject(ReasonCode.WRONG_ACTION)), **later, "chosen": {"name": "REBOOT", "arguments": {}}}
    same = from_verdicts([record(1, approve()), other])
    assert len([one for one in same.examples if isinstance(one, Pair)]) == 1
    changed = from_verdicts([record(1, approve()), {**other, "state": {"severity": 1}}])
    assert not [one for one in changed.examples if isinstance(one, Pair)]


def test_the_prompt_does_not_tell_what_the_policy_thought() -> None:
    (one,) = from_verdicts([record(1, approve(), state={"severity": 2, "propensity": {"TECH": 0.9}})]).examples
    assert isinstance(one, Judged)
    text = one.prompt[1][1]
    assert "propensity" not in text
    assert "score" not in text
    assert '"severity":2' in text


# ---------------------------------------------------------------- privacy
SECRETS = {
    "sk-abcdefghijklmnop1234": "api key sk-abcdefghijklmnop1234",
    "nvapi-abcdefghijklmnop1234": "nvapi-abcdefghijklmnop1234",
    "ghp_abcdefghijklmnopqrstuv": "push with ghp_abcdefghijklmnopqrstuv",
    "AKIAIOSFODNN7EXAMPLE": "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0": "cookie eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0.abc",
    "s3cr3tvalue": 'mount failed: password=s3cr3tvalue, "api_key": "s3cr3tvalue"',
    "hunter22": "postgresql://llo:hunter22@db/x",
    "dG9rZW46dG9rZW4=": "Authorization: Bearer dG9rZW46dG9rZW4=",
    "MIIEvQ": "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----",
    "ana.real@example.org": "mail to ana.real@example.org",
    "10.20.30.40": "from 10.20.30.40 port 22",
    "fe80::1ff:fe23:4567:890a": "peer fe80::1ff:fe23:4567:890a",
    "alice": 'job of user=alice in /home/alice/run, {"user":"alice"}, owner: alice',
    "zelda": "zelda asked for 8 GPUs",
}


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_and_people_do_not_leave(secret: str) -> None:
    scrubber = Scrubber(b"salt", people=["zelda", "al", "node"], known=["node"])
    assert secret not in scrubber.clean(SECRETS[secret])
    assert scrubber.removed.total() > 0


@pytest.mark.parametrize(
    "text",
    [
        "Xid (PCI:0000:3b:00.0): 79, GPU has fallen off the bus.",
        "2026-11-22T12:30:45Z node gpu-a-017 al",
        "driver 570.124.06, tokens: 12, token_limit 5",
        '{"steps":{"a":{"op":"select","dataset":"slurm_jobs","by":["user"]}}}',
        "GPU-3f2a9c1e-0000-1111-2222-333344445555 at 83.5 C",
    ],
)
def test_telemetry_stays_as_it_is(text: str) -> None:
    assert Scrubber(b"salt", people=["zelda", "al", "node"], known=["node"]).clean(text) == text


def test_a_person_is_the_same_stand_in_everywhere() -> None:
    scrubber = Scrubber(b"salt", people=["zelda"])
    assert len(set(re.findall(r"person-[0-9a-f]+", scrubber.clean("zelda: user=zelda /home/zelda/x")))) == 1
    assert Scrubber(b"other").clean("user=zelda") != Scrubber(b"salt").clean("user=zelda")


# ---------------------------------------------------------------- files
def written(tmp_path: Path, form: Format, count: int = 20) -> dict[str, list[dict[str, Any]]]:
    calls = [Kept(call(n), Noted(n % 2 == 0, "", None if n % 2 == 0 else BETTER)) for n in range(count)]
    verdicts = [record(n, EDIT if n % 2 else approve()) for n in range(3)]
    scrubber = Scrubber(b"salt", people=["alice"])
    again = replace(calls[0], call=call(id="again"))
    export((from_calls([*calls, again]), from_verdicts(verdicts)), form, tmp_path / form, scrubber, AT, people="Yes.")
    return {
        name: [json.loads(line) for line in (tmp_path / form / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
        for name in ("train", "validation", "test")
    }


COLUMNS = {"sft": {"prompt", "completion"}, "dpo": {"prompt", "chosen", "rejected"}, "kto": {"prompt", "completion", "label"}}


@pytest.mark.parametrize("form", FORMATS)
def test_every_line_is_in_the_format_of_trl(tmp_path: Path, form: Format) -> None:
    lines = [line for part in written(tmp_path, form).values() for line in part]
    assert lines
    for line in lines:
        assert line.keys() == COLUMNS[form]
        assert [m["role"] for m in line["prompt"]] == ["system", "user"]
        for column in COLUMNS[form] - {"prompt", "label"}:
            (message,) = line[column]
            assert message.keys() == {"role", "content"}
            assert message["role"] == "assistant"
            assert isinstance(json.loads(message["content"]), dict)
        assert all(isinstance(m["content"], str) and m["content"] for m in line["prompt"])
        assert isinstance(line.get("label", True), bool)
        assert line.get("chosen", 1) != line.get("rejected", 2)
        assert "alice" not in json.dumps(line)


def test_kto_has_both_labels_and_sft_only_what_was_good(tmp_path: Path) -> None:
    kto = [line for part in written(tmp_path, "kto").values() for line in part]
    sft = [line for part in written(tmp_path, "sft").values() for line in part]
    assert {line["label"] for line in kto} == {True, False}
    assert len(sft) == sum(line["label"] for line in kto)


def test_splits_are_by_time_and_keep_a_question_together(tmp_path: Path) -> None:
    parts = written(tmp_path, "kto", count=40)
    numbers = {
        name: {int(found[1]) for line in lines if (found := re.match(r"Question (\d+)", line["prompt"][1]["content"]))}
        for name, lines in parts.items()
    }
    assert max(numbers["train"]) < min(numbers["validation"]) <= max(numbers["validation"]) < min(numbers["test"])
    prompts = {name: {json.dumps(line["prompt"]) for line in lines} for name, lines in parts.items()}
    assert not prompts["train"] & prompts["validation"] | prompts["train"] & prompts["test"]


def test_the_card_says_what_the_files_hold(tmp_path: Path) -> None:
    parts = written(tmp_path, "kto")
    card = (tmp_path / "kto" / "README.md").read_text(encoding="utf-8")
    manifest = json.loads((tmp_path / "kto" / "manifest.json").read_text(encoding="utf-8"))
    assert [f["lines"] for f in manifest["files"]] == [len(lines) for lines in parts.values()]
    assert f"| train.jsonl | {len(parts['train'])} |" in card
    assert "query_writer: p1" in card
    assert "qwen" in card
    assert manifest["removed"]["names of people"] > 0
    assert manifest["left_out"]["doubles"] == 1


def test_nothing_to_learn_from_is_three_empty_files_and_a_card_that_says_so(tmp_path: Path) -> None:
    card = export((from_calls([]), from_verdicts([])), "sft", tmp_path, Scrubber(b""), AT, people="")
    assert card.lines == 0
    assert "Models that gave the answers: none" in (tmp_path / "README.md").read_text(encoding="utf-8")
