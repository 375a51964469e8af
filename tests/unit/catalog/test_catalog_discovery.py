"""From what a store holds to an alias table: which names are taken, in which unit, and what is said about the rest."""

import re
from pathlib import Path
from typing import Any

import pytest

from llo11ypop.catalog import Catalog, load_catalog
from llo11ypop.catalog.discovery import Discovery, Holding, as_yaml, discover, wanted_names
from llo11ypop.catalog.discovery.holding import Kind
from llo11ypop.catalog.discovery.nearest import nearest
from llo11ypop.catalog.models import ForeignName
from llo11ypop.core.errors import ConfigError
from llo11ypop.stores.elasticsearch_survey import family
from tests.conformance.store_tables import catalog

CONFIG = Path(__file__).parents[3] / "config"
GPU: dict[str, Kind] = {
    "@timestamp": "timestamp", "gpu.labels.UUID": "string", "gpu.labels.Hostname": "string", "gpu.labels.gpu": "string",
    "gpu.temperature.gpu": "number", "gpu.utilization.gpu": "number", "gpu.memory.framebuffer.size.used": "number",
    "gpu.throttling.thermal": "number", "gpu.power.usage": "mixed",
}  # fmt: skip
UTIL, USED = "gpu.utilization.gpu", "gpu.memory.framebuffer.size.used"


def held(pattern: str = "metrics-nvidia_gpu.stats-*", columns: dict[str, Kind] | None = None, **more: Any) -> Holding:
    more.setdefault("native", {"gpu.power.usage": "float and keyword"})
    return Holding(pattern, GPU if columns is None else columns, **more)


def found(*holdings: Holding) -> Discovery:
    return discover(catalog(), holdings, "a test")


def name_of(field: str, *holdings: Holding) -> ForeignName:
    return found(*holdings).table.names[field][0]


def test_the_table_is_loaded_as_it_is_written_and_written_alike_twice(tmp_path: Path) -> None:
    discovery = found(held(), held("other-*", {"x": "number"}))
    text = as_yaml(discovery.table)
    assert as_yaml(found(held("other-*", {"x": "number"}), held()).table) == text
    (tmp_path / "elasticsearch.yaml").write_text(text)
    loaded = load_catalog(CONFIG, tmp_path)
    assert loaded.own == ("elasticsearch",)
    assert loaded.aliases["elasticsearch"] == discovery.table
    assert loaded.aliases["elasticsearch"].indices == {"gpu_metrics": "metrics-nvidia_gpu.stats-*"}


@pytest.mark.parametrize(
    ("values", "factor", "said"),
    [
        ((0.0, 0.25, 1.0), 100.0, "a ratio"),
        ((0, 1, 1), 1.0, "only 0 and 1"),
        ((0, 41, 100), 1.0, ""),
        ((), 1.0, "no value in the newest 9 documents"),
    ],
    ids=["ratio", "unclear", "per cent", "empty"],
)
def test_a_ratio_is_told_from_per_cent_by_its_values(values: tuple[float, ...], factor: float, said: str) -> None:
    name = name_of("gpu_metrics.gpu_util_pct", held(values={UTIL: values}, sampled=9))
    assert name.factor == factor
    assert said in name.note


@pytest.mark.parametrize(("power", "unit", "said"), [(2**20, "By", "but By"), (2**10, "By", "KiBy would fit too"), (1, "", "")])
def test_memory_is_read_in_the_unit_that_makes_its_values_readings(power: int, unit: str, said: str) -> None:
    name = name_of("gpu_metrics.fb_used_mib", held(values={USED: (0, 65_000 * power, 79_000 * power)}, sampled=3))
    assert name.unit == unit
    assert name.factor == (2**-20 if unit else 1.0)
    assert said in name.note


def test_the_unit_that_the_store_declares_is_converted_and_a_label_known_to_be_wrong_is_not() -> None:
    declared = held(units={USED: "By", "gpu.throttling.thermal": "us"})
    assert name_of("gpu_metrics.fb_used_mib", declared).factor == pytest.approx(2**-20)
    assert name_of("gpu_metrics.thermal_violation_ns_total", declared).factor == 1.0


def test_blanks_of_the_driver_say_nothing_about_the_unit() -> None:
    name = name_of("gpu_metrics.gpu_temp_c", held(values={"gpu.temperature.gpu": (61, 0, 9.223372e18, 2147483632)}))
    assert (name.factor, name.unit) == (1.0, "")


def test_what_cannot_be_a_reading_is_not_taken() -> None:
    discovery = found(held(values={"gpu.temperature.gpu": (-40_000, -41_000)}, sampled=2))
    assert "gpu_metrics.gpu_temp_c" not in discovery.table.names
    assert "a reading lies in 1 … 130 Cel" in discovery.table.unmapped["gpu_metrics.gpu_temp_c"]


