"""Many customers at once: all or nothing, in one act that can be taken back."""

from datetime import datetime
from uuid import uuid4

import pytest
from sqlalchemy import Connection, text

from auth.actors import MissingRight
from billing import customer_bulk, customers
from billing.customer_bulk import NothingToUndo
from billing.customers import CustomerStatus
from errors import Invalid, NotFound
from tests.billing.acting import Acts
from tests.cast import Cast
from tests.world import nothing_changes


def test_archiving_many_changes_those_that_were_open(acts: Acts, cast: Cast, now: datetime) -> None:
    both = [cast.customers["acme"], cast.customers["globex"]]
    first = acts(cast.clem, customers.archive, customer_id=both[0])
    done = acts(cast.clem, customer_bulk.archive, customer_ids=both)
    assert [(one.id, one.status, one.archived_at) for one in done.customers] == [
        (both[1], CustomerStatus.ARCHIVED, now)
    ]
    assert done.customers[0].archiving_id == done.archiving_id != first.archiving_id


def test_all_of_them_or_none(acts: Acts, cast: Cast, owner: Connection) -> None:
    own = cast.customers["acme"]
    with nothing_changes(owner):
        for rule in (customer_bulk.archive, customer_bulk.restore):
            for other in (cast.customers["initech"], uuid4()):
                with pytest.raises(NotFound):
                    acts(cast.ada, rule, customer_ids=[own, other])
            with pytest.raises(Invalid) as refused:
                acts(cast.ada, rule, customer_ids=[])
            assert refused.value.problems[0].code == "REQUIRED"
            with pytest.raises(Invalid) as refused:
                acts(cast.ada, rule, customer_ids=[uuid4() for _ in range(501)])
            assert refused.value.problems[0].code == "TOO_MANY"
            for who in (cast.rita, cast.carl, cast.vera):
                with pytest.raises(MissingRight):
                    acts(who, rule, customer_ids=[own])
        for who in (cast.rita, cast.carl):
            with pytest.raises(MissingRight):
                acts(who, customer_bulk.undo_archiving, archiving_id=uuid4())


def test_restoring_many_clears_the_act(acts: Acts, cast: Cast, owner: Connection) -> None:
    both = [cast.customers["acme"], cast.customers["globex"]]
    done = acts(cast.ada, customer_bulk.archive, customer_ids=both)
    assert len(acts(cast.ada, customer_bulk.restore, customer_ids=both)) == 2
    assert acts(cast.ada, customer_bulk.restore, customer_ids=both) == ()
    with nothing_changes(owner), pytest.raises(NothingToUndo):
        acts(cast.ada, customer_bulk.undo_archiving, archiving_id=done.archiving_id)
    kept = owner.execute(text("select count(*) from customer where archiving_id is not null"))
    assert kept.scalar_one() == 0


def test_restored_ones_are_active_if_they_have_a_user_of_their_own(
    acts: Acts, cast: Cast, owner: Connection
) -> None:
    both = [cast.customers["acme"], cast.customers["globex"]]
    # Where companies have twins (tests/twins.py), the twin keeps its people.
    gone = text("""
        update membership set status = 'REMOVED' where partner_id = :partner and customer_id = :acme
          and set_config('twins.mirroring', 'on', true) = 'on'
    """)
    owner.execute(gone, {"partner": cast.partners["northwind"], "acme": both[0]})
    acts(cast.ada, customer_bulk.archive, customer_ids=both)
    restored = acts(cast.ada, customer_bulk.restore, customer_ids=both)
    assert {one.id: one.status for one in restored} == {
        both[0]: CustomerStatus.SETUP, both[1]: CustomerStatus.ACTIVE
    }  # fmt: skip
    assert [one.version for one in restored] == [3, 3]
