"""Where settings come from, and how mistakes in them are said."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from llo11ypop import settings as module
from llo11ypop.core.errors import ConfigError, UnknownNameError
from llo11ypop.settings import Settings, find_config, load_settings, packaged_config, use_config


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "_chosen", [])
    monkeypatch.setenv("LLO11YPOP_SECRETS", str(tmp_path / "secrets"))


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "llo11ypop.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_file_states_exactly_the_defaults() -> None:
    shipped = yaml.safe_load((packaged_config() / "llo11ypop.yaml").read_text(encoding="utf-8"))
    assert Settings.model_validate(shipped) == Settings()
    assert {name: set(section) for name, section in shipped.items()} == {
        name: set(section) for name, section in Settings().model_dump().items()
    }


def test_file_over_defaults(tmp_path: Path) -> None:
    assert load_settings(_file(tmp_path, "cycle: {every: 90s}\n")).cycle.every == timedelta(seconds=90)


def test_environment_over_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLO11YPOP__CYCLE__EVERY", "2m")
    loaded = load_settings(_file(tmp_path, "cycle: {every: 90s, timeout: 1m}\n"))
    assert (loaded.cycle.every, loaded.cycle.timeout) == (timedelta(minutes=2), timedelta(minutes=1))


def test_arguments_over_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLO11YPOP__CONSOLE__PORT", "9000")
    assert load_settings(_file(tmp_path, ""), console={"port": 0}).console.port == 0


def test_secrets_come_from_files_and_stay_secret(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "ledger__url").write_text("postgresql://u:hunter2@h/db", encoding="utf-8")
    loaded = load_settings(_file(tmp_path, ""))
    assert loaded.ledger_url == "postgresql://u:hunter2@h/db"
    assert "hunter2" not in repr(loaded)
    assert "hunter2" not in str(loaded.model_dump(mode="json"))


def test_without_a_url_the_ledger_is_a_file() -> None:
    assert Settings().ledger_url == "sqlite:///.llo11ypop/ledger.sqlite"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("cycle:\n  every: 5m\n  evry: 3\n", 3, "cycle.evry"),
        ("cycle:\n  every: soon\n", 2, "'soon' is not a duration"),
        ("cycle:\n  misfire_grace: 1s\n", 2, "cycle.misfire_grace"),
        ("console:\n  port: 70000\n", 2, "console.port"),
        ("budgets:\n  disruptive_share: 0\n", 2, "disruptive_share"),
        ("nonsense: 1\n", 1, "nonsense"),
        ("cycle:\n  every: 1m\n  every: 2m\n", 3, "given twice"),
        ("- a\n", 1, "expected a mapping"),
        ("a: [\n", 2, ""),
        ("config_dir: /tmp\n", 1, "--config"),
    ],
)
def test_a_mistake_in_the_file_has_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    path = _file(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    assert caught.value.line().startswith(f"{path}:{line}:")
    assert words in caught.value.line()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("LLO11YPOP__CYCLE__EVERY", "1x", "LLO11YPOP__CYCLE__EVERY"),
        ("LLO11YPOP__CYCLE__EVRY", "1m", "LLO11YPOP__CYCLE__EVRY"),
        ("LLO11YPOP__CONSOLE__PORT", "many", "LLO11YPOP__CONSOLE__PORT"),
    ],
)
def test_a_mistake_in_the_environment_has_its_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=words):
        load_settings()


def test_an_unknown_section_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLO11YPOP__CYCL__EVERY", "1m")
    with pytest.raises(UnknownNameError, match="CYCL"):
        load_settings()


def test_a_missing_configuration_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no configuration at"):
        load_settings(tmp_path / "none")


def test_search_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_config() == packaged_config()
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "llo11ypop.yaml").write_text("", encoding="utf-8")
    assert find_config() == Path("config")
    monkeypatch.setenv("LLO11YPOP_CONFIG", "/named")
    assert find_config() == Path("/named")
    use_config(Path("/chosen"))
    assert find_config() == Path("/chosen")


def test_a_lone_file_uses_the_packaged_knowledge(tmp_path: Path) -> None:
    assert load_settings(_file(tmp_path, "")).config_dir == packaged_config()


def test_the_hash_follows_settings_and_knowledge(tmp_path: Path) -> None:
    (tmp_path / "catalog").mkdir()
    path = _file(tmp_path, "")
    first = load_settings(path).config_hash
    (tmp_path / "goals.yaml").write_text("a: 1\n", encoding="utf-8")
    second = load_settings(path).config_hash
    path.write_text("cycle: {every: 1m}\n", encoding="utf-8")
    assert len({first, second, load_settings(path).config_hash}) == 3


def test_settings_do_not_change_while_used() -> None:
    changeable: Any = Settings().cycle
    with pytest.raises(ValueError, match="frozen"):
        changeable.every = timedelta(1)
