"""What models were asked and answered, with the texts under their hashes."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON(none_as_null=True)
AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "model_texts",
        _must("hash", sa.String(64)),
        _must("body", sa.Text()),
        sa.PrimaryKeyConstraint("hash", name="pk_model_texts"),
    )
    op.create_table(
        "model_calls",
        sa.Column("seq", SEQ, autoincrement=True, nullable=False),
        _must("id", sa.String(64)),
        _must("at", AT),
        _must("role", sa.String(64)),
        _must("name", sa.String(128)),
        _must("model", sa.Text()),
        _must("prompt_hash", sa.String(64)),
        _must("request_hash", sa.String(64)),
        _must("system_hash", sa.String(64)),
        _must("user_hash", sa.String(64)),
        _must("schema_hash", sa.String(64)),
        _must("refs", DOCUMENT),
        _must("output", sa.Text()),
        _must("outcome", sa.String(32)),
        _must("why", sa.Text()),
        sa.Column("tokens_in", sa.Integer()),
        sa.Column("tokens_out", sa.Integer()),
        sa.Column("tokens_cached", sa.Integer()),
        sa.Column("cost", sa.Float()),
        _must("counted_tokens", sa.Integer()),
        _must("counted_cost", sa.Float()),
        _must("latency_s", sa.Float()),
        _must("repairs", sa.String(64)),
        sa.Column("taken", sa.Boolean()),
        _must("taken_why", sa.Text()),
        sa.Column("preferred", DOCUMENT),
        sa.PrimaryKeyConstraint("seq", name="pk_model_calls"),
        sa.UniqueConstraint("id", name="uq_model_calls_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_model_calls_at", "model_calls", ["at"])
    for column in ("system_hash", "user_hash", "schema_hash"):
        op.create_index(f"ix_model_calls_{column}", "model_calls", [column])


def downgrade() -> None:
    op.drop_table("model_calls")
    op.drop_table("model_texts")


def _must(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)
