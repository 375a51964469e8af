"""What `/metrics` shows: base units, `_total` on counters, no node or GPU as a label."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY = CollectorRegistry()

_CYCLE_BUCKETS_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 240, 600)
_CALL_BUCKETS_S = (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120)
_WAIT_BUCKETS_S = (60, 300, 900, 3600, 4 * 3600, 24 * 3600, 7 * 24 * 3600)

CYCLES = Counter(
    "llo11ypop_cycles",
    "Cycles by how they ended (done, failed, timed_out, cut_off, skipped).",
    ["outcome"],
    registry=REGISTRY,
)
CYCLE_DURATION = Histogram(
    "llo11ypop_cycle_duration_seconds",
    "How long a cycle took.",
    ["outcome"],
    buckets=_CYCLE_BUCKETS_S,
    registry=REGISTRY,
)
CYCLE_ERRORS = Gauge(
    "llo11ypop_cycle_errors", "What could not be read or analysed in the last cycle that was done.", registry=REGISTRY
)
LAST_CYCLE = Gauge("llo11ypop_last_cycle_timestamp_seconds", "Fleet time of the last cycle that was done.", registry=REGISTRY)
QUERIES = Counter("llo11ypop_queries", "Native queries that cycles which were done sent to telemetry stores.", registry=REGISTRY)
PROPOSALS_OPEN = Gauge("llo11ypop_proposals_open", "Open proposals by action.", ["kind"], registry=REGISTRY)
PROPOSALS_FILED = Counter("llo11ypop_proposals_filed", "Proposals filed, by action.", ["kind"], registry=REGISTRY)
PROPOSAL_WAIT = Histogram(
    "llo11ypop_proposal_wait_seconds",
    "From filing to the answer.",
    ["kind", "verdict"],
    buckets=_WAIT_BUCKETS_S,
    registry=REGISTRY,
)
GOAL_VALUE = Gauge("llo11ypop_goal_value", "The value of a goal in its own unit.", ["goal"], registry=REGISTRY)
JOBS = Counter("llo11ypop_jobs", "Background jobs by how they ended.", ["job", "outcome"], registry=REGISTRY)
DELIVERIES = Counter(
    "llo11ypop_deliveries",
    "Deliveries to channels by how they ended (delivered, down, refused, dead).",
    ["channel", "outcome"],
    registry=REGISTRY,
)
OUTBOX_WAITING = Gauge("llo11ypop_outbox_waiting", "What channels must still be told.", ["channel"], registry=REGISTRY)
OUTBOX_DEAD = Gauge("llo11ypop_outbox_dead", "What was given up until a person says so.", ["channel"], registry=REGISTRY)
OUTBOX_AGE = Gauge(
    "llo11ypop_outbox_oldest_seconds", "How long the oldest undelivered news of a channel waits.", ["channel"], registry=REGISTRY
)
WEBHOOKS = Counter("llo11ypop_webhooks", "Webhook calls by what became of them.", ["channel", "outcome"], registry=REGISTRY)
LEADER = Gauge("llo11ypop_leader", "1 while this process schedules cycles.", registry=REGISTRY)
LEADER_CHANGES = Counter("llo11ypop_leader_changes", "Times this process became the one that schedules.", registry=REGISTRY)
CLOCK_SKEW = Gauge("llo11ypop_clock_skew_seconds", "How far this machine's clock is ahead of the ledger's.", registry=REGISTRY)
CIRCUIT_OPEN = Gauge("llo11ypop_circuit_open", "1 while failed cycles keep the schedule stopped.", registry=REGISTRY)
LOOP_LAG = Gauge("llo11ypop_loop_lag_seconds", "How late the event loop ran its last heartbeat.", registry=REGISTRY)
CLOCK_JUMPS = Counter("llo11ypop_clock_jumps", "Times the wall clock jumped.", registry=REGISTRY)
CHECKPOINT_BYTES = Gauge(
    "llo11ypop_checkpoint_bytes", "Size of the approval threads: of the file, or of the tables.", registry=REGISTRY
)
CONFIG_RELOADS = Counter("llo11ypop_config_reloads", "Configurations taken over while running.", registry=REGISTRY)
CONFIG_RELOAD_FAILURES = Counter(
    "llo11ypop_config_reload_failures", "Changed configurations that were refused.", registry=REGISTRY
)
MODEL_CALLS = Counter(
    "llo11ypop_model_calls",
    "Requests to model endpoints: accepted, or the reason why not.",
    ["role", "model", "outcome"],
    registry=REGISTRY,
)
MODEL_CALL_DURATION = Histogram(
    "llo11ypop_model_call_duration_seconds",
    "How long a request to a model endpoint took.",
    ["role", "model"],
    buckets=_CALL_BUCKETS_S,
    registry=REGISTRY,
)
MODEL_TOKENS = Counter(
    "llo11ypop_model_tokens",
    "Tokens as servers counted them: in, out, cached (a part of in).",
    ["role", "model", "kind"],
    registry=REGISTRY,
)
MODEL_UNMETERED = Counter(
    "llo11ypop_model_calls_unmetered", "Requests whose tokens the server did not count.", ["role", "model"], registry=REGISTRY
)
MODEL_COST = Counter(
    "llo11ypop_model_cost",
    "Cost of model calls in the currency of models.yaml, where prices are set.",
    ["role", "model"],
    registry=REGISTRY,
)
MODEL_MEMORY_HITS = Counter("llo11ypop_model_memory_hits", "Answers that were not asked for again.", ["role"], registry=REGISTRY)
MODEL_REFUSED = Counter(
    "llo11ypop_model_refused",
    "Questions to models that were left to the rule mind, by reason.",
    ["role", "reason"],
    registry=REGISTRY,
)
MODEL_CIRCUIT_OPEN = Gauge("llo11ypop_model_circuit_open", "1 while a failing model is left alone.", ["model"], registry=REGISTRY)


def exposition() -> bytes:
    """All metrics in the Prometheus text format."""
    return generate_latest(REGISTRY)
