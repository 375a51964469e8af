"""Small result tables: ordering, cutting, typing and a hash that does not depend on the order of rows.

Every result has columns of five types: int64, double, string, bool and timestamp[us, tz=UTC].
"""

import hashlib
import io

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from llo11ypop.query.kinds import Kind, Schema

TYPES = {
    Kind.INTEGER: pa.int64(), Kind.NUMBER: pa.float64(), Kind.TEXT: pa.string(),
    Kind.TIME: pa.timestamp("us", "UTC"), Kind.BOOL: pa.bool_(), Kind.NULL: pa.string(),
}  # fmt: skip


def empty(schema: Schema) -> pa.Table:
    """No rows of these columns."""
    return pa.table({name: pa.array([], TYPES[kind]) for name, kind in schema.items()})


def typed(table: pa.Table, schema: Schema) -> pa.Table:
    """The table with exactly these columns and the types of their kinds; instants become aware UTC."""
    columns = {}
    for name, kind in schema.items():
        column = table.column(name)
        wanted = TYPES[kind]
        columns[name] = column if column.type == wanted else column.cast(wanted)
    return pa.table(columns) if columns else table


def plain(table: pa.Table) -> pa.Table:
    """The table with naive instants, as the combining engine takes them."""
    fields = [pa.field(f.name, pa.timestamp("us")) if pa.types.is_timestamp(f.type) else f for f in table.schema]
    return table.cast(pa.schema(fields))


def ordered(table: pa.Table, keys: tuple[tuple[str, bool], ...]) -> pa.Table:
    """Rows by (column, descending), NULLs last, text by its bytes."""
    if table.num_rows < 2 or not keys:  # noqa: PLR2004 - one row is in order
        return table
    directions = [(name, "descending" if desc else "ascending") for name, desc in keys]
    return table.take(pc.sort_indices(table, sort_keys=directions))


def rows_hash(table: pa.Table) -> str:
    """SHA-256 of column names and rows, floats to nine significant digits; the order of rows does not matter."""
    digest = hashlib.sha256("\x1f".join(table.column_names).encode())
    if table.num_rows and table.num_columns:
        rounded = pa.table({name: _rounded(table.column(name)) for name in table.column_names})
        rounded = ordered(rounded, tuple((name, False) for name in rounded.column_names))
        out = io.BytesIO()
        pyarrow.csv.write_csv(rounded, out)
        digest.update(out.getvalue())
    return digest.hexdigest()


def _rounded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_floating(column.type):
        return column
    size = pc.floor(pc.log10(pc.abs(pc.if_else(pc.equal(column, 0.0), None, column))))
    scale = pc.power(10.0, pc.subtract(8.0, size))
    return pc.coalesce(pc.divide(pc.round(pc.multiply(column, scale)), scale), column)