def test_of_two_names_the_one_with_values_is_taken() -> None:
    both: dict[str, Kind] = {**GPU, "gpu.Remapped.uncorrectable_remapped_rows.count": "number",
                             "gpu.remapped.uncorrectable_remapped_rows.count": "number"}  # fmt: skip
    field = "gpu_metrics.remap_uncorrectable_total"
    assert name_of(field, held(columns=both)).name == "gpu.Remapped.uncorrectable_remapped_rows.count"
    filled = held(columns=both, values={"gpu.remapped.uncorrectable_remapped_rows.count": (0, 0)}, sampled=2)
    assert name_of(field, filled).name == "gpu.remapped.uncorrectable_remapped_rows.count"


def test_the_reason_is_said_for_every_field_that_is_not_mapped() -> None:
    discovery = found(held(columns={**GPU, "gpu.energy.joules": "number", "message": "text"}))
    unmapped = discovery.table.unmapped
    mapped = {n.partition(".")[2] for n in discovery.table.names}
    missing = {n.partition(".")[2] for n in unmapped if n.startswith("gpu_metrics.")}
    assert mapped | missing == set(catalog().datasets["gpu_metrics"].fields) and not mapped & missing
    assert "is float and keyword in different indices" in unmapped["gpu_metrics.power_w"]
    assert "nearest: gpu.energy.joules" in unmapped["gpu_metrics.energy_mj_total"]
    assert "many fleets do not export it" in unmapped["gpu_metrics.recovery_action"]


def test_a_field_of_the_wrong_type_is_no_match_but_what_is_made_from_it_is() -> None:
    assert name_of("gpu_metrics.gpu_index", held()).name == "llo11ypop.gpu_index"
    unmade = {n: k for n, k in GPU.items() if n != "gpu.labels.gpu"}
    assert "gpu_metrics.gpu_index" not in found(held(columns=unmade)).table.names


@pytest.mark.parametrize("lost", ["@timestamp", "gpu.labels.UUID"])
def test_without_its_time_or_its_series_a_dataset_is_not_there(lost: str) -> None:
    discovery = found(held(columns={n: k for n, k in GPU.items() if n != lost}))
    assert discovery.found == ()
    field = {"@timestamp": "ts", "gpu.labels.UUID": "gpu_uuid"}[lost]
    assert f"without {field}" in discovery.table.unmapped["gpu_metrics"]


def test_an_index_of_any_name_needs_more_than_a_lucky_field() -> None:
    web: dict[str, Kind] = {"@timestamp": "timestamp", "host.name": "string", "message": "text", "process.name": "string"}
    assert found(held("logs-nginx.access-*", web)).found == ()
    assert [m.dataset for m in found(held("logs-system.syslog-*", web)).found] == ["syslog"]


def test_indices_with_the_catalogs_own_names_are_found_too() -> None:
    own: dict[str, Kind] = {n: "number" for n, s in catalog().datasets["facility_env"].fields.items() if s.numeric}
    own.update({n: "string" for n, s in catalog().datasets["facility_env"].fields.items() if s.type == "string"})
    own["ts"] = "timestamp"
    assert found(held("bms-2026.05.*", own)).table.indices == {"facility_env": "bms-2026.05.*"}


def test_the_place_with_more_of_it_wins_and_the_other_is_named() -> None:
    less = held("old:metrics-nvidia_gpu.stats-*", {n: k for n, k in GPU.items() if n != UTIL})
    discovery = found(less, held())
    assert discovery.table.indices["gpu_metrics"] == "metrics-nvidia_gpu.stats-*"
    assert discovery.elsewhere == {"gpu_metrics": ("old:metrics-nvidia_gpu.stats-*",)}


def test_datasets_that_never_meet_are_told() -> None:
    nodes = {"gpu.labels.Hostname": ("gpu-a-001", "gpu-a-002")}
    log: dict[str, Kind] = {"@timestamp": "timestamp", "host.hostname": "string", "process.name": "string"}
    other = held("logs-system.syslog-*", log, values={"host.hostname": ("gpu-a-001.example.org",)}, sampled=1)
    (line,) = found(held(values=nodes, sampled=2), other).strangers
    assert "gpu-a-001.example.org" in line and "syslog" in line
    same = held("logs-system.syslog-*", log, values={"host.hostname": ("gpu-a-002",)}, sampled=1)
    assert found(held(values=nodes, sampled=2), same).strangers == ()


