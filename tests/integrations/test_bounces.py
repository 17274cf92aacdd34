"""Mails that come back: by a signed post or a mailbox, once, and for what they name alone (R-4)."""

import json
import mailbox
import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from billing import bounces, invoice_sending
from billing.mails import MailStatus
from db.session import Database
from integrations.bounces import SIGNATURE_HEADER, BounceDesk, receiver
from integrations.gateways.signatures import sign
from integrations.mail.delivery_notices import MOST_BYTES, DeliveryNotice
from integrations.mail.transports import NotNow
from tests.billing.acting import Acts
from tests.billing.test_invoice_scheduling import draft
from tests.cast import Cast
from tests.integrations.returned import ADDRESS, CORPUS, DELAYED, EXIM, MAIL
from tests.integrations.test_letters import Desk
from tests.world import nothing_changes

HOST = "pay.example.com"
SECRETS = ("0f1e2d3c4b5a69788796a5b4c3d2e1f0", "f0e1d2c3b4a5968778695a4b3c2d1e0f")


class Post:
    """What became of an invoice's two mails, and a server that gives them back."""

    def __init__(self, database: Database, owner: Connection, cast: Cast, now: datetime) -> None:
        self.owner, self.cast, self.now = owner, cast, now
        self.desk = Desk(database, now)
        self.bounces = BounceDesk(database, host=HOST, clock=lambda: self.now)
        made: UUID = draft(Acts(database, owner, now), cast).id
        Acts(database, owner, now)(cast.ada, invoice_sending.send, invoice_id=made)
        self.invoice_id = made
        asked = text("""
            select mail.id, m.email from mail join membership m on m.id = membership_id where subject_id = :id
        """)
        self.mails = {row.email: row.id for row in owner.execute(asked, {"id": made})}

    async def deliver(self, name: str) -> None:
        await self.desk.outgoing.send(
            partner_id=self.cast.ada.partner_id, mail_id=self.mails[self.address(name)]
        )

    def address(self, name: str) -> str:
        return self.cast.emails[name]

    def returned(self, name: str, text: str = EXIM, *, to: str | None = None) -> bytes:
        """A delivery notice about the mail to `name`."""
        mail = f"<{self.mails[self.address(name)]}@{HOST}>"
        return text.replace(MAIL, mail).replace(ADDRESS, to or self.address(name)).encode()

    def state(self, name: str) -> tuple[str, str | None]:
        row = self.owner.execute(
            text("select status, answer from mail where id = :id"), {"id": self.mails[self.address(name)]}
        ).one()
        return row.status, row.answer

    def log(self) -> list[str]:
        asked = text("select action from audit_event where action like '%bounced' order by id")
        return list(self.owner.scalars(asked))

    def sent_at(self) -> datetime | None:
        found: datetime | None = self.owner.scalar(
            text("select sent_at from invoice where id = :id"), {"id": self.invoice_id}
        )
        return found


@pytest.fixture
def post(database: Database, owner: Connection, cast: Cast, now: datetime) -> Post:
    return Post(database, owner, cast, now)


@pytest.fixture
def client(post: Post) -> Iterator[TestClient]:
    take = receiver(post.bounces, SECRETS[:1], lambda: post.now)
    with TestClient(Starlette(routes=[Route("/webhooks/bounces", take, methods=["POST"])])) as client:
        yield client


def put(
    client: TestClient,
    body: bytes,
    *,
    now: datetime,
    kind: str = "message/rfc822",
    secret: str = SECRETS[0],
    change: Callable[[str], str] = lambda header: header,
) -> int:
    header = change(sign(body, secrets=[secret], at=now))
    answer = client.post(
        "/webhooks/bounces", content=body, headers={SIGNATURE_HEADER: header, "content-type": kind}
    )
    return answer.status_code


@pytest.mark.anyio
@pytest.mark.parametrize("server", CORPUS)
async def test_a_mail_that_came_back_says_so_in_the_servers_words(
    post: Post, client: TestClient, server: str
) -> None:
    await post.deliver("petra")
    notice = post.returned("petra", CORPUS[server][0])
    if server == "Exchange":
        notice = notice.replace(b"Petra@ACME.example", post.address("petra").upper().encode())
    assert put(client, notice, now=post.now) == 202
    assert post.state("petra") == (
        MailStatus.BOUNCED,
        CORPUS[server][1].replace(ADDRESS, post.address("petra")),
    )
    assert post.log() == ["invoice.bounced"]
    # It was sent, and stays it: who read it meanwhile nobody knows.
    assert post.sent_at() == post.now


