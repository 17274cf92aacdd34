"""The words of users there were before they could be searched for, made by the migration."""

from importlib import import_module

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, text

from billing.search import words_kept
from db.engine import make_engine
from tests.cast import Cast

home = import_module("db.migrations.versions.0005_home")

NAMES = (
    "Petra Payne",
    "Zoë O'Brien-Söhne",
    "ünïon 5",
    "İstanbul",
    "x" * 80,
    "",
    "a_b  c",
    "李 小龙",
    "\u2028-",
)


@pytest.mark.parametrize("name", NAMES)
def test_its_words_are_those_the_rules_keep(name: str) -> None:
    texts = (name, f"{name[:3].lower()}@acme.example")
    assert home.words(*texts) == words_kept(texts)


def test_everybody_becomes_findable_but_who_was_removed_and_staff(
    database_url: str, owner: Connection, cast: Cast
) -> None:
    # The cast is written straight into the tables: without words, as everybody was before.
    assert owner.execute(text("select count(*) from search_token where kind = 'user'")).scalar_one() == 0
    owner.execute(
        text("update membership set status = 'REMOVED', removed_at = now() where id = :id"),
        {"id": cast.vera.id},
    )
    engine = make_engine(database_url, as_role=False)
    for _ in range(2):  # what is there already is no trouble
        with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
            home._keep_words()
    engine.dispose()
    found = owner.execute(
        text(
            "select s.partner_id, s.customer_id, s.subject_id, array_agg(s.token) from search_token s"
            " where s.kind = 'user' group by 1, 2, 3"
        )
    ).all()
    people = {cast.actors[name] for name in ("carl", "petra", "gus", "ines")}
    assert {(row[0], row[1], row[2]) for row in found} == {
        (who.partner_id, who.customer_id, who.id) for who in people
    }
    words = {row[2]: set(row[3]) for row in found}
    kept = words_kept((cast.petra.name, cast.emails["petra"]))
    assert words[cast.petra.id] == kept
