"""Small tables behind the fake Elasticsearch and a DuckDB store over the same rows."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from llo11ypop.core.access import Access
from llo11ypop.stores.duckdb import DuckDbStore
from llo11ypop.stores.elasticsearch import ElasticsearchStore
from llo11ypop.stores.elasticsearch_languages import SQL, Language
from llo11ypop.stores.elasticsearch_mapping import Place
from tests.conformance.store_tables import catalog, write_tables
from tests.fakes.elasticsearch import FakeElasticsearch, serving

Rows = dict[str, list[dict[str, Any]]]


@dataclass
class Both:
    """The two stores over the same rows, and the fake behind one of them."""

    duck: DuckDbStore
    es: ElasticsearchStore
    fake: FakeElasticsearch


@contextmanager
def both(tables: Rows, language: Language = SQL, places: Mapping[str, Place] | None = None, **access: Any) -> Iterator[Both]:
    """Rows as `write_tables` takes them, shown by DuckDB and by an Elasticsearch on loopback."""
    fake = FakeElasticsearch()
    fake.connection.execute("CREATE SCHEMA rows; USE rows")
    write_tables(fake.connection, tables)
    duck = DuckDbStore.attach(_cursor(fake.connection, "rows"), catalog())
    fake.connection.execute("USE main")
    fake.show("memory.rows", catalog())
    with serving(fake):
        store = ElasticsearchStore(Access(fake.url, **access), catalog(), language=language, places=places)
        yield Both(duck, store, fake)
    assert fake.problems == []


def _cursor(connection: duckdb.DuckDBPyConnection, schema: str) -> duckdb.DuckDBPyConnection:
    """A database of its own with copies of a schema's tables, under the name that the DuckDB store reads."""
    copy = duckdb.connect(":memory:")
    listed = "SELECT table_name FROM information_schema.tables WHERE table_schema = ?"
    for (name,) in connection.execute(listed, [schema]).fetchall():
        rows = connection.execute(f'SELECT * FROM {schema}."{name}"').to_arrow_table()  # noqa: S608 - tables of our own
        copy.register("rows_in", rows)
        copy.execute(f'CREATE TABLE "{name}" AS SELECT * FROM rows_in')  # noqa: S608 - the same
        copy.unregister("rows_in")
    return copy


def gpu_rows(gpus: int = 4, steps: int = 24) -> Rows:
    """Readings every five minutes with gaps, blanks and a null key, and what they are related to."""
    rows = [
        {
            "ts": 5 * i + 1,
            "cluster": "c-a",
            "gpu_uuid": f"g{g}",
            "node_id": f"n{g // 2}",
            "gpu_index": g % 2,
            "driver": ("550", "570", None)[(i + g) % 3],
            "gpu_temp_c": None if (i * g) % 7 == 5 else 0 if (i + g) % 11 == 0 else 40 + (i * 13 + g * 7) % 30,
            "power_w": 100 + (i * 31 + g * 17) % 300,
            "xid_last": (i * g) % 5 * 16,
            "pcie_replay_total": (i * (g + 3)) % 9,
        }
        for i in range(steps)
        for g in range(gpus)
    ]
    lines = [
        {
            "ts": 3 * i + 2,
            "cluster": "c-a",
            "node_id": f"n{i % 3}",
            "process": "kernel",
            "message": f"NVRM: Xid {i % 4}, it's done",
        }
        for i in range(40)
    ]
    return {"gpu_metrics": rows, "syslog": lines}
