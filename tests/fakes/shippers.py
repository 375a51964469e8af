"""Documents as official shippers write them, flat, with the mappings that come with them.

Written from the shippers' own definitions: elastic/integrations (nvidia_gpu, kubernetes, system), Slurm's jobcomp_common.c,
telegraf's inputs.redfish and outputs.elasticsearch.
"""

from datetime import datetime, timedelta
from typing import Any

from tests.conformance.store_tables import catalog
from tests.fakes.elasticsearch_shippers import ShipperElasticsearch

Flat = dict[str, Any]
KEYWORD = "keyword"
NVIDIA = "metrics-nvidia_gpu.stats-default"
SLURM = "slurm"
EVENTS = "metrics-kubernetes.event-default"
SYSLOG = "logs-system.syslog-default"
BROKEN = "gpu-a-002"
"""The node with a fan that hardly turns."""

NVIDIA_MAPPING = {
    "@timestamp": "date", "data_stream.namespace": "constant_keyword", "host.name": KEYWORD,
    "gpu.labels.UUID": KEYWORD, "gpu.labels.Hostname": KEYWORD, "gpu.labels.modelName": KEYWORD, "gpu.labels.gpu": KEYWORD,
    "gpu.labels.DCGM_FI_DRIVER_VERSION": KEYWORD, "gpu.labels.uuid": KEYWORD, "gpu.labels.hostname": KEYWORD,
    "gpu.temperature.gpu": "float", "gpu.temperature.memory": "float", "gpu.power.usage": "float",
    "gpu.power.energy_consumption.total": "long", "gpu.utilization.gpu": "float", "gpu.utilization.memory_copy": "float",
    "gpu.clock.streaming_multiprocessor_frequency": "float", "gpu.clock.mem_frequency": "float", "gpu.error.xid": "float",
    "gpu.memory.framebuffer.size.used": "long", "gpu.memory.framebuffer.size.free": "long", "gpu.pcie.replay": "long",
    "gpu.Remapped.uncorrectable_remapped_rows.count": "long", "gpu.remapped.uncorrectable_remapped_rows.count": "long",
    "gpu.throttling.thermal": "long", "gpu.up": KEYWORD,
}  # fmt: skip
SLURM_TEXTS = (
    "username", "partition", "nodes", "exit_code", "derived_ec", "state", "failed_node", "cluster", "qos", "job_name", "account",
    "tres_alloc", "reservation_name",
)  # fmt: skip
SLURM_MAPPING = {
    "jobid": "long", "elapsed": "long", "total_nodes": "long", "total_cpus": "long", "time_limit": "long", "@queue_wait": "long",
    "@submit": "date", "@eligible": "date", "@start": "date", "@end": "date", "cpu_hours": "float",
    **{name: "text" for name in SLURM_TEXTS}, **{f"{name}.keyword": KEYWORD for name in SLURM_TEXTS},
}  # fmt: skip
"""What Elasticsearch makes of the documents by itself: text with a keyword sub-field."""
EVENTS_MAPPING = {
    "@timestamp": "date", "orchestrator.cluster.name": KEYWORD, "kubernetes.event.count": "long",
    "kubernetes.event.timestamp.first_occurrence": "date", "kubernetes.event.timestamp.last_occurrence": "date",
    "kubernetes.event.message": "text", "kubernetes.event.reason": KEYWORD, "kubernetes.event.type": KEYWORD,
    "kubernetes.event.source.component": KEYWORD, "kubernetes.event.source.host": KEYWORD,
    "kubernetes.event.metadata.namespace": KEYWORD, "kubernetes.event.involved_object.kind": KEYWORD,
    "kubernetes.event.involved_object.name": KEYWORD,
}  # fmt: skip
SYSLOG_MAPPING = {
    "@timestamp": "date", "data_stream.namespace": "constant_keyword", "host.hostname": KEYWORD, "host.name": KEYWORD,
    "process.name": KEYWORD, "log.syslog.facility.code": "long", "log.syslog.priority": "long", "message": "match_only_text",
}  # fmt: skip
REDFISH = {
    "redfish_thermal_fans": ("reading_rpm", "lower_threshold_critical"),
    "redfish_thermal_temperatures": ("reading_celsius", "upper_threshold_critical"),
    "redfish_power_powersupplies": ("power_output_watts", "line_input_voltage"),
}
TELEGRAF_MAPPING = {
    "@timestamp": "date", "measurement_name": KEYWORD,
    **{f"tag.{name}": KEYWORD for name in ("source", "address", "name", "health", "state", "rack", "cluster", "host")},
    **{f"{measurement}.{name}": "float" for measurement, names in REDFISH.items() for name in names},
}  # fmt: skip


