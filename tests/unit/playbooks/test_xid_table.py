"""The XID table against the vendor's catalogue and against itself."""

import csv
from pathlib import Path

import pytest

from llo11ypop.core.errors import ConfigError
from llo11ypop.playbooks import load_xid_table
from tests.unit.playbooks.playbook_fleet import CONFIG

CATALOGUE = Path(__file__).parents[4] / "shared" / "data" / "xid-catalogue" / "xid_catalogue_2025-10-29.csv"
ONE = "source: s\nclasses: {a: A}\nsxid: []\nxid:\n"
TABLE = load_xid_table(CONFIG)


@pytest.mark.skipif(not CATALOGUE.exists(), reason="the vendor's catalogue is not beside the checkout")
def test_every_code_says_what_the_catalogue_says() -> None:
    with CATALOGUE.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == len(TABLE.xid) == 172
    for row in rows:
        code = TABLE.xid[int(row["code"])]
        flag = {"1": True, "0": False, "": None}[row["nvsentinel_chart_fatal"]]
        told = (code.mnemonic, code.description, code.immediate, code.investigatory, code.nvsentinel_fatal)
        assert told == (row["mnemonic"], row["description"], row["immediate_action"], row["investigatory_action"], flag), row[
            "code"
        ]


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("off_bus", (79,)),
        ("gsp", (119, 120)),
        ("ecc_uncontained", (95,)),
        ("ecc_sram", (140, 172)),
        ("remap_failed", (64,)),
        ("nvlink5", tuple(range(144, 151))),
        ("recovery_hint", (154,)),
    ],
)
def test_classes(name: str, codes: tuple[int, ...]) -> None:
    assert TABLE.codes("xid", name) == codes


@pytest.mark.parametrize(
    ("code", "fatal"),
    [
        (79, True),
        (95, True),
        (119, True),
        (13, False),
        (31, False),
        (43, False),
        (45, False),
        (63, False),
        (94, False),
        (162, False),
        (1, False),
    ],
)
def test_fatal_leaves_out_users_unused_and_unmapped_codes(code: int, fatal: bool) -> None:
    assert (code in TABLE.codes("xid", "fatal")) is fatal


@pytest.mark.parametrize("code", [48, 109, 160, 145])
def test_a_disagreement_of_sources_is_stated(code: int) -> None:
    assert TABLE.xid[code].conflict


def test_both_watched_sxids_state_the_disagreement() -> None:
    assert all(TABLE.sxid[code].conflict for code in TABLE.codes("sxid", "sxid_watch"))


def test_blank_actions_are_unmapped() -> None:
    for code in TABLE.xid.values():
        if not code.immediate:
            assert code.kind in ("unmapped", "ecc_dram", "ecc_sram")


def test_lists_are_put_in_place_without_moving_lines() -> None:
    text = "a: ${xid.gsp}\nb: ${sxid.sxid_thermal}\n"
    assert TABLE.expand(text, "f") == "a: (119, 120)\nb: (10004, 10006, 28001, 28003)\n"


def test_an_unknown_class_is_named_with_its_line() -> None:
    with pytest.raises(ConfigError, match=r"f.yaml:2: no sxid class named 'gsp'"):
        TABLE.expand("a: 1\nb: ${sxid.gsp}", "f.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("xid: []", "source"),
        (ONE + "  - {code: 1, kind: b, description: d}", "class 'b' is not described"),
        (
            ONE + "  - {code: 1, kind: a, description: d}\n  - {code: 1, kind: a, description: d}",
            "listed twice",
        ),
    ],
)
def test_mistakes_in_the_table(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "xid.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_xid_table(tmp_path)


def test_a_missing_table(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the XID table is missing"):
        load_xid_table(tmp_path)
