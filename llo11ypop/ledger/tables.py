"""The tables, as SQLAlchemy Core. A `seq` column orders what happened: a clock that jumps back changes nothing.

What changes about a proposal has a column; what never changes after filing is one JSON document, `body`.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

from llo11ypop.core.proposal import OPEN_STATUSES

OPEN_SQL = "status IN ({})".format(", ".join(f"'{s}'" for s in sorted(OPEN_STATUSES)))

# Not JSONB, which forgets the order of keys: the steps of a plan have one.
Document = JSON(none_as_null=True)
Sequence = BigInteger().with_variant(Integer, "sqlite")


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant; SQLite keeps it as naive UTC text of fixed width, which sorts."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC."""
        if value is None:
            return None
        at = value.astimezone(UTC)
        return at.replace(tzinfo=None) if dialect.name == "sqlite" else at

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Back to aware UTC."""
        if value is None:
            return None
        at: datetime = value
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


class Prose(TypeDecorator[str]):
    """Text that others wrote: without NUL, which PostgreSQL cannot keep."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Drop what cannot be kept."""
        return value.replace("\x00", "") if value else value


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _seq() -> Column[int]:
    return Column("seq", Sequence, primary_key=True, autoincrement=True)


def _id() -> Column[str]:
    return Column("id", String(64), nullable=False, unique=True)


def _attempted() -> tuple[Column[Any], ...]:
    """How far something that is sent has come, and when it is tried again."""
    return (
        Column("state", String(16), nullable=False, index=True),
        Column("attempts", Integer, nullable=False),
        Column("next_at", Instant, nullable=False),
    )


def _of_proposal(**options: Any) -> Column[str]:
    return Column("proposal_id", String(64), ForeignKey("proposals.id", ondelete="CASCADE"), nullable=False, **options)


