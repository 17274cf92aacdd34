"""A-2: past row-level security, neither a twin's place nor a sibling's is taken for one's own."""

from datetime import datetime

import pytest
from sqlalchemy import Connection, text

from auth import api_keys, invites, profiles
from auth.emails import parse_email
from auth.memberships import Membership
from auth.profiles import Seat
from db.session import Database
from tests.auth.steps import invite
from tests.auth.test_unguarded import plant_twins
from tests.cast import Cast


def test_the_key_that_a_job_goes_on_with_is_the_partners_own(
    unguarded: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    plant_twins(owner, cast)
    key = cast.northwind_key
    with unguarded.transaction(partner_id=key.partner_id) as db:
        found = api_keys.live(db, key.partner_id, key_id=key.id, now=now)  # type: ignore[arg-type]
        assert found is not None
        assert found.partner_id == key.partner_id


def test_archiving_one_customer_kills_no_siblings_invites(
    unguarded: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    invite(unguarded, cast.ada, customer_id=cast.customers["acme"], now=now)
    for company, many in (("globex", 0), ("acme", 1)):
        with unguarded.transaction(partner_id=cast.ada.partner_id) as db:
            killed = invites.kill_of_customers(db, cast.ada, customer_ids=[cast.customers[company]], now=now)
            assert killed == many


@pytest.mark.parametrize("whose", ["a twin's", "a sibling's"])
def test_an_address_that_is_taken_elsewhere_is_free_here(
    unguarded: Database, owner: Connection, cast: Cast, whose: str, now: datetime
) -> None:
    """Carl's twin has it, at another partner; or Gus has it, at another customer."""
    plant_twins(owner, cast)
    who, partner_id = (
        (cast.carl, cast.partners["contoso"]) if whose == "a twin's" else (cast.gus, cast.ada.partner_id)
    )
    new = parse_email("new@acme.example")
    taken = "update membership set email = :email, email_key = :key where id = :id and partner_id = :whose"
    given = {"email": new.address, "key": new.normal, "id": who.id, "whose": partner_id}
    owner.execute(text(taken), given)
    with unguarded.transaction(partner_id=cast.ada.partner_id) as db:
        seat = Seat(cast.petra, db.get_one(Membership, (cast.ada.partner_id, cast.petra.id)))
        profiles.copy_address(db, seat, email=new, now=now)
        assert seat.membership.email == new.address
