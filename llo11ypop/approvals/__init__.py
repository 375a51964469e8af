"""Proposals that wait for people: the ledger port, the approval thread, answers, expiry and reconciling."""
