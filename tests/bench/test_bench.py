"""The bench itself: subjects are found and chosen, findings told alike to eyes and machines."""

import io

import orjson
import pytest
from rich.console import Console

from tests.bench.report import as_json, machine, show
from tests.bench.subject import Column, Findings, chosen

EVERY = [
    "reads",
    "imports",
    "million",
    "prices",
    "rows",
    "engine",
    "promotions",
    "faces",
    "hub",
    "orders",
    "fanout",
]


@pytest.mark.parametrize(
    ("asked", "names"),
    [(None, EVERY), ("", EVERY), ("hub", ["hub"]), ("hub, reads", ["reads", "hub"])],
)
def test_subjects_are_chosen_by_name_and_measured_in_their_order(asked, names):
    assert [one.name for one in chosen(asked)] == names


def test_an_unknown_subject_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"no subject speed; there are reads, imports"):
        chosen("reads,speed")


def test_findings_are_told_to_eyes_and_to_machines():
    found = Findings("Figures", (Column("what", "thing"), Column("ms", "p50", "ms", 2)))
    found.rows += [{"what": "page", "ms": 1234.567}, {"what": "other", "ms": None}]
    found.notes.append("Share a core.")
    written = io.StringIO()
    show(found, Console(file=written, width=100))
    assert "1,234.57" in written.getvalue()
    assert "None" not in written.getvalue()
    assert "Share a core." in written.getvalue()
    told = orjson.loads(as_json([("figures", found)], machine(), "make bench only=figures"))
    assert told["command"] == "make bench only=figures"
    assert told["machine"]["cores"] >= 1
    assert told["subjects"]["figures"] == {
        "title": "Figures",
        "columns": {"what": {"title": "thing", "unit": ""}, "ms": {"title": "p50", "unit": "ms"}},
        "rows": [{"what": "page", "ms": 1234.567}, {"what": "other", "ms": None}],
        "notes": ["Share a core."],
    }
