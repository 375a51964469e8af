"""What one case of the suite is: a question or a thread, the fleet it is asked of, and what a right answer must hold.

A case folder holds one `case.yaml`:

    id: q15-chart-of-job-failures       # the folder's name
    level: question                     # question | thread | investigation | report | loop
    analyst: slurm                      # row of the per-analyst table
    tags: [Q15, chart]
    fleet: full                         # full | default (what dcgm-exporter exports) | small (64 GPUs, full), or
                                        # scenario:<file> of the folder scenarios/ (128 GPUs, 4 days, full, nothing else happens)
    at: end-8h                          # end | end-8h | start+3d | day:10.5 | 2026-05-20T12:00:00Z
    values:                             # optional: one value each, by SQL; used as {run} in question, paraphrases, sql, mentions
      run: SELECT run_id FROM training_runs ORDER BY run_id LIMIT 1
    question: Is run {run} healthy?
    paraphrases: [how is run {run} doing, health of run {run}]
    expect:
      status: answered                  # answered | no_data | clarify | declined; a list where several are right
      sql: SELECT ...                   # the truth, in DuckDB's SQL; {at} {start} {end} are TIMESTAMP literals (start, end of the
                                        # fleet), a value is put in as it is: write '{run}'
      accept: [SELECT ...]              # other readings that are right too
      match: rows                       # rows | value | set | contains | top1
      ordered: false
      fact: {sql: SELECT ..., answer: "…", any_of: [hardware]}   # judged against the sentence: by meaning, or one of these words
      mentions: [..]                    # must stand in sentence, reading, definition or notes
      forbidden: [..]                   # must stand nowhere in them
      chart: line                       # line | bar | heatmap | … | any | none
      evidence: [slurm_jobs]            # datasets that must be cited
      areas: [slurm]                    # analysts that must have worked
      followups: 3                      # at least
    # threads: turns: [{question, expect}, …] in place of question and expect
    # report:  report: last-night | week          instead of a question, where the report's text is judged
    # loop:    loop: cycle                        rows = proposals filed by one cycle at `at`
    #          (columns mode, title, level, entity, cluster, severity, queue, action, confidence); SQL may read `truth`

A value that the fleet does not have (its SQL gives no row or NULL) makes the case not applicable there: it is left out and
counted. `component/<agent>.yaml` is a list of small cases of one agent: {id, input, expect, tags, at, fleet, analyst}; see
`ComponentCase`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from llo11ypop.core.question import Status
from llo11ypop.core.vocabulary import Area
from llo11ypop.evals.suite.instants import check_instant

Level = Literal["component", "question", "thread", "investigation", "report", "loop"]
LEVELS: tuple[Level, ...] = ("component", "question", "thread", "investigation", "report", "loop")
Analyst = Literal[
    "gpu", "slurm", "logs", "kubernetes", "environment", "network", "parts", "training", "director", "guard", "judge", "reader"
]
Fleet = Annotated[str, StringConstraints(pattern=r"^(?:full|default|small|scenario:[\w.-]+\.yaml)$")]
SCENARIO = "scenario:"
Match = Literal["rows", "value", "set", "contains", "top1"]
ChartKind = Literal["stat", "bar", "line", "scatter", "heatmap", "histogram", "ranked", "any", "none"]
Agent = Literal["parser", "routing", "guard", "compile", "judge", "time", "values", "analysis"]
AGENTS: tuple[Agent, ...] = ("parser", "routing", "guard", "compile", "judge", "time", "values", "analysis")
LEAST_PARAPHRASES = 2


def _instant(text: object) -> object:
    if isinstance(text, str):
        check_instant(text)
    return text


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Instant = Annotated[str, BeforeValidator(_instant)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class Part(BaseModel):
    """Base of all parts of a case: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Fact(Part):
    """What the sentence itself must say, where rows are not enough."""

    sql: str = ""
    """One value; the sentence must mean it."""
    answer: str = ""
    """The same, typed in: for what no SQL says."""
    any_of: Texts = ()
    """At least one of these stands in the sentence."""

    @model_validator(mode="after")
    def _something(self) -> "Fact":
        if not (self.sql or self.answer or self.any_of):
            raise ValueError("a fact needs 'sql', 'answer' or 'any_of'")
        return self


