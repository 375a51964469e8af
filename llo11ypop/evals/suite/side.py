"""What came of one mind: passed or not, how every unit ended in every run, and what its second reading said of itself."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from llo11ypop.agents.query_writer.minds import Minds
from llo11ypop.agents.query_writer.policy import second_reading
from llo11ypop.core.question import Answer, Status
from llo11ypop.evals.suite.record import ParaphraseRecord, Record, TurnRecord
from llo11ypop.evals.suite.session import Session

Json = dict[str, Any]
WRITER = "query_writer"


@dataclass(frozen=True, slots=True)
class Ended:
    """One run of one unit."""

    question: str
    passed: bool
    status: str
    result: str
    """right, silent_wrong, asked_back or declined; empty where nothing could be answered."""
    reading: str
    second: str
    """agrees, differs or alone; empty without a second reading."""
    problems: tuple[str, ...] = ()


@dataclass
class Heard:
    """A session that keeps how each question was read."""

    session: Session
    answers: dict[str, Answer] = field(default_factory=dict)

    async def ask(self, question: str, at: datetime, thread: str) -> Answer:
        """Answer one question of a thread."""
        answer = self.answers[question] = await self.session.ask(question, at, thread)
        return answer


@dataclass
class Side:
    """What came of one mind."""

    minds: Minds
    units: dict[tuple[str, str], list[bool]] = field(default_factory=dict)
    """(agent, unit) → whether it passed, run by run."""
    ended: dict[str, list[Ended]] = field(default_factory=dict)
    """Unit of the query writer → how it ended, run by run."""
    said: int = 0
    loose: int = 0
    spent: Json = field(default_factory=dict)

    def add(self, record: Record, answers: Mapping[str, Answer] | None = None) -> None:
        """Count one case that was judged."""
        if not record.judged:
            return
        name = f"{record.id} ({record.fleet})"
        units: list[tuple[str, TurnRecord | ParaphraseRecord, bool]] = [(name, turn, record.passed) for turn in record.turns]
        units += [(f"{name} in other words {n + 1}", other, other.passed) for n, other in enumerate(record.paraphrases)]
        for unit, one, passed in units:
            answer = (answers or {}).get(one.question)
            reading, second = (answer.reading, second_reading(answer.notes)) if answer is not None else ("", "")
            ended = Ended(one.question, passed, one.status, one.result or "", reading, second, one.problems)
            self.units.setdefault((WRITER, unit), []).append(passed)
            self.ended.setdefault(unit, []).append(ended)
            self.said, self.loose = self.said + one.said, self.loose + one.loose

    def ends(self) -> Counter[str]:
        """How answerable questions ended, all runs."""
        return Counter(e.result for runs in self.ended.values() for e in runs if e.result)

    def seconds(self) -> dict[str, Counter[str]]:
        """What a second reading said of itself → how those questions ended, all runs."""
        found: dict[str, Counter[str]] = {}
        for one in (e for runs in self.ended.values() for e in runs if e.second):
            found.setdefault(one.second, Counter())[one.result or ("passed" if one.passed else "failed")] += 1
        return found


def where_asked_back(rules: Side, other: Side) -> Json:
    """What a mind made of the units on which the rules asked back: ends of answerable ones, and passed or failed of the rest."""
    ends: dict[str, Counter[str]] = {"answerable": Counter(), "others": Counter()}
    units = Counter[str]()
    for unit, runs in other.ended.items():
        ruled = rules.ended.get(unit, [])
        if ruled and all(e.status == Status.CLARIFY for e in ruled):
            kind = "answerable" if ruled[0].result else "others"
            units[kind] += 1
            ends[kind].update(e.result or ("passed" if e.passed else "failed") for e in runs)
    return {kind: {"units": units[kind], "runs": dict(sorted(found.items()))} for kind, found in ends.items()}


def changed(rules: Side, other: Side) -> list[Json]:
    """The units on which a mind did not end as the rules did, for a person to look at."""
    found = []
    for unit, runs in other.ended.items():
        ruled = rules.ended.get(unit, [])
        if ruled and any(
            (e.passed, e.status, e.result) != (r.passed, r.status, r.result) for e, r in zip(runs, ruled, strict=True)
        ):
            first, *_ = ruled
            told = [
                {"status": e.status, "result": e.result, "passed": e.passed, "reading": e.reading, "problems": e.problems}
                for e in runs
            ]
            found.append({"unit": unit, "question": first.question, "rules": first.result or first.status, "runs": told})
    return found