def test_a_prometheus_has_metrics_for_numbers_and_labels_for_names() -> None:
    columns: dict[str, Kind] = {
        "DCGM_FI_DEV_GPU_TEMP": "number", "DCGM_FI_DEV_POWER_USAGE": "number", "DCGM_FI_DEV_FB_USED": "number",
        "DCGM_FI_DEV_THERMAL_VIOLATION": "number", "DCGM_FI_DEV_XID_ERRORS": "number", "up": "number",
        "UUID": "label", "Hostname": "label", "gpu": "label",
    }  # fmt: skip
    series = {"DCGM_FI_DEV_GPU_TEMP": 15, "DCGM_FI_DEV_POWER_USAGE": 16, "DCGM_FI_DEV_FB_USED": 16}
    units = {"DCGM_FI_DEV_THERMAL_VIOLATION": "us"}
    more = {f"DCGM_FI_PROF_{n}": "number" for n in ("SM_ACTIVE", "DRAM_ACTIVE", "PIPE_TENSOR_ACTIVE", "GR_ENGINE_ACTIVE")}
    more |= {f"DCGM_FI_DEV_{n}": "number" for n in ("GPU_UTIL", "SM_CLOCK", "MEM_CLOCK", "FB_FREE", "MEMORY_TEMP")}
    table = found(held("http://p", columns | more, series=series, units=units, metrics=True)).table  # type: ignore[arg-type]
    assert table.series["gpu_metrics"].rows == "power_w"
    assert table.names["gpu_metrics.gpu_index"][0].name == "gpu"
    assert table.names["gpu_metrics.thermal_violation_ns_total"][0].factor == 1.0
    assert table.indices == {} and "gpu_metrics.ts" not in table.names


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("metrics-nvidia_gpu.stats-default", "metrics-nvidia_gpu.stats-*"),
        ("logs-system.syslog-prod.eu", "logs-system.syslog-*"),
        ("telegraf-2026.05.02", "telegraf-*"),
        ("telegraf-2026.05", "telegraf-*"),
        ("slurm", "slurm"),
        ("jobs-000007", "jobs-*"),
        ("gpu-h100", "gpu-h100"),
        ("prod:telegraf-2026.05.02", "prod:telegraf-*"),
    ],
)
def test_siblings_share_a_pattern(name: str, pattern: str) -> None:
    assert family(name) == pattern


def test_nearest_names_are_by_words_and_not_by_letters() -> None:
    there = ["gpu.memory.framebuffer.size.used", "gpu.throttling.power", "powerUsage", "zebra"]
    assert nearest("power_w", catalog().datasets["gpu_metrics"].fields["power_w"], there)[0] == "powerUsage"
    assert nearest("user", catalog().datasets["syslog"].fields["message"], there) == []


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("source: x\ndescription: y\nnames: {}\nindices: {gpus: x-*}\n", 4, "'gpus' is not a dataset"),
        ("source: x\ndescription: y\nnames:\n  gpu_metrics.heat: [{name: x}]\n", 4, "'gpu_metrics.heat' is not a dataset.field"),
    ],
)
def test_a_mistake_in_an_own_table_has_its_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(ConfigError, match=rf"own.yaml:{line}: .*{message}"):
        load_catalog(CONFIG, tmp_path)


def test_a_folder_without_tables_and_a_name_that_is_taken_are_mistakes(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no alias tables here") as empty:
        load_catalog(CONFIG, tmp_path)
    assert "catalog discover" in empty.value.line()
    (tmp_path / "otel.yaml").write_text("source: x\ndescription: y\nnames: {}\n")
    with pytest.raises(ConfigError, match="'otel' is a table that is shipped"):
        load_catalog(CONFIG, tmp_path)


def shipped_tables() -> list[str]:
    return sorted(catalog().aliases)


@pytest.mark.parametrize("table", shipped_tables())
def test_every_shipped_table_names_fields_once_and_scripts_read_what_they_need(table: str) -> None:
    document: Catalog = catalog()
    for dataset, fields in document.aliases[table].runtime.items():
        named = {f.name for c, names in document.aliases[table].names.items() if c.startswith(f"{dataset}.") for f in names}
        for name, made in fields.items():
            assert name in named
            assert all(f"'{needed}'" in made.script for needed in made.needs)
    text = (CONFIG / "catalog" / "aliases" / f"{table}.yaml").read_text()
    keys = re.findall(r"^  (\w+\.\w+):", text, re.MULTILINE)
    assert sorted(keys) == sorted(document.aliases[table].names)


def test_what_is_worth_a_look_are_the_names_of_all_tables() -> None:
    names = wanted_names(catalog())
    assert {"gpu.labels.UUID", "@end", "DCGM_FI_DEV_GPU_TEMP", "gpu_temp_c"} <= names