class Expect(Part):
    """What a right answer holds. Everything that is given must be true."""

    status: Annotated[tuple[Status, ...], BeforeValidator(_listed)] = (Status.ANSWERED,)
    sql: str = ""
    accept: Texts = ()
    match: Match = "rows"
    ordered: bool = False
    fact: Fact | None = None
    mentions: Texts = ()
    forbidden: Texts = ()
    chart: ChartKind | None = None
    evidence: Texts = ()
    areas: tuple[Area, ...] = ()
    followups: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _rows(self) -> "Expect":
        if self.accept and not self.sql:
            raise ValueError("'accept' goes with 'sql'")
        if self.ordered and self.match not in ("rows", "contains"):
            raise ValueError("'ordered' goes with match: rows or contains")
        if not self.status:
            raise ValueError("'status' is empty")
        return self

    @property
    def answerable(self) -> bool:
        """Whether the data holds an answer: such cases are scored right, silently wrong, asked back or declined."""
        return self.status[0] is Status.ANSWERED

    @property
    def says_something(self) -> bool:
        """Whether anything beside the status is expected."""
        return bool(self.sql or self.fact or self.mentions or self.evidence or self.areas or self.chart)


class Turn(Part):
    """One question of a thread and what its answer must hold."""

    question: str = Field(min_length=1)
    expect: Expect = Expect()


class Case(Part):
    """One case folder."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    level: Literal["question", "thread", "investigation", "report", "loop"]
    analyst: Analyst
    tags: Texts = ()
    fleet: Fleet = "full"
    at: Instant = "end"
    values: Mapping[str, str] = Field(default_factory=dict)
    question: str = ""
    paraphrases: Texts = ()
    turns: tuple[Turn, ...] = ()
    report: Literal["", "last-night", "week"] = ""
    loop: Literal["", "cycle"] = ""
    expect: Expect | None = None
    note: str = ""
    """Why the case is there, for whoever reads it."""

    @model_validator(mode="after")
    def _shaped(self) -> "Case":
        asked = [k for k in ("question", "turns", "report", "loop") if getattr(self, k)]
        if len(asked) != 1:
            raise ValueError(f"a case has one of question, turns, report, loop; found {', '.join(asked) or 'none'}")
        if self.turns and self.expect:
            raise ValueError("a thread says 'expect' per turn")
        if not self.turns and self.expect is None:
            raise ValueError("'expect' is missing")
        if self.paraphrases and not self.question:
            raise ValueError("'paraphrases' go with 'question'")
        if (self.level == "thread") != bool(self.turns):
            raise ValueError("'turns' go with level: thread")
        last = self.asked[-1].expect
        if last.answerable and not last.says_something:
            raise ValueError("an answered question needs 'sql', 'fact', 'mentions', 'evidence', 'areas' or 'chart'")
        if self.level == "question" and len(self.paraphrases) < LEAST_PARAPHRASES:
            raise ValueError(f"a question needs at least {LEAST_PARAPHRASES} paraphrases, found {len(self.paraphrases)}")
        return self

    @property
    def asked(self) -> tuple[Turn, ...]:
        """The turns; a single question is a thread of one, and a report or a cycle a turn of that name."""
        if self.turns:
            return self.turns
        return (Turn(question=self.question or self.report or self.loop, expect=self.expect or Expect()),)


class ComponentCase(Part):
    """One line of `component/<agent>.yaml`: an input and what the agent makes of it.

    - guard: input is a question; expect {allowed: true} or {allowed: false, reason: off_topic} (a list where several are right)
    - routing: a question; {areas: [slurm]}: all of them, and none that has no part in it
    - parser: a question; any of sql + match (the rows of its plan), same_as: another question (equal plan), intent: a name,
      status: clarify or no_data, mentions: [in the reading]
    - time: a question; {start: …, end: …}: instants as in `at`, or `at-7d`, of the reading's window
    - values: a question; {filters: {cluster: c-a}}: what the plan filters by, or {mentions: […]} in the reading
    - compile: a plan, as in the catalog's YAML; {sql: …} and match
    - judge: {expected, got, ranked}; {equal: true}, {equal: false} or {equal: undecided}
    - analysis: a question; as for a question case: {sql, match, fact, mentions …}
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    agent: Agent
    analyst: Analyst | None = None
    tags: Texts = ()
    fleet: Fleet = "full"
    at: Instant = "end"
    values: Mapping[str, str] = Field(default_factory=dict)
    input: str | Mapping[str, Any]
    expect: Mapping[str, Any] = Field(min_length=1)
    note: str = ""
