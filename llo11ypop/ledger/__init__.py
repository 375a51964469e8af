"""The ledger in SQL: proposals, evidence, verdicts and outcomes in SQLite by default."""

from llo11ypop.ledger.ledger import SqlLedger

__all__ = ["SqlLedger"]
