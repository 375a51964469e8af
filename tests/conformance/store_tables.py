# ruff: noqa: S608 - test tables of our own
"""Tiny telemetry tables for tests of stores: rows as dictionaries, times as minutes before the instant of the run."""

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from llo11ypop.catalog import Catalog, load_catalog
from llo11ypop.query.plan import Plan
from llo11ypop.stores.duckdb import DuckDbStore

AT = datetime(2026, 5, 2, 12, tzinfo=UTC)
TYPES = {"timestamp": "TIMESTAMP", "integer": "BIGINT", "float": "DOUBLE", "string": "VARCHAR"}
Row = dict[str, Any]


@cache
def catalog() -> Catalog:
    return load_catalog(Path(__file__).parents[2] / "config")


def minutes_ago(minutes: float) -> datetime:
    return AT - timedelta(minutes=minutes)


def write_tables(connection: duckdb.DuckDBPyConnection, tables: dict[str, list[Row]], leave_out: tuple[str, ...] = ()) -> None:
    """Create and fill tables. Numbers in time columns are minutes before AT; `leave_out` names `dataset.field`s."""
    for name, rows in tables.items():
        fields = {f: s for f, s in catalog().datasets[name].fields.items() if f"{name}.{f}" not in leave_out}
        columns_sql = ", ".join(f'"{f}" {TYPES[s.type]}' for f, s in fields.items())
        connection.execute(f'CREATE TABLE "{name}" ({columns_sql})')
        if rows:
            columns = list(dict.fromkeys(f for row in rows for f in row))
            values = [_value(row.get(f), fields[f].type) for row in rows for f in columns]
            marks = ", ".join([f"({', '.join('?' * len(columns))})"] * len(rows))
            names = ", ".join(f'"{f}"' for f in columns)
            connection.execute(f'INSERT INTO "{name}" ({names}) VALUES {marks}', values)


def store_of(tables: dict[str, list[Row]], leave_out: tuple[str, ...] = ()) -> DuckDbStore:
    connection = duckdb.connect(":memory:")
    write_tables(connection, tables, leave_out)
    return DuckDbStore.attach(connection, catalog())


def plan(**parts: Any) -> Plan:
    return Plan.model_validate(parts)


def rows_of(store: DuckDbStore, at: datetime = AT, **parts: Any) -> list[Row]:
    return store.run_many_now({"plan": plan(**parts)}, at)["plan"].rows.to_pylist()  # type: ignore[no-any-return]


def _value(value: Any, kind: str) -> Any:
    if kind == "timestamp" and isinstance(value, (int, float)):
        return minutes_ago(value).replace(tzinfo=None)
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value