cycles = Table(
    "cycles",
    metadata,
    _seq(),
    _id(),
    Column("at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("config_hash", String(64), nullable=False),
    Column("status", String(16), nullable=False, index=True),
    Column("report", Document, nullable=False),
    sqlite_autoincrement=True,
)

proposals = Table(
    "proposals",
    metadata,
    _seq(),
    _id(),
    Column("dedup_key", String(128), nullable=False, index=True),
    Column("cycle_id", String(64), nullable=False),
    Column("goal", String(128), nullable=False),
    Column("cause", String(64), nullable=False),
    Column("status", String(16), nullable=False, index=True),
    Column("created_at", Instant, nullable=False, index=True),
    Column("expires_at", Instant, nullable=False),
    Column("snoozed_until", Instant),
    Column("closed_at", Instant),
    Column("last_seen_at", Instant),
    Column("reopened", Integer, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("children", Document, nullable=False),
    Column("body", Document, nullable=False),
    Index(
        "uq_proposals_open_dedup_key",
        "dedup_key",
        unique=True,
        sqlite_where=text(OPEN_SQL),
        postgresql_where=text(OPEN_SQL),
    ),
    sqlite_autoincrement=True,
)

evidence = Table(
    "evidence",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("plan", Document, nullable=False),
    Column("at", Instant, nullable=False, index=True),
    Column("window_start", Instant),
    Column("window_end", Instant),
    Column("queries", Document, nullable=False),
    Column("rows", LargeBinary, nullable=False),  # Arrow IPC stream
    Column("row_count", Integer, nullable=False),
    Column("truncated", Boolean, nullable=False),
    Column("approximate", Boolean, nullable=False),
    Column("status", String(16), nullable=False),
    Column("missing", Document, nullable=False),
    Column("duration_s", Float, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("note", Prose, nullable=False),
)

proposal_evidence = Table(
    "proposal_evidence",
    metadata,
    _of_proposal(primary_key=True),
    Column("evidence_id", String(64), ForeignKey("evidence.id"), primary_key=True, index=True),
)

approval_threads = Table(
    "approval_threads",
    metadata,
    _of_proposal(primary_key=True),
    Column("round", Integer, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("evidence_hash", String(64), nullable=False),
    Column("lease_until", Instant),
)

verdicts = Table(
    "verdicts",
    metadata,
    _seq(),
    _of_proposal(index=True),
    Column("round", Integer, nullable=False),
    Column("final", Boolean, nullable=False),
    Column("at", Instant, nullable=False),
    Column("body", Document, nullable=False),
    Index(
        "uq_verdicts_final",
        "proposal_id",
        "round",
        unique=True,
        sqlite_where=text("final"),
        postgresql_where=text("final"),
    ),
    sqlite_autoincrement=True,
)

receipts = Table(
    "receipts",
    metadata,
    Column("key", String(80), primary_key=True),
    _of_proposal(index=True),
    Column("action", String(32), nullable=False),
    Column("arguments", Document, nullable=False),
    Column("begun_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("receipt", Document),
)

outbox = Table(
    "outbox",
    metadata,
    _seq(),
    _of_proposal(),
    Column("channel", String(32), nullable=False),
    Column("event", String(32), nullable=False),
    *_attempted(),
    Column("reference", Prose, nullable=False),
    Column("reason", Prose, nullable=False),
    Column("at", Instant),
    Column("delivered_at", Instant),
    Column("detail", Document),
    UniqueConstraint("proposal_id", "channel", "event"),
    Index("ix_outbox_channel_reference", "channel", "reference"),
    sqlite_autoincrement=True,
)

channels = Table(
    "channels",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("leased_by", String(64), nullable=False),
    Column("lease_until", Instant),
    Column("held_until", Instant),
    Column("failures", Integer, nullable=False),
    Column("reason", Prose, nullable=False),
    Column("polled_at", Instant),
)

# Outlives its proposal, as feedback does: a webhook that was heard must not be heard again.
heard = Table(
    "heard",
    metadata,
    _seq(),
    Column("channel", String(32), nullable=False),
    Column("key", String(128), nullable=False),
    Column("proposal_id", String(64), nullable=False, index=True),
    Column("at", Instant, nullable=False, index=True),
    Column("said_at", Instant, nullable=False),
    Column("author", Prose, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("reason_code", String(32), nullable=False),
    Column("text", Prose, nullable=False),
    Column("result", Prose, nullable=False),
    UniqueConstraint("channel", "key"),
    sqlite_autoincrement=True,
)

outcomes = Table(
    "outcomes",
    metadata,
    _seq(),
    _of_proposal(index=True),
    Column("measured_at", Instant, nullable=False),
    Column("final", Boolean, nullable=False),
    Column("body", Document, nullable=False),
    sqlite_autoincrement=True,
)

# Outlives its proposal: retention must not make the policy forget.
feedback = Table(
    "feedback",
    metadata,
    _seq(),
    Column("proposal_id", String(64), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("record", Document, nullable=False),
    Column("outcome", Document),
    sqlite_autoincrement=True,
)

reports = Table(
    "reports",
    metadata,
    _seq(),
    _id(),
    Column("kind", String(16), nullable=False),
    Column("title", Prose, nullable=False),
    Column("start_at", Instant, nullable=False),
    Column("end_at", Instant, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("body", Document, nullable=False),
    sqlite_autoincrement=True,
)

report_deliveries = Table(
    "report_deliveries",
    metadata,
    _seq(),
    Column("report_id", String(64), ForeignKey("reports.id", ondelete="CASCADE"), nullable=False),
    Column("outlet", String(32), nullable=False),
    *_attempted(),
    Column("lease_until", Instant),
    Column("text", Prose, nullable=False),
    UniqueConstraint("report_id", "outlet"),
    sqlite_autoincrement=True,
)

# Kept by the hash of their content: a prompt that is asked a thousand times is here once.
model_texts = Table(
    "model_texts",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("body", Prose, nullable=False),
)

model_calls = Table(
    "model_calls",
    metadata,
    _seq(),
    _id(),
    Column("at", Instant, nullable=False, index=True),
    Column("role", String(64), nullable=False),
    Column("name", String(128), nullable=False),
    Column("model", Prose, nullable=False),
    Column("prompt_hash", String(64), nullable=False),
    Column("request_hash", String(64), nullable=False),
    Column("system_hash", String(64), nullable=False, index=True),
    Column("user_hash", String(64), nullable=False, index=True),
    Column("schema_hash", String(64), nullable=False, index=True),
    Column("refs", Document, nullable=False),
    Column("output", Prose, nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("why", Prose, nullable=False),
    Column("tokens_in", Integer),
    Column("tokens_out", Integer),
    Column("tokens_cached", Integer),
    Column("cost", Float),
    Column("counted_tokens", Integer, nullable=False),
    Column("counted_cost", Float, nullable=False),
    Column("latency_s", Float, nullable=False),
    Column("repairs", String(64), nullable=False),
    Column("taken", Boolean),
    Column("taken_why", Prose, nullable=False),
    Column("preferred", Document),
    sqlite_autoincrement=True,
)
