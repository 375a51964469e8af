"""Cycles, proposals, evidence, approvals, outbox, outcomes and feedback."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON(none_as_null=True)
AT = sa.DateTime(timezone=True)
OPEN = sa.text("status IN ('approved', 'pending', 'snoozed')")
TABLES = (
    "verdicts",
    "receipts",
    "proposal_evidence",
    "outcomes",
    "outbox",
    "approval_threads",
    "proposals",
    "feedback",
    "evidence",
    "cycles",
)


def upgrade() -> None:
    _cycles()
    _proposals()
    _evidence()
    _approvals()
    _outbox()
    _learning()


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)


def _cycles() -> None:
    op.create_table(
        "cycles",
        _seq(),
        _must("id", sa.String(64)),
        _must("at", AT),
        sa.Column("closed_at", AT),
        _must("config_hash", sa.String(64)),
        _must("status", sa.String(16)),
        _must("report", DOCUMENT),
        sa.PrimaryKeyConstraint("seq", name="pk_cycles"),
        sa.UniqueConstraint("id", name="uq_cycles_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_cycles_status", "cycles", ["status"])


def _proposals() -> None:
    op.create_table(
        "proposals",
        _seq(),
        _must("id", sa.String(64)),
        _must("dedup_key", sa.String(128)),
        _must("cycle_id", sa.String(64)),
        _must("goal", sa.String(128)),
        _must("cause", sa.String(64)),
        _must("status", sa.String(16)),
        _must("created_at", AT),
        _must("expires_at", AT),
        sa.Column("snoozed_until", AT),
        sa.Column("closed_at", AT),
        sa.Column("last_seen_at", AT),
        _must("reopened", sa.Integer()),
        _must("confidence", sa.Float()),
        _must("children", DOCUMENT),
        _must("body", DOCUMENT),
        sa.PrimaryKeyConstraint("seq", name="pk_proposals"),
        sa.UniqueConstraint("id", name="uq_proposals_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_proposals_dedup_key", "proposals", ["dedup_key"])
    op.create_index("ix_proposals_status", "proposals", ["status"])
    op.create_index("ix_proposals_created_at", "proposals", ["created_at"])
    op.create_index(
        "uq_proposals_open_dedup_key",
        "proposals",
        ["dedup_key"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )


def _evidence() -> None:
    op.create_table(
        "evidence",
        _must("id", sa.String(64)),
        _must("plan", DOCUMENT),
        _must("at", AT),
        sa.Column("window_start", AT),
        sa.Column("window_end", AT),
        _must("queries", DOCUMENT),
        _must("rows", sa.LargeBinary()),
        _must("row_count", sa.Integer()),
        _must("truncated", sa.Boolean()),
        _must("approximate", sa.Boolean()),
        _must("status", sa.String(16)),
        _must("missing", DOCUMENT),
        _must("duration_s", sa.Float()),
        _must("hash", sa.String(64)),
        _must("note", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_evidence"),
    )
    op.create_index("ix_evidence_at", "evidence", ["at"])
    op.create_table(
        "proposal_evidence",
        *_of_proposal("proposal_evidence"),
        _must("evidence_id", sa.String(64)),
        sa.ForeignKeyConstraint(["evidence_id"], ["evidence.id"], name="fk_proposal_evidence_evidence_id"),
        sa.PrimaryKeyConstraint("proposal_id", "evidence_id", name="pk_proposal_evidence"),
    )
    op.create_index("ix_proposal_evidence_evidence_id", "proposal_evidence", ["evidence_id"])


def _approvals() -> None:
    op.create_table(
        "approval_threads",
        *_of_proposal("approval_threads"),
        _must("round", sa.Integer()),
        _must("state", sa.String(16)),
        _must("evidence_hash", sa.String(64)),
        sa.Column("lease_until", AT),
        sa.PrimaryKeyConstraint("proposal_id", name="pk_approval_threads"),
    )
    op.create_index("ix_approval_threads_state", "approval_threads", ["state"])
    op.create_table(
        "verdicts",
        _seq(),
        *_of_proposal("verdicts"),
        _must("round", sa.Integer()),
        _must("final", sa.Boolean()),
        _must("at", AT),
        _must("body", DOCUMENT),
        sa.PrimaryKeyConstraint("seq", name="pk_verdicts"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_verdicts_proposal_id", "verdicts", ["proposal_id"])
    final = sa.text("final")
    op.create_index(
        "uq_verdicts_final",
        "verdicts",
        ["proposal_id", "round"],
        unique=True,
        sqlite_where=final,
        postgresql_where=final,
    )
    op.create_table(
        "receipts",
        _must("key", sa.String(80)),
        *_of_proposal("receipts"),
        _must("action", sa.String(32)),
        _must("arguments", DOCUMENT),
        _must("begun_at", AT),
        sa.Column("finished_at", AT),
        sa.Column("receipt", DOCUMENT),
        sa.PrimaryKeyConstraint("key", name="pk_receipts"),
    )
    op.create_index("ix_receipts_proposal_id", "receipts", ["proposal_id"])


def _outbox() -> None:
    op.create_table(
        "outbox",
        _seq(),
        *_of_proposal("outbox"),
        _must("channel", sa.String(32)),
        _must("event", sa.String(32)),
        _must("state", sa.String(16)),
        _must("attempts", sa.Integer()),
        _must("next_at", AT),
        _must("reference", sa.Text()),
        _must("reason", sa.Text()),
        sa.PrimaryKeyConstraint("seq", name="pk_outbox"),
        sa.UniqueConstraint("proposal_id", "channel", "event", name="uq_outbox_proposal_id_channel_event"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_state", "outbox", ["state"])


def _learning() -> None:
    op.create_table(
        "outcomes",
        _seq(),
        *_of_proposal("outcomes"),
        _must("measured_at", AT),
        _must("final", sa.Boolean()),
        _must("body", DOCUMENT),
        sa.PrimaryKeyConstraint("seq", name="pk_outcomes"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outcomes_proposal_id", "outcomes", ["proposal_id"])
    op.create_table(
        "feedback",
        _seq(),
        _must("proposal_id", sa.String(64)),
        _must("at", AT),
        _must("record", DOCUMENT),
        sa.Column("outcome", DOCUMENT),
        sa.PrimaryKeyConstraint("seq", name="pk_feedback"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_feedback_proposal_id", "feedback", ["proposal_id"])


def _must(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _seq() -> sa.Column[Any]:
    return sa.Column("seq", SEQ, autoincrement=True, nullable=False)


def _of_proposal(table: str) -> tuple[Any, ...]:
    name = f"fk_{table}_proposal_id"
    return (
        _must("proposal_id", sa.String(64)),
        sa.ForeignKeyConstraint(["proposal_id"], ["proposals.id"], name=name, ondelete="CASCADE"),
    )
