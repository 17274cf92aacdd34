"""Which files an import takes in: encodings, separators, limits, and what is no table at all."""

import io

import pytest
from sqlalchemy import Connection, text

from billing import csv_in, customer_imports
from errors import Invalid
from tests.billing.importing import BLUE, HEAD, Imports
from tests.world import nothing_changes


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_encodings_and_separators_are_found_out(imports: Imports, encoding: str, separator: str) -> None:
    rows = [line.replace(",", separator) for line in (HEAD, "Café,,1 A St,Peoria,IL,61602,US,C")]
    found = imports.start(rows[1], head=rows[0], encoding=encoding)
    [row] = imports.act(customer_imports.sample, import_id=found)
    assert row.cells[0] == "Café"
    assert imports.find(found).fields[:3] == ["company", "tax_id", "address"]


def test_what_stands_in_quotes_separates_nothing(imports: Imports) -> None:
    found = imports.start(
        '"A; B; C",,1 A St,Peoria,IL,61602,US,C', head=HEAD.replace("Company", '"Com;pa;ny;;;;;;;"')
    )
    [row] = imports.act(customer_imports.sample, import_id=found)
    assert row.cells[:3] == ["A; B; C", "", "1 A St"]


@pytest.mark.parametrize("separator", [",", ";"])
def test_later_parts_are_read_as_the_first_was(imports: Imports, owner: Connection, separator: str) -> None:
    head, other = separator.join(("Company", "City")), "," if separator == ";" else ";"
    found = imports.start(separator.join(("A", "B")), head=head)
    part = separator.join((f"Smith{other} Jones{other} Lee", "Boston")).encode()
    imports.act(customer_imports.append, import_id=found, file=io.BytesIO(part), now=imports.now)
    rows = owner.scalars(text("select cells from customer_import_row order by position")).all()
    assert rows == [["A", "B"], [f"Smith{other} Jones{other} Lee", "Boston"]]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "EMPTY"),
        (b"Company\r\n", "EMPTY"),
        (b"\r\n\r\n", "EMPTY"),
        (b"Company\r\nA\0B", "NOT_TEXT"),
        ("Company\r\nAcme".encode("utf-16-le"), "NOT_TEXT"),
        (b"\x81\x8d\x8f", "NOT_TEXT"),
        (b'Company\r\n"never closed\r\nx\r\n', "BAD_CSV"),
        (b"Company\r\n" + b"x" * (10 << 20), "BAD_CSV"),
        (b'Company\r\n"' + b"x" * (10 << 20), "BAD_CSV"),
        (b"x" * (csv_in.MOST_BYTES + 1), "TOO_LARGE"),
        (b",".join([b"a"] * 101) + b"\r\nx", "TOO_MANY_COLUMNS"),
        (b"Company\r\n" + b"x\r\n" * (csv_in.MOST_ROWS + 1), "TOO_MANY_ROWS"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_table_is_refused_and_nothing_kept(
    imports: Imports, owner: Connection, content: bytes, code: str
) -> None:
    with nothing_changes(owner), pytest.raises(Invalid) as refused:
        file = io.BytesIO(content)
        imports.act(customer_imports.start, file_name="x.csv", file=file, now=imports.now)
    assert [(one.code, one.path) for one in refused.value.problems] == [(code, ("file",))]


def test_a_lone_surrogate_is_read_as_the_bytes_it_is(imports: Imports) -> None:
    """No UTF-8 holds one, so the file is Windows-1252: three odd letters, which people see in the report."""
    content = HEAD.encode() + b"\r\n" + BLUE.encode().replace(b"Bluebird", b"Blue\xed\xa0\x80bird")
    begun = imports.act(
        customer_imports.start, file_name="x.csv", file=io.BytesIO(content), now=imports.now
    )  # fmt: skip
    [row] = imports.act(customer_imports.sample, import_id=begun.id)
    assert row.cells[0] == "Blueí\xa0€bird"