@pytest.mark.anyio
async def test_the_same_notice_again_changes_nothing(
    post: Post, client: TestClient, owner: Connection
) -> None:
    await post.deliver("petra")
    assert put(client, post.returned("petra"), now=post.now) == 202
    post.now += timedelta(minutes=1)
    with nothing_changes(owner):
        for text_ in (EXIM, CORPUS["Gmail"][0], DELAYED):
            assert put(client, post.returned("petra", text_), now=post.now) == 202


@pytest.mark.anyio
async def test_a_delay_is_told_and_a_failure_after_it_is_final(post: Post, client: TestClient) -> None:
    await post.deliver("petra")
    assert put(client, post.returned("petra", DELAYED), now=post.now) == 202
    assert post.state("petra") == (MailStatus.SENT, "451 4.7.1 Greylisted")
    assert put(client, post.returned("petra"), now=post.now) == 202
    assert post.state("petra") == (MailStatus.BOUNCED, "552 5.2.2 Mailbox full")


@pytest.mark.anyio
async def test_one_that_came_back_before_it_was_noted_as_sent_is_not_sent_again(
    post: Post, client: TestClient
) -> None:
    # A server took it, and whoever handed it over was killed before it wrote that down.
    post.desk.server.trouble = NotNow("gone after DATA")
    with pytest.raises(NotNow):
        await post.deliver("petra")
    assert post.sent_at() is None
    assert put(client, post.returned("petra"), now=post.now) == 202
    assert post.state("petra")[0] == MailStatus.BOUNCED
    assert post.sent_at() == post.now
    post.desk.server.trouble = None
    await post.deliver("petra")
    assert post.desk.server.taken == []
    assert post.state("petra")[0] == MailStatus.BOUNCED


@pytest.mark.anyio
async def test_one_that_comes_back_while_it_is_being_noted_stays_so(post: Post) -> None:
    notice = DeliveryNotice(post.mails[post.address("petra")], (post.address("petra"),), True, "550 No")

    async def quick(message: object) -> str:
        # The notice is there before the server's answer is written down.
        post.bounces.take([notice])
        return "250 OK"

    post.desk.server.send = quick  # type: ignore[method-assign, assignment]
    await post.deliver("petra")
    assert post.state("petra") == (MailStatus.BOUNCED, "550 No")
    assert post.log() == ["invoice.bounced"]


@pytest.mark.anyio
async def test_forged_foreign_and_unknown_notices_change_nothing(
    post: Post, client: TestClient, owner: Connection, cast: Cast
) -> None:
    await post.deliver("petra")
    genuine = post.returned("petra")
    unknown = genuine.replace(str(post.mails[post.address("petra")]).encode(), str(uuid4()).encode())
    with nothing_changes(owner):
        # Carl's address on Petra's mail, one there is not, one of another house, one that never left.
        for harmless in (
            post.returned("petra", to=post.address("carl")),
            post.returned("petra", to="mallory@contoso.example"),
            unknown,
            genuine.replace(HOST.encode(), b"pay.other.example"),
            post.returned("carl"),
            b"Subject: hello\n\nNo report.",
        ):
            assert put(client, harmless, now=post.now) == 202
        for place in range(0, 64 * 4, 3):
            assert (
                put(client, genuine, now=post.now, change=lambda given, at=place: flipped(given, at)) == 400
            )
        assert (
            put(
                client,
                genuine + b" ",
                now=post.now,
                change=lambda _: sign(genuine, secrets=SECRETS, at=post.now),
            )
            == 400
        )
        assert put(client, genuine, now=post.now, secret=SECRETS[1]) == 400
        for late in (-301, 301):
            assert put(client, genuine, now=post.now + timedelta(seconds=late)) == 400
        assert put(client, genuine, now=post.now, change=lambda _: "") == 400
        assert put(client, genuine, now=post.now, kind="text/plain") == 415
        assert put(client, b"x" * (MOST_BYTES + 1), now=post.now) == 413
        assert put(client, b"[]", now=post.now, kind="application/json") == 400
    assert put(client, genuine, now=post.now) == 202
    assert post.state("petra")[0] == MailStatus.BOUNCED


