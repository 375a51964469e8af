"""models.yaml: what it means, and where a mistake is."""

from pathlib import Path

import pytest

from llo11ypop.core.errors import ConfigError
from llo11ypop.models.config import Models, load_models

CONFIG = Path("config")
PRESETS = CONFIG / "models"


def read(tmp_path: Path, text: str) -> Models:
    file = tmp_path / "models.yaml"
    file.write_text(text, encoding="utf-8")
    return load_models(file, PRESETS)


def test_as_shipped_no_role_is_set() -> None:
    assert load_models(CONFIG / "models.yaml", PRESETS) == Models()


def test_no_file_is_the_same(tmp_path: Path) -> None:
    assert load_models(tmp_path / "models.yaml", PRESETS) == Models()


def test_the_shipped_comments_are_a_file_that_works(tmp_path: Path) -> None:
    lines = (CONFIG / "models.yaml").read_text(encoding="utf-8").splitlines()
    start = lines.index(next(line for line in lines if line.startswith("# preset:")))
    found = read(tmp_path, "\n".join(line.removeprefix("#")[1:] for line in lines[start:]))
    assert set(found.endpoints) == {"director", "query_writer", "analyst", "causes", "writer", "guardrail", "judge"}
    assert [e.model for e in found.chain("causes")] == ["Qwen/Qwen3-8B", "larger-model"]
    assert found.budgets == Models().budgets
    assert (found.circuit_breaker, found.cache) == (Models().circuit_breaker, Models().cache)
    assert (found.cycle, found.votes) == (Models().cycle, Models().votes)


@pytest.mark.parametrize("preset", sorted(p.stem for p in PRESETS.glob("*.yaml")))
def test_a_preset_needs_a_model_and_nothing_else(tmp_path: Path, preset: str) -> None:
    one = read(tmp_path, f"preset: {preset}\nroles:\n  writer: {{model: m}}\n").endpoint("writer")
    assert one is not None
    assert one.base_url.endswith("/v1")
    assert one.max_tokens_as == ("max_completion_tokens" if preset == "openai" else "max_tokens")


def test_a_role_wins_over_defaults_and_these_over_the_preset(tmp_path: Path) -> None:
    text = "preset: vllm\ndefaults: {model: a, timeout_s: 5}\nroles:\n  writer:\n  judge: {model: b, base_url: 'https://x/v1/'}\n"
    found = read(tmp_path, text)
    writer, judge = found.endpoints["writer"], found.endpoints["judge"]
    assert (writer.model, writer.timeout_s, writer.max_in_flight) == ("a", 5, 8)
    assert (judge.model, judge.base_url) == ("b", "https://x/v1")


def test_an_analyst_without_a_role_of_its_own_is_one_of_all(tmp_path: Path) -> None:
    found = read(tmp_path, "preset: vllm\nroles:\n  analyst: {model: a}\n  analyst.gpu: {model: b}\n")
    assert [e.model for r in ("analyst.gpu", "analyst.network") if (e := found.endpoint(r))] == ["b", "a"]
    assert found.endpoint("writer") is None


def test_roles_that_fall_back_to_each_other_end(tmp_path: Path) -> None:
    found = read(tmp_path, "preset: vllm\nroles:\n  writer: {model: a, fallback: judge}\n  judge: {model: b, fallback: writer}\n")
    assert [e.model for e in found.chain("writer")] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("roles:\n  writr: {model: a}", 2, "no role named 'writr' — did you mean writer"),
        ("preset: vlm", 1, "no preset named 'vlm' — did you mean vllm"),
        ("roles:\n  writer:\n    model: a", 2, "base_url: Field required"),
        ("preset: vllm\nroles:\n  writer:\n    model: a\n    base_url: host:8000", 5, "write it as http"),
        ("roles:\n  writer: {model: a, base_url: 'https://u:p@h/v1'}", 2, "no user and password"),
        ("preset: vllm\nroles:\n  writer:\n    model: a\n    temprature: 0", 5, "temprature: Extra inputs"),
        ("preset: vllm\ndefaults:\n  timeout_s: -1\nroles:\n  writer: {model: a}", 3, "timeout_s"),
        ("preset: vllm\nroles:\n  writer:\n    model: a\n    structured: xml", 5, "structured"),
        ("preset: vllm\nroles:\n  writer:\n    model: a\n    fallback: judge", 5, "no role in this file named 'judge'"),
        ("preset: vllm\nroles:\n  writer:\n    model: a\n    api_key_file: /nowhere/key", 5, "cannot be read"),
        ("preset: vllm\nbudgets:\n  day: {cost: 5}\nroles:\n  writer: {model: a}", 3, "price_in_per_mtok"),
        ("budgets:\n  week: {calls: 1}", 2, "budgets.week"),
        ("rolls: {}", 1, "rolls"),
        ("cycle:\n  areas: 9", 2, "cycle.areas"),
        ("cycle:\n  places: 3\n  seconds: 300", 3, "cycle.seconds"),
        ("cycle: {depth: 1}", 1, "cycle.depth"),
        ("votes: 0", 1, "votes"),
        ("roles:\n  writer: {model: a}\n  writer: {model: b}", 3, "given twice"),
    ],
)
def test_a_mistake_has_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as bad:
        read(tmp_path, text + "\n")
    assert bad.value.line().startswith(f"{tmp_path / 'models.yaml'}:{line}: ")
    assert words in bad.value.line()
