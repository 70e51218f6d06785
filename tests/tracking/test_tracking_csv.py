import csv
import io
import json

import pytest

from evoact.records import decode, encode
from evoact.tracking import GENES, ConfirmationCsv, HallOfFameCsv, csv_text, hall_of_fame_rows

WINNER = "0.5 * tanh(x) + x * sigmoid(a0 * x) where a0 = 1.5"


def read(path):
    return list(csv.DictReader(io.StringIO(path.read_text())))


def test_hall_of_fame_file(study, play, tmp_path):
    path = tmp_path / "deep" / "hall_of_fame.csv"
    play(study().search(), HallOfFameCsv(path))
    rows = read(path)
    assert path.read_text().splitlines()[0] == (
        "rank,id,expression,known_as,val_accuracy,cost,nodes,"
        "generation,origin,early,early_function,path,schedule,start,end,layers,by"
    )
    assert [row["val_accuracy"] for row in rows] == ["0.66", "0.64", "0.61", "0.6", "0.55", "0.5"]
    assert [row["rank"] for row in rows] == list("123456")
    assert rows[1]["known_as"] == "mish"
    assert {k: rows[0][k] for k in GENES} == {
        "early": "relu(x)",
        "early_function": "relu(x)",
        "path": "blend",
        "schedule": "cosine",
        "start": "0.0",
        "end": "0.5",
        "layers": "together",
        "by": "step",
    }
    assert rows[2]["early"] == rows[2]["end"] == ""
    assert sorted(p.name for p in path.parent.iterdir()) == ["hall_of_fame.csv"]


def test_file_is_there_after_each_generation(study, play, tmp_path):
    records = study().search()
    path = tmp_path / "hall_of_fame.csv"
    play(records[:7], HallOfFameCsv(path))
    assert len(read(path)) == 3


def test_bytes_do_not_depend_on_the_order_of_results_or_on_the_journal(study, play, tmp_path):
    records = study().search()
    shuffled = [*records[:2], *reversed(records[2:6]), *records[6:]]
    journalled = decode(encode(*records))
    texts = []
    for number, variant in enumerate([records, shuffled, journalled]):
        path = tmp_path / f"{number}.csv"
        play(variant, HallOfFameCsv(path))
        texts.append(path.read_bytes())
    assert texts[0] == texts[1] == texts[2]


def test_more_objectives_give_the_whole_front(study, play, tmp_path):
    spec = {**study().spec, "objectives": {"cost": "min", "val_accuracy": "max"}}
    history = play(study(spec=spec).search(), HallOfFameCsv(tmp_path / "h.csv"))
    rows = read(tmp_path / "h.csv")
    assert list(rows[0])[4:7] == ["cost", "val_accuracy", "nodes"]
    costs = [float(row["cost"]) for row in rows]
    accuracies = [float(row["val_accuracy"]) for row in rows]
    assert costs == sorted(costs)
    assert accuracies == sorted(accuracies)
    assert rows[0]["expression"] == "relu(x)"
    assert [row["id"] for row in rows] == [row["id"] for row in hall_of_fame_rows(history)]


def test_an_objective_that_is_minimised_ranks_from_below(study, play):
    spec = {**study().spec, "objectives": {"nodes": "min"}}
    rows = hall_of_fame_rows(play(study(spec=spec).search()))
    assert [row["nodes"] for row in rows] == sorted(row["nodes"] for row in rows)


def test_rows_are_plain_data(study, play):
    rows = hall_of_fame_rows(play(study().search()))
    assert json.loads(json.dumps(rows)) == rows
    assert rows[0]["expression"] == WINNER
    assert rows[0]["nodes"] == 11


def test_no_candidate_at_all_gives_the_header(study, play, tmp_path):
    nothing = study(generations=[("relu", "silu")], scores=[(None, None)])
    play(nothing.search(), HallOfFameCsv(tmp_path / "h.csv"))
    assert len((tmp_path / "h.csv").read_text().splitlines()) == 1


@pytest.mark.parametrize("text", ["=1+1", "+x", "-tanh(x)", "@SUM(A1)", "\tx"])
def test_no_text_is_a_formula_to_a_spreadsheet(text):
    written = csv_text(["expression"], [{"expression": text}])
    with io.StringIO(written, newline="") as file:
        assert list(csv.reader(file)) == [["expression"], [f"'{text}"]]


def test_a_text_cannot_end_its_row():
    written = csv_text(["a", "b"], [{"a": "x\r=1+1", "b": 'y\n",z'}])
    with io.StringIO(written, newline="") as file:
        assert list(csv.reader(file))[1] == ["x =1+1", 'y\n",z']


def test_a_negated_expression_is_escaped_in_the_file(study, play, tmp_path):
    play(study().search(), HallOfFameCsv(tmp_path / "h.csv"))
    assert read(tmp_path / "h.csv")[-1]["expression"] == "'-tanh(x)"


def test_numbers_keep_all_digits_and_their_sign():
    values = [0.1 + 0.2, -1e-300, 3]
    written = csv_text(["v"], [{"v": value} for value in values])
    assert [float(line) for line in written.splitlines()[1:]] == values


def test_confirmation_file(study, play, tmp_path):
    path = tmp_path / "confirmation.csv"
    listener = ConfirmationCsv(path)
    history = play(study().search(), listener)
    assert not path.exists()
    for record in study().confirmation():
        history.apply(record)
        listener.on_record(record, history)
    listener.close()
    rows = read(path)
    assert [row["role"] for row in rows] == ["winner", "finalist", "baseline", "baseline"]
    assert [row["test_mean"] == "" for row in rows] == [False, True, False, False]
    assert rows[0]["n"] == "8"
    assert float(rows[2]["val_mean"]) == pytest.approx(0.6045)


def test_empty_history_of_a_started_study(study, play):
    assert hall_of_fame_rows(play(study().search()[:1])) == []
