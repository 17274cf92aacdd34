"""The portal's team: Carl invites colleagues, the others see who is there."""

import pytest
from sqlalchemy import Connection, text

from db import ids
from tests.cast import Cast
from tests.portal.conftest import Person, text_of, user_id
from tests.portal.customer.conftest import NOBODYS
from tests.world import nothing_changes

ANN = {"name": "Ann", "email": "ann@acme.example", "role": "PAYER"}


def ann(owner: Connection) -> str:
    """Ann's id, once she is invited."""
    return ids.shown("usr", owner.scalar(text("select id from membership where email = 'ann@acme.example'")))


def invite_mails(owner: Connection) -> int:
    """How many invites were queued."""
    return owner.scalar(text("select count(*) from mail where kind = 'INVITE'"))


def test_carl_invites_a_colleague_sends_it_again_and_revokes_it(carl: Person, owner: Connection):
    invited = carl.get(carl.post("/team/invite", {**ANN, "role": "VIEWER"}).headers["location"])
    assert "An invite is on its way to ann@acme.example." in text_of(invited)
    assert "Ann ann@acme.example Viewer Invited the invite is good until Mar 13, 2026" in text_of(invited)
    assert invite_mails(owner) == 1
    again = carl.get(carl.post(f"/team/{ann(owner)}/resend").headers["location"])
    assert "A new invite is on its way to ann@acme.example." in text_of(again)
    assert invite_mails(owner) == 2
    revoked = carl.get(carl.post(f"/team/{ann(owner)}/revoke").headers["location"])
    assert "The invite of Ann is revoked" in text_of(revoked)
    assert "no open invite" in text_of(revoked)
    assert (
        owner.scalar(text("select count(*) from invite where revoked_at is null and accepted_at is null"))
        == 0
    )


def test_who_nobody_chose_a_role_for_is_a_payer(carl: Person, owner: Connection):
    page = carl.get("/team/invite")
    assert 'value="PAYER" checked' in page.text
    carl.post("/team/invite", {"name": "Ann", "email": ANN["email"]})
    assert owner.scalar(text("select role from membership where email = 'ann@acme.example'")) == "PAYER"


def test_every_wrong_field_is_told_and_what_was_typed_stays(carl: Person, owner: Connection):
    with nothing_changes(owner):
        wrong = carl.post("/team/invite", {"name": "", "email": "nonsense", "role": "ADMIN"})
        taken = carl.post("/team/invite", {**ANN, "email": "petra@acme.example"})
    assert wrong.status_code == taken.status_code == 422
    for field in ("name", "email", "role"):
        assert f'id="error-{field}"' in wrong.text
    assert 'value="nonsense"' in wrong.text
    assert 'id="error-email"' in taken.text


@pytest.mark.parametrize("person", ["petra", "vera"])
def test_others_see_the_team_and_may_invite_nobody(
    person: str, signed_in, carl: Person, owner: Connection, cast: Cast
):
    carl.post("/team/invite", ANN)
    other = signed_in(person)
    page = text_of(other.get("/team"))
    assert "Carl carl@acme.example Manager Active" in page
    assert "Invite a colleague" not in page
    with nothing_changes(owner):
        assert other.get("/team/invite").status_code == 403
        assert other.post("/team/invite", {**ANN, "email": "bob@acme.example"}).status_code == 403
        for path in ("resend", "revoke"):
            assert other.post(f"/team/{ann(owner)}/{path}").status_code == 403


@pytest.mark.parametrize("stranger", ["gus", "ines"])
def test_acmes_people_look_like_none_to_strangers(
    stranger: str, signed_in, carl: Person, owner: Connection, cast: Cast
):
    carl.post("/team/invite", ANN)
    other = signed_in(stranger)
    assert "acme.example" not in other.get("/team").text
    with nothing_changes(owner):
        for path in ("resend", "revoke"):
            for known in (ann(owner), user_id(cast, "petra"), user_id(cast, "ada")):
                theirs, absent = (other.post(f"/team/{id_}/{path}") for id_ in (known, f"usr_{NOBODYS}"))
                assert (theirs.status_code, theirs.text) == (404, absent.text)


def test_who_has_accepted_has_no_invite_to_send_or_revoke(carl: Person, owner: Connection, cast: Cast):
    with nothing_changes(owner):
        for path in ("resend", "revoke"):
            assert carl.post(f"/team/{user_id(cast, 'petra')}/{path}").status_code == 409


def test_a_forged_form_invites_nobody(carl: Person, owner: Connection):
    with nothing_changes(owner):
        assert carl.post("/team/invite", ANN, forged=True).status_code == 403
