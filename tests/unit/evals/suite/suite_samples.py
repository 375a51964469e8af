"""A tiny fleet file, answers and a system that says what the test wants."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from llo11ypop.core.errors import StoreError
from llo11ypop.core.evidence import Evidence, EvidenceStatus
from llo11ypop.core.question import Answer, Chart, Column, Result, Status
from llo11ypop.core.vocabulary import Area
from llo11ypop.core.window import Window
from llo11ypop.evals.suite.case import Case

START = datetime(2026, 5, 1, tzinfo=UTC)
END = datetime(2026, 5, 8, tzinfo=UTC)


def fleet_file(folder: Path) -> Path:
    path = folder / "fleet.duckdb"
    with duckdb.connect(str(path)) as c:
        c.execute("CREATE TABLE fleet_meta (key VARCHAR, value VARCHAR)")
        meta = [("start", "2026-05-01T00:00:00Z"), ("end", "2026-05-08T00:00:00Z"), ("profile", "full")]
        c.executemany("INSERT INTO fleet_meta VALUES (?, ?)", meta)
        c.execute("CREATE TABLE inventory_gpus AS SELECT 'g' || i AS gpu_uuid FROM range(8) t(i)")
        c.execute("CREATE TABLE slurm_jobs AS SELECT TIMESTAMP '2026-05-01' + INTERVAL (i) HOUR AS end_at,"
                  " CASE WHEN i % 3 = 0 THEN 'FAILED' ELSE 'COMPLETED' END AS state, 'c-' || chr((97 + i % 2)::INT) AS cluster"
                  " FROM range(100) t(i)")  # fmt: skip
    return path


def case(**parts: Any) -> Case:
    given = {"id": "x", "level": "investigation", "analyst": "slurm", "question": "How many jobs failed?", **parts}
    return Case.model_validate(given)


def evidence(rows: pa.Table, dataset: str = "slurm_jobs", where: str = "state = 'FAILED'") -> Evidence:
    plan = {"steps": {"result": {"op": "select", "dataset": dataset, "where": where}}}
    return Evidence(
        "e1", plan, END, Window(END - timedelta(days=7), END), (), rows, rows.num_rows, False, False, EvidenceStatus.OK
    )  # fmt: skip


def answer(text: str = "34 jobs failed.", rows: list[dict[str, Any]] | None = None, **parts: Any) -> Answer:
    table = pa.Table.from_pylist(rows if rows is not None else [{"failed": 34}])
    columns = tuple(
        Column(n, n, "measure" if pa.types.is_integer(table.schema.field(n).type) else "dimension") for n in table.column_names
    )
    read = evidence(table)
    known: dict[str, Any] = {
        "status": Status.ANSWERED, "text": text, "reading": "failed jobs", "thread": "t", "at": END,
        "result": Result(columns, table, (read,)), "window": read.window, "evidence": (read,), "areas": (Area.SLURM,),
        "chart": Chart("bar", {}), "followups": ("why",) * 3, "seconds": 0.01,
    }  # fmt: skip
    return Answer(**{**known, **parts})


def refusal(status: Status = Status.DECLINED, text: str = "Only questions about the fleet.") -> Answer:
    return Answer(status=status, text=text, reading="", thread="t", at=END)


@dataclass
class Fake:
    """Says what it was told to say to each question; 34 to any other."""

    says: Mapping[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def ask(self, question: str, at: datetime, thread: str) -> Answer:
        self.asked.append((question, thread))
        said = self.says.get(question, None)
        if isinstance(said, list):
            said = said.pop(0)
        if isinstance(said, StoreError):
            raise said
        return said if isinstance(said, Answer) else answer()
