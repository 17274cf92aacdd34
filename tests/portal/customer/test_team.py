"""The portal's team: Carl invites, changes and removes colleagues, the others see who is there."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, text

from db import ids
from tests.cast import Cast
from tests.portal.conftest import Clock, Person, customer_id, text_of, user_id
from tests.portal.customer.conftest import NOBODYS
from tests.world import nothing_changes

ACTS = ("resend", "revoke", "role", "correct", "disable", "enable", "remove")
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
    assert "Ann ann@acme.example Viewer Invited The invite is good until Mar 13, 2026" in text_of(invited)
    assert invite_mails(owner) == 1
    again = carl.get(carl.post(f"/team/{ann(owner)}/resend").headers["location"])
    assert "A new invite is on its way to ann@acme.example." in text_of(again)
    assert invite_mails(owner) == 2
    revoked = carl.get(carl.post(f"/team/{ann(owner)}/revoke").headers["location"])
    assert "The invite of Ann is revoked" in text_of(revoked)
    assert "No open invite" in text_of(revoked)
    assert (
        owner.scalar(text("select count(*) from invite where revoked_at is null and accepted_at is null"))
        == 0
    )


def test_carl_corrects_a_colleague_who_never_accepted(carl: Person, owner: Connection, cast: Cast):
    carl.post("/team/invite", ANN)
    address = f"/team/{ann(owner)}/correct"
    assert f"{carl.home}{address}" in carl.get("/team").text
    assert 'value="ann@acme.example"' in carl.get(address).text
    with nothing_changes(owner):
        assert 'id="error-email"' in carl.post(address, {"name": "Ann", "email": "petra@acme.example"}).text
        assert carl.get(f"/team/{user_id(cast, 'petra')}/correct").status_code == 409
    done = carl.get(carl.post(address, {"name": "Anna", "email": "anna@acme.example"}).headers["location"])
    assert "A new invite is on its way to anna@acme.example." in text_of(done)
    assert "Anna anna@acme.example Payer Invited" in text_of(done)
    assert invite_mails(owner) == 2


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
        for path in ACTS:
            assert other.post(f"/team/{ann(owner)}/{path}", {"role": "VIEWER"}).status_code == 403
        for path in ("role", "disable", "remove"):
            assert other.get(f"/team/{ann(owner)}/{path}").status_code == 403


@pytest.mark.parametrize("stranger", ["gus", "ines"])
def test_acmes_people_look_like_none_to_strangers(
    stranger: str, signed_in, carl: Person, owner: Connection, cast: Cast
):
    carl.post("/team/invite", ANN)
    other = signed_in(stranger)
    assert "acme.example" not in other.get("/team").text
    with nothing_changes(owner):
        for path in ACTS:
            for known in (ann(owner), user_id(cast, "petra"), user_id(cast, "ada")):
                theirs, absent = (
                    other.post(f"/team/{id_}/{path}", {"role": "VIEWER"}) for id_ in (known, f"usr_{NOBODYS}")
                )
                assert (theirs.status_code, theirs.text) == (404, absent.text)


def test_carl_changes_disables_enables_and_removes_a_colleague(carl: Person, owner: Connection, cast: Cast):
    petra = f"/team/{user_id(cast, 'petra')}"
    assert 'value="PAYER" checked' in carl.get(f"{petra}/role").text
    changed = carl.get(carl.post(f"{petra}/role", {"role": "VIEWER"}).headers["location"])
    assert "Petra is Viewer now." in text_of(changed)
    assert "kept out of Acme from the next click on" in text_of(carl.get(f"{petra}/disable"))
    disabled = carl.get(carl.post(f"{petra}/disable").headers["location"])
    assert "Petra is disabled" in text_of(disabled)
    enabled = carl.get(carl.post(f"{petra}/enable").headers["location"])
    assert "Petra is enabled again." in text_of(enabled)
    assert "loses access to Acme at once" in text_of(carl.get(f"{petra}/remove"))
    removed = carl.get(carl.post(f"{petra}/remove").headers["location"])
    assert "Petra is removed from the team." in text_of(removed)
    assert "petra@acme.example" not in text_of(removed)
    status = text("select status, role from membership where id = :id")
    assert tuple(owner.execute(status, {"id": cast.petra.id}).one()) == ("REMOVED", "VIEWER")


def test_who_is_disabled_by_a_colleague_is_out_at_the_next_click(carl: Person, signed_in, cast: Cast):
    petra = signed_in("petra")
    assert petra.get("/invoices").status_code == 200
    carl.post(f"/team/{user_id(cast, 'petra')}/disable")
    assert petra.get("/invoices").status_code == 404


@pytest.mark.parametrize(("act", "fields"), [("role", {"role": "PAYER"}), ("disable", {}), ("remove", {})])
def test_the_last_manager_stays(
    carl: Person, owner: Connection, cast: Cast, act: str, fields: dict[str, str]
):
    with nothing_changes(owner):
        answer = carl.post(f"/team/{user_id(cast, 'carl')}/{act}", fields)
    assert answer.status_code == 409
    assert "the last Manager" in text_of(answer)


@pytest.mark.parametrize("role", ["ADMIN", "", "x"])
def test_no_other_role_is_given(carl: Person, owner: Connection, cast: Cast, role: str):
    with nothing_changes(owner):
        answer = carl.post(f"/team/{user_id(cast, 'petra')}/role", {"role": role})
    assert (answer.status_code, 'id="error-role"' in answer.text) == (422, True)


def test_changing_the_team_takes_a_fresh_proof(carl: Person, owner: Connection, cast: Cast, clock: Clock):
    clock.now += timedelta(minutes=16)
    with nothing_changes(owner, without=("session",)):
        for address in ("/team/invite", *(f"/team/{user_id(cast, 'petra')}/{act}" for act in ACTS)):
            answer = carl.post(address, ANN)
            assert (answer.status_code, 'action="/account/prove"' in answer.text) == (403, True)


def test_who_has_accepted_has_no_invite_to_send_or_revoke(carl: Person, owner: Connection, cast: Cast):
    with nothing_changes(owner):
        for path in ("resend", "revoke"):
            assert carl.post(f"/team/{user_id(cast, 'petra')}/{path}").status_code == 409


def test_a_forged_form_invites_nobody(carl: Person, owner: Connection):
    with nothing_changes(owner):
        assert carl.post("/team/invite", ANN, forged=True).status_code == 403


def test_beside_the_last_manager_stands_why_nothing_can_be_done(carl: Person, ada: Person, cast: Cast):
    mine, told = user_id(cast, "carl"), "The last Manager stays: make somebody else Manager first."
    tab = f"/customers/{customer_id(cast, 'acme')}/users"
    acts = ("role", "disable", "remove")
    for page in (carl.get("/team"), ada.get(tab)):
        assert text_of(page).count(told) == 1
        assert not any(f"/{mine}/{act}" in page.text for act in acts)
    carl.post("/team/invite", {**ANN, "role": "MANAGER"})
    for page in (carl.get("/team"), ada.get(tab)):
        assert told not in text_of(page)
        assert all(f"/{mine}/{act}" in page.text for act in acts)
