"""Migrations that write rows: guards bind the tables' owner too, who would change none and not know."""

import re
from pathlib import Path

from app.tables import METADATA
from db import migrations
from db.policies import Guard

VERSIONS = Path(migrations.__file__).parent / "versions"
OWNERS = re.compile(r"run_as_owner\([^\n]*\"([\w.]+)\"\)")
WRITES = re.compile(r"^(?:update|delete from|insert into) (\w+)", re.MULTILINE)


def test_the_owner_writes_rows_only_where_the_guard_lets_it() -> None:
    guarded = {table.name for table in METADATA.sorted_tables if isinstance(table.info.get("guard"), Guard)}
    assert {"customer", "invoice_import"} <= guarded
    wrong = []
    for migration in sorted(VERSIONS.glob("*.py")):
        for named in OWNERS.findall(migration.read_text()):
            file = VERSIONS / (named if not named.startswith(".") else f"{migration.stem}.sql")
            statements = file.read_text()
            for write in WRITES.finditer(statements):
                before = statements[: write.start()]
                lifted = f"alter table {write[1]} no force row level security" in before
                new = re.search(rf"create table {write[1]} ", before, re.IGNORECASE)
                if write[1] in guarded and not lifted and not new:
                    wrong.append(f"{file.name}: {write[0]}")
    assert wrong == []
