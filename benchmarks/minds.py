"""What a question costs in model calls and tokens, beside a plain tool-calling agent on the same scripted endpoint.

    python benchmarks/minds.py [--gpus 64] [--days 3] [--fleet FILE]

The endpoint is fake: it counts calls and tokens (four characters each), and its answers say nothing about accuracy. The plain
agent is LangGraph's `create_react_agent` with the tools of LangChain's SQL agent (list tables, schema, query) and a script that
makes no mistake: one look at the tables, one at a schema, one query, one answer. A real model needs at least these.
"""

import argparse
import asyncio
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.warnings import LangGraphDeprecatedSinceV10

from llo11ypop.ask.conversation import Conversation
from llo11ypop.ask.deps import AskDeps
from llo11ypop.daemon.conversing import conversing
from llo11ypop.models.client import Endpoints
from llo11ypop.models.config import Endpoint, Models
from llo11ypop.models.fake import FakeModelServer, Rule
from llo11ypop.models.fake.rules import ToolCall
from llo11ypop.models.port import Role
from llo11ypop.models.spending import Scope, spending
from llo11ypop.settings import load_settings
from llo11ypop.simulator.simulate import simulate
from llo11ypop.simulator.spec import SimulationSpec
from llo11ypop.simulator.writer import write_fleet

QUESTIONS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("How many jobs failed in the last 24 hours?", {"measure": "failed jobs"},
     "SELECT count(*) FROM slurm_jobs WHERE state = 'FAILED' AND end_at >= now() - INTERVAL 1 DAY"),
    ("Failed jobs per cluster", {"measure": "failed jobs", "by": ["cluster"]},
     "SELECT cluster, count(*) FROM slurm_jobs WHERE state = 'FAILED' GROUP BY cluster"),
    ("GPU-hours by account", {"measure": "GPU-hours of finished jobs", "by": ["account"]},
     "SELECT account, sum(gpu_seconds) / 3600 FROM slurm_jobs GROUP BY account"),
    ("Average GPU power by cluster in the last 24 hours", {"measure": "GPU power", "how": "average", "by": ["cluster"]},
     "SELECT cluster, avg(power_w) FROM gpu_metrics GROUP BY cluster"),
    ("p95 queue wait per partition", {"measure": "queue wait", "how": "p95", "by": ["partition"]},
     "SELECT partition, quantile_cont(queue_wait_s, 0.95) FROM slurm_jobs GROUP BY partition"),
    ("failed jobs bothering us per cluster", {"measure": "failed jobs", "by": ["cluster"]},
     "SELECT cluster, count(*) FROM slurm_jobs WHERE state = 'FAILED' GROUP BY cluster"),
)  # fmt: skip
"""Question, the form of an honest model, and the query of an honest agent; the rules do not know a word of the last one."""


@dataclass
class Spent:
    """Calls and tokens of one way to answer."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0

    def line(self, name: str, questions: int) -> str:
        """A row of the table."""
        calls, tokens_in, tokens_out = (n / questions for n in (self.calls, self.tokens_in, self.tokens_out))
        return f"  {name:<42}{calls:>7.2f} {tokens_in:>10,.0f} {tokens_out:>10,.0f}"


async def ours(deps: AskDeps, server: FakeModelServer, roles: tuple[Role, ...]) -> Spent:
    """The conversation with models in these roles."""
    deps.models = Endpoints(Models(endpoints={r: Endpoint(base_url=server.base_url, model=f"fake-{r}") for r in roles}, cache=0))
    talk, at = Conversation(deps), await deps.now()
    with spending(Scope.CYCLE, "bench") as spent:
        for question, form, _ in QUESTIONS:
            server.script(
                [
                    Rule(schema="guard_verdict", answer={"verdict": "about_the_fleet"}),
                    Rule(schema="areas", answer={"areas": ["slurm"]}),
                    Rule(schema="query_form", answer=form),
                ]
            )
            answer = await talk.ask(question, at=at)
            if answer.status.value != "answered":
                raise SystemExit(f"'{question}' was not answered: {answer.text}")
    found = spent.summary()
    return Spent(found["calls"], found["tokens_in"], found["tokens_out"])


async def plain(path: Path, server: FakeModelServer) -> Spent:
    """A tool-calling agent over the same file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LangGraphDeprecatedSinceV10)
        from langgraph.prebuilt import create_react_agent

    with duckdb.connect(str(path), read_only=True) as store:

        @tool
        def list_tables() -> str:
            """The tables of the database."""
            return ", ".join(sorted(r[0] for r in store.execute("SHOW TABLES").fetchall()))

        @tool
        def schema(table: str) -> str:
            """Columns of a table."""
            return "\n".join(f"{r[0]} {r[1]}" for r in store.execute(f"DESCRIBE {table}").fetchall())

        @tool
        def query(sql: str) -> str:
            """The rows of a query."""
            return str(store.execute(sql).fetchmany(50))

        model = ChatOpenAI(model="fake-agent", base_url=server.base_url, api_key="none", max_retries=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LangGraphDeprecatedSinceV10)
            agent = create_react_agent(
                model,
                [list_tables, schema, query],
                prompt="You answer questions about a fleet of GPU clusters with SQL on DuckDB.",
            )
        spent = Spent()
        for question, _, sql in QUESTIONS:
            table = sql.partition("FROM ")[2].split()[0]
            calls = [ToolCall(name="list_tables"), ToolCall(name="schema", arguments={"table": table})]
            calls.append(ToolCall(name="query", arguments={"sql": sql}))
            server.script([*(Rule(times=1, calls=(c,)) for c in calls), Rule(answer="Here are the rows.")])
            ended = await agent.ainvoke({"messages": [("user", question)]})
            said = [m for m in ended["messages"] if isinstance(m, AIMessage)]
            spent.calls += len(said)
            spent.tokens_in += sum(m.usage_metadata["input_tokens"] for m in said if m.usage_metadata)
            spent.tokens_out += sum(m.usage_metadata["output_tokens"] for m in said if m.usage_metadata)
        return spent


async def compared(path: Path) -> None:
    """Print the table and the ratios."""
    settings = load_settings(None, telemetry={"path": path}, ask={"threads": path.parent / "threads.sqlite"})
    n = len(QUESTIONS)
    with FakeModelServer() as server:
        async with conversing(settings, foreign=True, forget=True, keep=False) as deps:
            writer = await ours(deps, server, (Role.QUERY_WRITER,))
            every = await ours(deps, server, (Role.GUARDRAIL, Role.DIRECTOR, Role.QUERY_WRITER))
        agent = await plain(path, server)
    print(f"  per question, {n} questions, fake endpoint   calls  tokens in tokens out")
    for name, spent in (
        ("query writer", writer),
        ("guardrail, director and query writer", every),
        ("plain agent with SQL tools", agent),
    ):
        print(spent.line(name, n))
    print(f"  calls: {writer.calls / agent.calls:.2f} of the plain agent's, with all roles {every.calls / agent.calls:.2f}")
    tokens = (writer.tokens_in + writer.tokens_out) / (agent.tokens_in + agent.tokens_out)
    print(f"  tokens: {tokens:.2f} of the plain agent's; the system part is the same bytes for every question")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--gpus", type=int, default=64)
    parser.add_argument("--days", type=float, default=3)
    parser.add_argument("--fleet", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.fleet or Path(folder, "fleet.duckdb")
        if given.fleet is None:
            write_fleet(simulate(SimulationSpec(seed=1, gpus=given.gpus, days=given.days))[0], path)
        asyncio.run(compared(path))


if __name__ == "__main__":
    main()