def shipped(at: datetime, *, nodes: int = 4, hours: int = 2) -> ShipperElasticsearch:
    """A cluster that the five shippers have written to until `at`."""
    fake = ShipperElasticsearch(scripts=scripts())
    end = at.replace(tzinfo=None)
    times = [end - timedelta(minutes=5 * i + 1) for i in range(hours * 12)]
    names = [f"gpu-a-{n:03d}" for n in range(1, nodes + 1)]
    fake.put(NVIDIA, NVIDIA_MAPPING, [_gpu(t, n, g) for t in times for n in names for g in range(2)], stream=True)
    fake.put(SLURM, SLURM_MAPPING, [_job(end - timedelta(minutes=7 * i + 2), i, names) for i in range(hours * 8)])
    fake.put(EVENTS, EVENTS_MAPPING, [_event(t, names[i % nodes]) for i, t in enumerate(times)], stream=True)
    fake.put(SYSLOG, SYSLOG_MAPPING, [_line(t, names[i % nodes]) for i, t in enumerate(times)], stream=True)
    fake.put(f"telegraf-{at:%Y.%m.%d}", TELEGRAF_MAPPING, [s for t in times[::2] for n in names for s in _sensors(t, n)])
    fake.put(".kibana_1", {"type": KEYWORD}, [])
    return fake


def scripts() -> dict[str, str]:
    """The shipped tables' Painless, and what DuckDB makes of the same fields."""
    made = {name: one.script for dataset in catalog().datasets for name, one in catalog().runtime(dataset).items()}
    first = "coalesce({})".format
    said = {
        "gpu_index": 'CAST("gpu.labels.gpu" AS BIGINT)',
        "gpus": "CAST(coalesce(nullif(regexp_extract(\"tres_alloc.keyword\", 'gres/gpu=([0-9]+)', 1), ''), '0') AS BIGINT)",
        "gpu_seconds": "CAST(coalesce(nullif(regexp_extract(\"tres_alloc.keyword\", 'gres/gpu=([0-9]+)', 1), ''), '0') AS DOUBLE)"
        ' * "elapsed"',
        "exit_code": "CAST(split_part(\"exit_code.keyword\", ':', 1) AS BIGINT)",
        "exit_signal": "CAST(split_part(\"exit_code.keyword\", ':', 2) AS BIGINT)",
        "severity": "['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'][\"log.syslog.priority\" % 8 + 1]",
        "facility": "['kern', 'user', 'mail', 'daemon'][\"log.syslog.facility.code\" + 1]",
        "sensor_type": "CASE WHEN ends_with(\"measurement_name\", '_fans') THEN 'fan' WHEN ends_with(\"measurement_name\", "
        "'_powersupplies') THEN 'psu' WHEN contains(lower(\"tag.name\"), 'inlet') THEN 'inlet_temp' END",
        "reading": first(", ".join(f'"{m}.{names[0]}"' for m, names in REDFISH.items())),
        "lower_critical": first('"redfish_thermal_fans.lower_threshold_critical"'),
        "upper_critical": first('"redfish_thermal_temperatures.upper_threshold_critical"'),
    }
    return {made[f"llo11ypop.{name}"]: text for name, text in said.items()}


