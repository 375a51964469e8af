"""Ranking by prior and answers."""

import pytest

from llo11ypop.core.entity import Entity
from llo11ypop.core.proposal import Outcome, ProposedAction, ReasonCode, Verdict, VerdictKind
from llo11ypop.core.reasoning import Hypothesis
from llo11ypop.core.vocabulary import Action, Level
from llo11ypop.learning.policy import RulePolicy, Tally, count
from llo11ypop.ledger import SqlLedger
from tests.ledger_samples import AT, LEASE, approve, evidence, proposal, reject

HYPOTHESIS = Hypothesis("F16", Entity(Level.NODE, "gpu-a-001"), AT, 0.8, ())
ACTIONS = [ProposedAction(Action.TECH, {}, 0.8), ProposedAction(Action.DRAIN, {}, 0.5)]


async def learned(*verdicts: Verdict) -> RulePolicy:
    ledger = SqlLedger.in_memory()
    for number, verdict in enumerate(verdicts):
        await ledger.file(proposal(number), [evidence()])
        await ledger.record_verdict(proposal(number).id, verdict, lease=LEASE)
    policy = RulePolicy()
    await policy.learn_from(ledger)
    await ledger.close()
    return policy


def test_without_feedback_the_ranking_and_scores_are_the_playbooks() -> None:
    assert RulePolicy().rank(HYPOTHESIS, ACTIONS) == ACTIONS


async def test_rejections_of_the_action_lower_it_below_its_rival() -> None:
    policy = await learned(*[reject(ReasonCode.WRONG_ACTION)] * 3)
    assert [a.name for a in policy.rank(HYPOTHESIS, ACTIONS)] == [Action.DRAIN, Action.TECH]


async def test_approvals_raise_an_action() -> None:
    policy = await learned(*[approve()] * 3)
    assert policy.factor("F16", Action.TECH) == 1.6
    assert policy.factor("F1", Action.TECH) == 1


@pytest.mark.parametrize("code", [ReasonCode.STALE, ReasonCode.NOISE, ReasonCode.WRONG_TARGET, ReasonCode.ALREADY_KNOWN])
async def test_rejections_for_other_reasons_say_nothing_about_the_action(code: ReasonCode) -> None:
    assert (await learned(reject(code))).factor("F16", Action.TECH) == 1


async def test_an_edit_to_another_action_counts_for_one_and_against_the_other() -> None:
    edit = Verdict(VerdictKind.EDIT, "ana", AT, action=Action.DRAIN, arguments={"node": "gpu-a-000"})
    policy = await learned(edit)
    assert policy.factor("F16", Action.DRAIN) > 1 > policy.factor("F16", Action.TECH)


async def test_an_action_that_did_not_help_counts_against_it() -> None:
    ledger = SqlLedger.in_memory()
    await ledger.file(proposal(1), [evidence()])
    await ledger.record_verdict(proposal(1).id, approve(), lease=LEASE)
    await ledger.record_outcome(Outcome(proposal(1).id, AT, False, 2.0, 2.0, False))
    assert count(await ledger.feedback()) == {("F16", Action.TECH): Tally(1, 2)}
    await ledger.close()


async def test_the_version_follows_the_knowledge() -> None:
    blank, one, same = RulePolicy(), await learned(approve()), await learned(approve())
    assert one.version == same.version != blank.version
    assert blank.version.startswith("rule-")


def test_equal_scores_keep_the_playbooks_order() -> None:
    tied = [ProposedAction(Action.REBOOT, {}, 0.5), ProposedAction(Action.DIAG, {}, 0.5)]
    assert RulePolicy().rank(HYPOTHESIS, tied) == tied
