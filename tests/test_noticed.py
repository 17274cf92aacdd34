"""A-2, A-11: what is written down about tenant predicates names predicates and tests that there are."""

from functools import cache
from pathlib import Path

from tests.covered import EQUIVALENT
from tests.mutants import ROOT, Mutant
from tests.noticed import ASKED, noticed
from tests.predicates import predicates_of


@cache
def predicates() -> dict[str, Mutant]:
    return {
        mutant.full_name: mutant
        for package in ASKED
        for path in sorted((ROOT / package).rglob("*.py"))
        for mutant in predicates_of(path)
    }


def test_only_what_there_is_was_noticed_and_by_tests_there_are() -> None:
    """What was changed or moved has to be hunted again: `python -m tests.predicates billing <module>`."""
    there = predicates()
    assert [name for name in noticed() if name not in there] == []
    texts: dict[str, str] = {}
    for name, test in noticed().items():
        path, _, rest = test.partition("::")
        function = rest.partition("[")[0].rpartition("::")[2]
        text = texts.setdefault(path, Path(ROOT, path).read_text())
        assert f"def {function}(" in text, f"{name} was noticed by a test that is gone: {test}"


def test_what_was_noticed_changes_something() -> None:
    there = predicates()
    assert [name for name in noticed() if there[name].name in EQUIVALENT] == []


def test_each_reason_is_of_a_tie_that_is_there() -> None:
    kinds = (": tie: ", ": join: ", ": sql: ")
    reasons = [name for name in EQUIVALENT if any(kind in name for kind in kinds)]
    assert set(reasons) <= {mutant.name for mutant in predicates().values()}


def test_every_table_of_a_tie_is_asked_about_somewhere() -> None:
    """A tie is found however the column is named: by its class, a table's alias, or in SQL."""
    names = list(predicates())
    for known in (
        "billing/tags.among: tie: col(Tag.partner_id) == actor.partner_id",
        "billing/tags._usage: tie: col(link.partner_id) == tag.partner_id",
        "billing/tags.tag_customers: join: col(Customer.partner_id) == col(Tag.partner_id)",
        "auth/companies.lock: tie: _CUSTOMER.c.partner_id == actor.partner_id",
        "billing/duplicates.possible_duplicates: sql: _SAME_TAX_ID: partner_id = :partner_id",
    ):
        assert known in names
