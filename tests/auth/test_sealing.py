"""G-4: a seed opens for its person and row only, and outlives a change of keys."""

from datetime import datetime
from uuid import UUID

import pyotp
import pytest
from sqlalchemy import Connection, text
from sqlmodel import select

from app import operating
from auth import sealing, second_factors
from auth.factor_tables import TotpFactor
from auth.sealing import CannotOpen
from db.session import Database
from tests.auth.factor_steps import STEP, App, prove, set_up
from tests.cast import Cast
from tests.conftest import SECRET
from tests.figures import rounds
from worker.queue import defer_job

CROWD = rounds(10, 50)


@pytest.fixture
def app(database: Database, cast: Cast, now: datetime) -> App:
    """Petra's phone, set up a step ago, so that now's code is unused."""
    return set_up(database, cast.petra.user_id, now - 2 * STEP)


def test_a_seed_moved_to_another_person_or_row_does_not_open(
    database: Database, owner: Connection, cast: Cast, app: App, now: datetime
) -> None:
    carls = set_up(database, cast.carl.user_id, now - 2 * STEP)
    copy = text(
        "update totp_factor set seed_sealed = (select seed_sealed from totp_factor where id = :mine) "
        "where id = :theirs"
    )
    owner.execute(copy, {"mine": app.factor_id, "theirs": carls.factor_id})
    with pytest.raises(CannotOpen, match="moved or changed"):
        prove(database, cast.carl.user_id, app.code(now), now)
    # Even the whole row, given to another person.
    owner.execute(
        text("update totp_factor set user_id = :carl where id = :id"),
        {"carl": cast.carl.user_id, "id": app.factor_id},
    )
    with pytest.raises(CannotOpen, match="moved or changed"):
        prove(database, cast.carl.user_id, app.code(now), now)


def test_a_changed_byte_does_not_open(cast: Cast) -> None:
    place = {"column": "a.b", "owner": cast.petra.user_id, "row": cast.carl.user_id}
    sealed = sealing.seal_with([SECRET], "seed", **place)
    assert sealing.unseal_with([SECRET], sealed, **place) == "seed"
    assert sealing.seal_with([SECRET], "seed", **place) != sealed
    for at in range(len(sealed)):
        with pytest.raises(CannotOpen):
            sealing.unseal_with([SECRET], sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :], **place)
    with pytest.raises(CannotOpen):
        sealing.unseal_with([SECRET], sealed, **{**place, "column": "a.c"})
    with pytest.raises(CannotOpen, match="REMIT_SEALING_KEYS"):
        sealing.unseal_with(["another-key-" + "y" * 40], sealed, **place)


@pytest.mark.prove
def test_a_key_is_changed_and_no_seed_is_lost(
    database: Database, owner: Connection, cast: Cast, app: App, now: datetime
) -> None:
    """G-4: 20 seeds (full: 1,000) move under a new key; all open before and after."""
    petra, many = cast.petra.user_id, rounds(20, 1000)
    seeds = {app.factor_id: app.seed}
    with database.transaction(user_id=petra) as db:
        for number in range(1, many):
            factor = TotpFactor(user_id=petra, name=f"Phone {number}", seed_sealed=b"", created_at=now)
            seeds[factor.id] = pyotp.random_base32()
            factor.seed_sealed = sealing.seal(
                db, seeds[factor.id], column=second_factors.SEED_COLUMN, owner=petra, row=factor.id
            )
            db.add(factor)
    new = "a-new-key-" + "n" * 32
    both = Database(database.engine, defer_job, secret=SECRET, sealing_keys=[new])
    only_new = Database(database.engine, defer_job, secret="another-secret-" + "y" * 32, sealing_keys=[new])

    def opened(room: Database) -> dict[UUID, str]:
        with room.transaction(user_id=petra) as db:
            return {f.id: second_factors.seed_of(db, f) for f in db.exec(select(TotpFactor))}

    assert opened(both) == seeds
    carl = set_up(database, cast.carl.user_id, now)
    with both.transaction() as db:
        assert set(second_factors.people(db)) == {petra, cast.carl.user_id}
    assert operating.reseal(both) == many + 1
    with only_new.transaction(user_id=cast.carl.user_id) as db:
        assert [second_factors.seed_of(db, f) for f in db.exec(select(TotpFactor))] == [carl.seed]
    assert opened(both) == opened(only_new) == seeds
    with pytest.raises(CannotOpen):
        opened(database)
    assert operating.reseal(both) == 0