def flipped(header: str, bit: int) -> str:
    """The header with one bit of its signature another."""
    stamp, _, signature = header.partition(",v1=")
    digits = list(signature)
    digits[bit // 4] = f"{int(digits[bit // 4], 16) ^ (1 << bit % 4):x}"
    return f"{stamp},v1={''.join(digits)}"


@pytest.mark.anyio
async def test_a_program_says_it_in_json(post: Post, client: TestClient) -> None:
    await post.deliver("petra")
    given = {"messageId": f"<{post.mails[post.address('petra')]}@{HOST}>", "recipient": post.address("petra")}
    body = json.dumps({**given, "action": "failed", "status": "5.1.1"}).encode()
    assert put(client, body, now=post.now, kind="application/json") == 202
    assert post.state("petra") == (MailStatus.BOUNCED, "5.1.1")


def test_the_rule_asks_for_the_partner_whose_mail_it_is(
    post: Post, database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    given = {"addresses": (post.address("petra"),), "is_final": True, "words": "550", "now": now}
    with nothing_changes(owner), database.transaction(partner_id=cast.mallory.partner_id) as db:
        assert not bounces.note(db, cast.mallory, mail_id=post.mails[post.address("petra")], **given)


@pytest.mark.anyio
async def test_a_folder_is_read_once_and_what_a_killed_worker_began_is_ended(
    post: Post, owner: Connection, tmp_path: Path
) -> None:
    await post.deliver("petra")
    await post.deliver("carl")
    box = mailbox.Maildir(tmp_path / "bounces")
    for message in (post.returned("petra"), b"Subject: hello\n\nSpam.", post.returned("petra")):
        box.add(message)
    assert post.bounces.empty(tmp_path / "bounces") == 1
    assert (list((tmp_path / "bounces/new").iterdir()), len(list((tmp_path / "bounces/cur").iterdir()))) == (
        [],
        3,
    )
    # Killed after it was carried out and before it was moved: it is there again, and changes nothing.
    (moved := next((tmp_path / "bounces/cur").iterdir())).rename(
        tmp_path / "bounces/new" / moved.name.partition(":")[0]
    )
    with nothing_changes(owner):
        assert post.bounces.empty(tmp_path / "bounces") == 0
    assert post.bounces.empty(tmp_path / "bounces") == 0
    assert post.state("carl")[0] == MailStatus.SENT


@pytest.mark.anyio
async def test_a_file_is_emptied_where_it_stands_once_all_of_it_was_carried_out(
    post: Post, owner: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("petra", "carl"):
        await post.deliver(name)
    place = tmp_path / "bounces"
    assert post.bounces.empty(place) == 0
    box = mailbox.mbox(place)
    for name in ("petra", "carl"):
        box.add(post.returned(name))
    box.close()
    inode = place.stat().st_ino
    with monkeypatch.context() as broken:
        broken.setattr(post.bounces, "take", dying_at_second(post.bounces.take))
        assert post.bounces.empty(place) == 0
    assert (post.state("petra")[0], post.state("carl")[0]) == (MailStatus.BOUNCED, MailStatus.SENT)
    assert post.bounces.empty(place) == 1
    assert post.state("carl")[0] == MailStatus.BOUNCED
    assert (place.stat().st_size, place.stat().st_ino) == (0, inode)
    assert os.listdir(tmp_path) == ["bounces"]


def dying_at_second(take: Callable[..., int]) -> Callable[..., int]:
    calls = []

    def once(notices: object) -> int:
        calls.append(notices)
        if len(calls) > 1:
            raise OperationalError("gone", {}, Exception("the server went away"))
        return take(notices)

    return once


@pytest.mark.anyio
async def test_a_file_that_a_server_writes_to_waits_for_the_next_round(post: Post, tmp_path: Path) -> None:
    await post.deliver("petra")
    place = tmp_path / "bounces"
    box = mailbox.mbox(place)
    box.add(post.returned("petra"))
    box.close()
    (tmp_path / "bounces.lock").touch()
    assert post.bounces.empty(place) == 0
    (tmp_path / "bounces.lock").unlink()
    assert post.bounces.empty(place) == 1
