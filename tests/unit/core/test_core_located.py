"""YAML that remembers its lines."""

import pytest
from pydantic import BaseModel, ConfigDict

from llo11ypop.core import located
from llo11ypop.core.errors import ConfigError
from llo11ypop.core.located import load_located, validate
from llo11ypop.settings import find_config


class _Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    count: int


class _Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    items: list[_Inner] = []


GOOD = "name: a\nitems:\n  - count: 1\n  - count: 2\n"


def test_a_good_document_is_read() -> None:
    read = validate(_Outer, load_located(GOOD, "x.yaml"))
    assert [i.count for i in read.items] == [1, 2]


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        (GOOD.replace("count: 2", "count: two"), 4, "items.1.count"),
        (GOOD.replace("count: 2", "cuont: 2"), 4, "items.1"),
        ("items: []\n", 1, "name"),
        ("name: a\nname: b\n", 2, "given twice"),
        ("name: [a\n", 2, ""),
        ("name: a\n\titems: []\n", 2, ""),
        ("- a\n", 1, "mapping"),
        ("", 1, "mapping"),
        ("name: &a [*a]\n", 1, ""),
    ],
)
def test_a_mistake_names_file_and_line(text: str, line: int, word: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(_Outer, load_located(text, "x.yaml"))
    assert str(caught.value).startswith(f"x.yaml:{line}: ")
    assert word in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_sub_document_keeps_its_lines() -> None:
    part = load_located(GOOD, "x.yaml").at("items", 1)
    assert part.value == {"count": 2}
    assert str(part.error("wrong", ("count",))) == "x.yaml:4: wrong"


def test_yaml_cannot_name_python_objects() -> None:
    with pytest.raises(ConfigError):
        load_located("name: !!python/object/apply:os.system ['true']\n", "x.yaml")


def test_only_true_and_false_are_booleans() -> None:
    assert load_located("{on: [a], yes: no, t: true, f: false}", "x").value == {"on": ["a"], "yes": "no", "t": True, "f": False}


def test_both_loaders_give_the_same_values_and_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [path.read_text() for path in sorted(find_config().rglob("*.yaml"))]
    quick = [load_located(text, "x") for text in texts]
    assert all(located._is_plain(text) for text in texts)
    monkeypatch.setattr(located, "_is_plain", lambda _: False)
    assert [load_located(text, "x") for text in texts] == quick
