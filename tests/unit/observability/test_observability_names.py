"""Names of events and metrics are an interface: dashboards and alerts are built on them."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from llo11ypop.observability import metrics
from llo11ypop.observability.events import Event
from llo11ypop.observability.logs import bound, configure_logging, logger, redact

EVENTS = """
approval.reconciled channel.down circuit.closed circuit.opened clock.jumped clock.skewed config.needs_restart
config.refused config.reloaded cycle.abandoned cycle.cut_off cycle.done cycle.failed cycle.skipped cycle.started
cycle.timed_out daemon.crashed daemon.draining daemon.started daemon.stopped delivery.done delivery.refused
http.failed job.done job.failed job.missed leader.gained leader.lock_unreachable leader.lost model.circuit_closed
model.circuit_opened model.not_recorded model.refused outcome.recorded
proposal.expired proposal.filed report.handed report.made retention.done statement.heard verdict.recorded
webhook.refused
""".split()

METRICS = """
llo11ypop_checkpoint_bytes llo11ypop_circuit_open llo11ypop_clock_jumps llo11ypop_clock_skew_seconds
llo11ypop_config_reload_failures llo11ypop_config_reloads llo11ypop_cycle_duration_seconds llo11ypop_cycle_errors
llo11ypop_cycles llo11ypop_deliveries llo11ypop_goal_value llo11ypop_jobs llo11ypop_last_cycle_timestamp_seconds
llo11ypop_leader llo11ypop_leader_changes llo11ypop_loop_lag_seconds llo11ypop_model_call_duration_seconds
llo11ypop_model_calls llo11ypop_model_calls_unmetered llo11ypop_model_circuit_open llo11ypop_model_cost
llo11ypop_model_memory_hits llo11ypop_model_refused llo11ypop_model_tokens
llo11ypop_outbox_dead llo11ypop_outbox_oldest_seconds llo11ypop_outbox_waiting
llo11ypop_proposal_wait_seconds llo11ypop_proposals_filed llo11ypop_proposals_open llo11ypop_queries
llo11ypop_webhooks
""".split()


def test_event_names() -> None:
    assert sorted(event.value for event in Event) == EVENTS


def test_metric_names() -> None:
    assert sorted(family.name for family in metrics.REGISTRY.collect()) == METRICS


def test_no_metric_has_a_node_or_gpu_as_label() -> None:
    labels = {label for collector in metrics.REGISTRY._collector_to_names for label in collector._labelnames}  # type: ignore[attr-defined]
    assert labels <= {"outcome", "node", "kind", "backend", "verdict", "goal", "job", "channel", "role", "model", "reason"}


def test_exposition_is_prometheus_text() -> None:
    assert b"# HELP llo11ypop_leader" in metrics.exposition()


@pytest.fixture
def lines() -> Iterator[Any]:
    root, out = logging.getLogger(), io.StringIO()
    before = (root.handlers[:], root.level)
    configure_logging("info", "json", out)
    yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    root.handlers[:], root.level = before
    structlog.reset_defaults()


def test_an_event_is_one_json_line_with_its_cycle(lines: Any) -> None:
    with bound(cycle_id="c-1"):
        logger("test").info(Event.CYCLE_DONE, proposals=2)
    logged = lines()[0]
    assert (logged["event"], logged["cycle_id"], logged["proposals"]) == ("cycle.done", "c-1", 2)
    assert logged["ts"].endswith("Z")


def test_standard_and_uvicorn_logs_go_the_same_way(lines: Any) -> None:
    logging.getLogger("uvicorn.error").warning("port %s", 1)
    assert lines()[0]["event"] == "port 1"


def test_a_traceback_has_no_local_variables(lines: Any) -> None:
    password = "hunter2"
    try:
        raise ValueError(len(password))
    except ValueError:
        logger("test").exception(Event.CYCLE_FAILED)
    assert "hunter2" not in json.dumps(lines())
    assert lines()[0]["exception"][0]["exc_type"] == "ValueError"


@pytest.mark.parametrize("key", ["password", "api_key", "apiKey", "Authorization", "csrf", "ledger_token", "secret"])
def test_secrets_are_removed_by_key(key: str) -> None:
    assert redact(None, "", {key: "x", "deep": [{key: "x"}]}) == {key: "[redacted]", "deep": [{key: "[redacted]"}]}


def test_passwords_inside_urls_are_removed() -> None:
    assert redact(None, "", {"url": "postgresql://u:pw@h/db"})["url"] == "postgresql://u:[redacted]@h/db"


def test_before_logging_is_set_up_nothing_goes_to_stdout() -> None:
    code = "from llo11ypop.observability.logs import logger; log = logger('x'); log.info('quiet'); log.warning('loud', token='t')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == ""
    assert "loud" in done.stderr
    assert "quiet" not in done.stderr
    assert "[redacted]" in done.stderr
