"""What channels remember: how their rows stood, their state, and what people said there."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON(none_as_null=True)
AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    for name, kind in (("at", AT), ("delivered_at", AT), ("detail", DOCUMENT)):
        op.add_column("outbox", sa.Column(name, kind))
    op.create_index("ix_outbox_channel_reference", "outbox", ["channel", "reference"])
    op.create_table(
        "channels",
        _must("name", sa.String(32)),
        _must("leased_by", sa.String(64)),
        sa.Column("lease_until", AT),
        sa.Column("held_until", AT),
        _must("failures", sa.Integer()),
        _must("reason", sa.Text()),
        sa.Column("polled_at", AT),
        sa.PrimaryKeyConstraint("name", name="pk_channels"),
    )
    op.create_table(
        "heard",
        sa.Column("seq", SEQ, autoincrement=True, nullable=False),
        _must("channel", sa.String(32)),
        _must("key", sa.String(128)),
        _must("proposal_id", sa.String(64)),
        _must("at", AT),
        _must("said_at", AT),
        _must("author", sa.Text()),
        _must("kind", sa.String(16)),
        _must("reason_code", sa.String(32)),
        _must("text", sa.Text()),
        _must("result", sa.Text()),
        sa.PrimaryKeyConstraint("seq", name="pk_heard"),
        sa.UniqueConstraint("channel", "key", name="uq_heard_channel_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_heard_proposal_id", "heard", ["proposal_id"])
    op.create_index("ix_heard_at", "heard", ["at"])


def downgrade() -> None:
    op.drop_table("heard")
    op.drop_table("channels")
    op.drop_index("ix_outbox_channel_reference", "outbox")
    with op.batch_alter_table("outbox") as outbox:
        for name in ("detail", "delivered_at", "at"):
            outbox.drop_column(name)


def _must(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)
