"""`run-trace` on files as people have them."""

import csv
import json

import pytest

from llo11ypop.cli import run

COLUMNS = ("rank", "stage", "iteration", "name", "start_us", "end_us")


def rows():
    made = []
    for step in range(6):
        for worker in range(8):
            took = 18.0 if worker == 3 else 10.0
            made.append((worker, worker // 4, step, "forward", 100.0 * step, 100.0 * step + took))
            made.append((worker, worker // 4, step, "backward", 100.0 * step + 20, 100.0 * step + 20 + 2 * took))
    return made


def test_csv_with_other_column_names(tmp_path, capsys):
    file = tmp_path / "trace.csv"
    with file.open("w", newline="") as out:
        csv.writer(out).writerows([COLUMNS, *rows()])
    assert run(["run-trace", str(file)]) == 0
    assert "Straggler: worker 3." in capsys.readouterr().out


def test_json_gives_the_whole_verdict(tmp_path, capsys):
    file = tmp_path / "trace.json"
    file.write_text(json.dumps([dict(zip(("worker", "stage", "step", "op", "start", "end"), r, strict=True)) for r in rows()]))
    assert run(["run-trace", str(file), "--json"]) == 0
    verdict = json.loads(capsys.readouterr().out)
    assert (verdict["blame"], verdict["name"], verdict["workers"]) == ("worker", "3", 8)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", "", "no operations"),
        ("t.csv", "worker,step,op\n1,1,f\n", "no column start, end"),
        ("t.csv", "worker,step,op,start,end\n1,x,f,0,1\n", "operation 1 cannot be read"),
        ("t.json", "{", "not JSON"),
        ("t.json", "{}", "expected a list"),
        ("t.csv", "worker,step,op,start,end\n1,1,f,0,1\n", "1 workers and 1 steps"),
    ],
)
def test_what_is_no_trace_is_said_in_one_line(tmp_path, capsys, name, content, said):
    file = tmp_path / name
    file.write_text(content)
    assert run(["run-trace", str(file)]) != 0
    assert said in capsys.readouterr().err


def test_a_missing_file_is_said(tmp_path, capsys):
    assert run(["run-trace", str(tmp_path / "none.csv")]) == 2
    assert "cannot be read" in capsys.readouterr().err