def _gpu(at: datetime, node: str, slot: int) -> Flat:
    return {
        "@timestamp": at, "data_stream.namespace": "default", "host.name": "agent-7", "gpu.labels.UUID": f"GPU-{node}-{slot}",
        "gpu.labels.Hostname": node, "gpu.labels.modelName": "NVIDIA H100 80GB HBM3", "gpu.labels.gpu": str(slot),
        "gpu.labels.DCGM_FI_DRIVER_VERSION": "550.54.15", "gpu.temperature.gpu": 55 + slot + at.minute % 7,
        "gpu.temperature.memory": 0,
        "gpu.power.usage": 510.5 + at.minute, "gpu.power.energy_consumption.total": 2_896_518_860, "gpu.utilization.gpu": 0.875,
        "gpu.utilization.memory_copy": 41, "gpu.clock.streaming_multiprocessor_frequency": 1755,
        "gpu.clock.mem_frequency": 2619, "gpu.error.xid": 0, "gpu.memory.framebuffer.size.used": 65_000 * 2**20,
        "gpu.memory.framebuffer.size.free": 15_000, "gpu.pcie.replay": 0,
        "gpu.Remapped.uncorrectable_remapped_rows.count": 0, "gpu.throttling.thermal": 1_000_000,
    }  # fmt: skip


def _job(end: datetime, number: int, names: list[str]) -> Flat:
    state = ("COMPLETED", "COMPLETED", "FAILED", "CANCELLED")[number % 4]
    return {
        "jobid": 1000 + number, "username": "ana", "partition": "train", "account": "llm", "qos": "normal", "cluster": "c-a",
        "state": state, "exit_code": "1:0" if state == "FAILED" else "0:0", "elapsed": 3600, "time_limit": 86_400,
        "nodes": names[number % len(names)], "total_nodes": 1, "tres_alloc": "cpu=64,mem=1T,node=1,gres/gpu=8",
        "job_name": "train", "@submit": end - timedelta(hours=2), "@eligible": end - timedelta(hours=2),
        "@start": end - timedelta(hours=1), "@end": end, "@queue_wait": 3600,
    }  # fmt: skip


def _event(at: datetime, node: str) -> Flat:
    return {
        "@timestamp": at, "orchestrator.cluster.name": "c-a", "kubernetes.event.count": 3,
        "kubernetes.event.timestamp.first_occurrence": at - timedelta(minutes=4),
        "kubernetes.event.timestamp.last_occurrence": at, "kubernetes.event.message": "Back-off restarting failed container",
        "kubernetes.event.reason": "BackOff", "kubernetes.event.type": "Warning", "kubernetes.event.source.component": "kubelet",
        "kubernetes.event.source.host": node, "kubernetes.event.metadata.namespace": "train",
        "kubernetes.event.involved_object.kind": "Pod", "kubernetes.event.involved_object.name": "train-0",
    }  # fmt: skip


def _line(at: datetime, node: str) -> Flat:
    return {
        "@timestamp": at, "data_stream.namespace": "default", "host.hostname": node, "host.name": node, "process.name": "systemd",
        "log.syslog.facility.code": 3, "log.syslog.priority": 6, "message": "Started System Logging Service.",
    }  # fmt: skip


def _sensors(at: datetime, node: str) -> list[Flat]:
    common = {"@timestamp": at, "tag.source": node, "tag.address": "10.0.0.1", "tag.state": "Enabled", "tag.rack": "r01",
              "tag.cluster": "c-a", "tag.host": "telegraf-1"}  # fmt: skip
    slow = node == BROKEN
    measured = [
        ("redfish_thermal_fans", "Fan 3", 900.0 if slow else 9000.0, 1500.0),
        ("redfish_thermal_fans", "Fan 4", 9000.0 + at.minute, 1500.0),
        ("redfish_thermal_temperatures", "Inlet Temp", 24.0 + at.minute % 3, 42.0),
        ("redfish_power_powersupplies", "PSU 1", 1450.0 + at.minute, 230.0),
    ]
    found = []
    for measurement, name, *readings in measured:
        fields = {f"{measurement}.{f}": value for f, value in zip(REDFISH[measurement], readings, strict=True)}
        health = "Critical" if readings[0] == 900 else "OK"
        found.append({**common, "measurement_name": measurement, "tag.name": name, "tag.health": health, **fields})
    return found
