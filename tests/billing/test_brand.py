"""The logo's rules: one picture a partner, whoever is first, and nobody else's."""

import pytest
from sqlalchemy import Connection, text

from auth.actors import MissingRight
from billing import brand, pictures
from billing.partners import Partner
from tests.billing.acting import Acts, at_once, codes
from tests.billing.test_pictures import drawn
from tests.cast import Cast


@pytest.mark.prove
def test_of_many_logos_at_once_one_stays(crowd: Acts, cast: Cast, owner: Connection) -> None:
    drafts = [pictures.as_logo(drawn("PNG", (10 + number, 10))) for number in range(10)]
    assert codes(at_once(10, lambda number: crowd(cast.ada, brand.set_logo, png=drafts[number]))) == {
        "Partner": 10
    }
    (name,) = owner.scalars(text("select name from partner_logo")).all()
    kept = owner.execute(text("select logo, version from partner where slug = 'northwind'")).one()
    assert tuple(kept) == (name, 11)


@pytest.mark.parametrize("who", ["clem", "rita", "carl", "petra", "vera"])
def test_whoever_may_not_changes_nothing(acts: Acts, cast: Cast, who: str) -> None:
    acts(cast.mallory, brand.set_logo, png=b"x")
    with acts.nothing_changes():
        for rule, given in ((brand.set_logo, {"png": b"y"}), (brand.remove_logo, {})):
            with pytest.raises(MissingRight):
                acts(cast.actors[who], rule, **given)


def test_each_partner_has_its_own(acts: Acts, cast: Cast, owner: Connection) -> None:
    for actor in (cast.ada, cast.mallory):
        made: Partner = acts(actor, brand.set_logo, png=b"x")
        assert made.logo is not None
    acts(cast.mallory, brand.remove_logo)
    assert set(owner.scalars(text("select partner_id from partner_logo"))) == {cast.partners["northwind"]}
