"""The mail with a code: it says the code that signs in, and nothing is sent once that is dead."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import Connection, text
from sqlmodel import select

from auth.mailed_codes import LIFE, Mailed, MailedCode
from auth.sessions import SignedIn
from auth.users import User
from db.session import Database
from integrations.mail import code_letters
from integrations.mail.compose import Composer
from integrations.mail.letters import Letter, NotWanted
from tests.auth import steps
from tests.auth.mailed_steps import ask, finish
from tests.cast import Cast
from tests.portal.look import TEMPLATES


@pytest.fixture
def letter(database: Database, cast: Cast, now: datetime) -> Callable[[datetime], Letter]:
    def write(when: datetime) -> Letter:
        with database.transaction(user_id=cast.petra.user_id) as db:
            code = db.exec(select(MailedCode)).one()
            user = db.exec(select(User)).one()
            link = "https://remit.example{}".format
            return code_letters.write(db, user=user, code=code, link=link, now=when)

    return write


def test_it_says_the_code_that_signs_in(
    database: Database, cast: Cast, letter: Callable[[datetime], Letter], now: datetime
) -> None:
    token = ask(database, cast.emails["petra"], now)
    found = letter(now)
    assert found.to_address == cast.emails["petra"]
    composer = Composer(TEMPLATES, public_url="https://remit.example", sender="no-reply@remit.example")
    message = composer.write(
        found.kind, mail_id=found.mail_id, to_name=found.to_name, to_address=found.to_address,
        sender_name=found.sender_name, reply_to=None, locale=found.locale, now=now, values=found.values,
    )  # fmt: skip
    code = found.values["code"]
    for kind in ("plain", "html"):
        part = message.get_body((kind,))
        assert part is not None
        assert code in part.get_content()
        assert "for 10 minutes" in part.get_content()
    assert code not in str(message["Subject"])
    assert isinstance(finish(database, token, code, now), SignedIn)


def test_a_dead_code_is_not_sent(
    database: Database, owner: Connection, cast: Cast, letter: Callable[[datetime], Letter], now: datetime
) -> None:
    token = ask(database, cast.emails["petra"], now)
    with pytest.raises(NotWanted):
        letter(now + LIFE)
    finish(database, token, letter(now).values["code"], now)
    assert owner.execute(text("select used_at from mailed_code")).scalar_one() == now
    with pytest.raises(NotWanted):
        letter(now)


def test_the_one_for_a_new_browser_warns_whoever_did_not_ask(
    database: Database, cast: Cast, letter: Callable[[datetime], Letter], now: datetime
) -> None:
    mailed = steps.sign_in(database, cast.emails["petra"], now, reads_mail=False)
    assert isinstance(mailed, Mailed)
    found = letter(now)
    assert found.kind == "DEVICE_CODE"
    composer = Composer(TEMPLATES, public_url="https://remit.example", sender="no-reply@remit.example")
    message = composer.write(
        found.kind, mail_id=found.mail_id, to_name=found.to_name, to_address=found.to_address,
        sender_name=found.sender_name, reply_to=None, locale=found.locale, now=now, values=found.values,
    )  # fmt: skip
    for kind in ("plain", "html"):
        part = message.get_body((kind,))
        assert part is not None
        words = part.get_content()
        assert found.values["code"] in words
        assert steps.HOME in words
        assert "https://remit.example/forgot" in words
    assert isinstance(finish(database, mailed.token, found.values["code"], now), SignedIn)
