"""The list of conversations at both doors: what is unread for whom, filters, pages; opening is reading."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, text

from billing import invoice_threads
from billing.invoice_threads import Opening, ThreadKind
from db import ids
from db.session import Database
from portal import conversations
from tests.billing.acting import Acts
from tests.billing.paying import Till
from tests.cast import Cast
from tests.portal.conftest import Clock, Person, customer_id, text_of
from tests.tenancy.test_looking import looking_as
from tests.world import nothing_changes

SignedIn = Callable[[str], Person]
ENTRY = 'href="{}/conversations"'


class Talks:
    """Conversations on invoices of Acme's, and where they are."""

    def __init__(self, acts: Acts, cast: Cast) -> None:
        self.acts, self.cast, self.till = acts, cast, Till(acts, cast)

    def __call__(self, who: str, words: str = "Why?", kind: str = "QUESTION") -> str:
        invoice = self.till.invoice(12_345)
        opening = Opening(ThreadKind(kind), words)
        thread = self.acts(
            self.cast.actors[who], invoice_threads.open_thread, invoice_id=invoice.id, fields=opening
        )
        return f"/invoices/{ids.shown('inv', invoice.id)}/threads/{ids.shown('thr', thread.id)}"

    def reply(self, who: str, path: str, words: str = "And?") -> None:
        thread_id = ids.parsed(path.rpartition("/")[2], "thr")
        self.acts(self.cast.actors[who], invoice_threads.reply, thread_id=thread_id, text=words)


@pytest.fixture
def talks(database: Database, owner: Connection, now: datetime, cast: Cast) -> Talks:
    return Talks(Acts(database, owner, now), cast)


def said_unread(person: Person, path: str = "/conversations") -> str | None:
    """What the navigation says of how much is unread."""
    page = person.get(path).text
    entry = page.partition(ENTRY.format(person.home))[2].partition("</a>")[0]
    return entry.partition('visually-hidden">, ')[2].partition("<")[0] or None


def listed(person: Person, query: str = "") -> list[str]:
    """The conversations in the list, in its order."""
    page = person.get(f"/conversations{query}").text
    rows = page.partition('<table class="list talks">')[2].partition("</table>")[0]
    return [
        row.partition('"')[0] for row in rows.split(f'<th scope="row"><a href="{person.home}')[1:]
    ]  # fmt: skip


def test_opening_is_reading_for_whoever_opens_it(signed_in: SignedIn, talks: Talks) -> None:
    first, second = talks("petra"), talks("petra", "Twice!")
    ada, clem, petra = signed_in("ada"), signed_in("clem"), signed_in("petra")
    assert [said_unread(who) for who in (ada, clem, petra)] == ["2 unread", "2 unread", None]
    assert said_unread(ada, "/customers") == "2 unread"  # on every page
    assert set(listed(ada, "?show=unread")) == {first, second}
    page = ada.get(first)
    # The very page that has it read counts it no more, and says what was new.
    assert (said_unread(ada), "New message" in text_of(page)) == ("1 unread", True)
    assert "2 unread" not in page.text
    assert "New message" not in text_of(ada.get(first))
    assert listed(ada, "?show=unread") == [second]
    assert said_unread(clem) == "2 unread"
    talks.reply("ada", first, "Because.")
    assert [said_unread(signed_in(who)) for who in ("petra", "carl", "vera", "gus")] == ["1 unread"] * 3 + [
        None
    ]
    assert "Unread" in text_of(petra.get(first.partition("/threads")[0]))
    petra.get(first)
    assert "Unread" not in text_of(petra.get(first.partition("/threads")[0]))
    assert [said_unread(petra), said_unread(signed_in("carl"))] == [None, "1 unread"]


def test_what_is_on_the_page_is_read_and_no_more(signed_in: SignedIn, talks: Talks, clock: Clock) -> None:
    path = talks("petra", "Message 0")
    for number in range(1, 53):
        talks.reply("petra", path, f"Message {number}")
    ada = signed_in("ada")
    newest = ada.get(path)
    older = newest.text.partition('rel="prev" href="')[2].partition('"')[0]
    assert ("Message 52" in newest.text, "Message 2<" in newest.text) == (True, False)
    # An older part is no sign that the newest was seen.
    clem = signed_in("clem")
    page = clem.get(older.replace("&amp;", "&"))
    assert ("Message 0" in page.text, "Message 52" in page.text) == (True, False)
    assert [said_unread(ada), said_unread(clem)] == [None, "1 unread"]


@pytest.mark.parametrize("header", ["sec-purpose", "purpose"])
def test_a_browser_that_fetches_ahead_has_read_nothing(
    signed_in: SignedIn, talks: Talks, owner: Connection, header: str
) -> None:
    path, ada = talks("petra"), signed_in("ada")
    with nothing_changes(owner):
        ada.client.headers[header] = "prefetch;prerender"
        assert "Why?" in text_of(ada.get(path))
        del ada.client.headers[header]
        ada.client.cookies.update(ada._session)
        assert ada.client.head(ada.home + path).status_code == 200
    ada.get(path)
    assert said_unread(ada) is None


def test_staff_who_look_at_a_portal_leave_no_mark_and_see_none(
    signed_in: SignedIn, talks: Talks, cast: Cast, owner: Connection
) -> None:
    path, ada = talks("ada"), signed_in("ada")
    home = looking_as(ada, cast, "petra")
    with nothing_changes(owner):
        page = ada.get(home + path)
        assert ("Why?" in text_of(page), "Mark as unread" in text_of(page)) == (True, False)
        page = ada.get(f"{home}/conversations?show=all")
        assert (path in page.text, "Unread" in text_of(page), "unread" in text_of(page)) == (
            True,
            False,
            False,
        )
    with nothing_changes(owner, without=("audit_event",)):
        assert ada.post(f"{home}{path}/unread").status_code == 403
        assert ada.post(f"{home}/conversations/read").status_code == 403
    assert said_unread(signed_in("petra")) == "1 unread"


def test_it_is_kept_unread_and_all_is_read_at_once(
    signed_in: SignedIn, talks: Talks, clock: Clock, owner: Connection
) -> None:
    first, second = talks("petra"), talks("petra", "Twice!")
    ada, vera = signed_in("ada"), signed_in("vera")
    ada.get(first)
    answer = ada.post(f"{first}/unread")
    assert answer.headers["location"] == f"{ada.home}/conversations"
    page = ada.get("/conversations")
    assert "This conversation is marked as unread." in text_of(page)
    assert said_unread(ada) == "2 unread"
    until = page.text.partition('name="until" value="')[2].partition('"')[0]
    clock.now += timedelta(minutes=1)
    talks.acts.now = clock.now
    talks.reply("petra", second, "Well?")
    assert ada.post("/conversations/read", {"until": until.replace("&#43;", "+")}).status_code == 303
    assert "1 conversation is marked as read." in text_of(ada.get("/conversations"))
    assert listed(ada, "?show=unread") == [second]
    # What is no moment of ours means now; and whoever only reads has read, too.
    talks.reply("ada", first)
    for typed in ("", "soon", "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+14:00"):
        assert vera.post("/conversations/read", {"until": typed}).status_code == 303
    assert "Nothing was unread." in text_of(vera.get("/conversations"))
    with nothing_changes(owner):
        assert ada.post(f"{first}/unread", forged=True).status_code == 403
        assert ada.post("/conversations/read", forged=True).status_code == 403


def test_a_conversation_the_other_side_is_silent_in_can_not_be_unread(
    signed_in: SignedIn, talks: Talks, owner: Connection
) -> None:
    path, petra = talks("petra"), signed_in("petra")
    assert "Mark as unread" not in text_of(petra.get(path))
    with nothing_changes(owner):
        answer = petra.post(f"{path}/unread")
    assert (answer.status_code, "has not written in this conversation yet" in text_of(answer)) == (409, True)


@pytest.mark.parametrize("name", ["ada", "petra"])
def test_the_list_is_narrowed_by_state_kind_turn_and_words(
    signed_in: SignedIn, talks: Talks, name: str
) -> None:
    asked, disputed, done = talks("petra"), talks("petra", "No!", "DISPUTE"), talks("petra", "Old")
    talks.reply("ada", asked)
    signed_in("clem").post(f"{done}/resolve")
    person = signed_in(name)
    ours, theirs = ([disputed], [asked]) if name == "ada" else ([asked], [disputed])
    for query, found in (
        ("", [asked, disputed]), ("?show=nonsense", [asked, disputed]), ("?show=settled", [done]),
        ("?show=all", [asked, disputed, done]), ("?kind=dispute", [disputed]), ("?kind=question", [asked]),
        ("?turn=us", ours), ("?turn=them", theirs), ("?show=all&turn=us", ours),
        ("?show=settled&turn=us", [done]), ("?kind=dispute&turn=us", [disputed] if name == "ada" else []),
        ("?search=NO-0000", [asked, disputed]), ("?search=NO-00002", [disputed]), ("?search=nowhere", []),
        # What somebody wrote, on either side, and together with what the invoice is found by.
        ("?search=wh", [asked]), ("?search=AND", [asked]), ("?search=no!", [asked, disputed]),
        ("?search=why+no-00001", [asked]), ("?search=why+no-00002", []), ("?search=old", []),
        ("?search=old&show=all", [done]),
    ):  # fmt: skip
        assert sorted(listed(person, query)) == sorted(found), query
    page = text_of(person.get("/conversations?show=all"))
    assert ("Waiting for you" in page, "Waiting for an answer" in page, "Settled" in page) == (True,) * 3


def test_the_dashboards_list_is_narrowed_to_one_customer(
    signed_in: SignedIn, talks: Talks, cast: Cast
) -> None:
    path, ada = talks("petra"), signed_in("ada")
    acme, globex = customer_id(cast, "acme"), customer_id(cast, "globex")
    assert f"/conversations?customer={acme}&amp;show=all" in ada.get(f"/customers/{acme}").text
    assert listed(ada, f"?customer={acme}") == [path]
    assert "Customer: Acme" in text_of(ada.get(f"/conversations?customer={acme}"))
    assert listed(ada, f"?customer={globex}") == []
    assert "No conversation matches" in text_of(ada.get(f"/conversations?customer={globex}"))
    # Another partner's is as good as none.
    for strange in (customer_id(cast, "initech"), "cus_1"):
        page = text_of(ada.get(f"/conversations?customer={strange}"))
        assert ("one that is gone" in page, "Initech" in page) == (True, False)


def test_an_empty_list_says_what_to_do_next(signed_in: SignedIn, talks: Talks) -> None:
    for name, next_step in (("ada", "When a customer asks"), ("petra", "Northwind answers here.")):
        person = signed_in(name)
        for query, words in (
            ("", next_step), ("?show=unread", "You have read every conversation."),
            ("?show=settled", "Nothing settled yet"), ("?show=all", "No conversations yet"),
            ("?kind=dispute", "No conversation matches"),
        ):  # fmt: skip
            page = person.get(f"/conversations{query}")
            assert words in text_of(page), (name, query)
            assert "Mark all as read" not in text_of(page)


def test_pages_lead_on_and_keep_the_filters(
    signed_in: SignedIn, talks: Talks, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [talks("petra", f"Number {number}") for number in range(27)]
    ada, seen, query = signed_in("ada"), [], "?show=unread&kind=question"
    while query:
        seen += listed(ada, query)
        page = ada.get(f"/conversations{query}").text
        assert "27 conversations" in text_of(ada.get(f"/conversations{query}"))
        leads = page.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
        query = f"?{leads.partition('?')[2]}" if leads else ""
        assert not leads or "kind=question" in query
    assert sorted(seen) == sorted(paths)


def test_home_tells_of_those_that_wait_for_an_answer(signed_in: SignedIn, talks: Talks) -> None:
    waits, answered, ada = talks("petra"), talks("petra"), signed_in("ada")
    talks.reply("ada", answered)
    page = ada.get()
    assert (waits in page.text, answered in page.text) == (True, False)
    assert "Waiting for an answer 1" in " ".join(text_of(page).split())


def test_more_than_99_are_said_so(signed_in: SignedIn, talks: Talks, cast: Cast, owner: Connection) -> None:
    talks("petra")
    ada = signed_in("ada")
    owner.execute(text("set session_replication_role = replica"))
    more = text(
        "insert into unread_thread (partner_id, member_id, thread_id, customer_id, since, until)"
        " select partner_id, member_id, gen_random_uuid(), customer_id, since, until from unread_thread,"
        " generate_series(1, :many) where member_id = :ada"
    )
    owner.execute(more, {"many": 98, "ada": cast.ada.id})
    assert said_unread(ada) == "99 unread"
    owner.execute(
        text(
            "insert into unread_thread select partner_id, member_id, gen_random_uuid(), customer_id,"
            " since, until from unread_thread where member_id = :ada limit 1"
        ),
        {"ada": cast.ada.id},
    )
    assert said_unread(ada) == "more than 99 unread"
    assert ">99+<" in ada.get("/conversations").text


def test_the_lists_say_it_in_french(signed_in: SignedIn, talks: Talks, owner: Connection) -> None:
    talks("petra")
    ada = signed_in("ada")
    ada.client.cookies.set("remit_language", "fr")
    page = ada.get("/conversations").text
    for words in ("Tout marquer comme lu", "1 non lue", "Non lue", "En attente de vous"):
        assert words in page, words


def test_tabs_kinds_and_turns_are_those_of_the_api() -> None:
    assert set(conversations.LABELS) == set(conversations.TABS)
    assert {kind for _, kind in conversations.KINDS.values()} == set(ThreadKind)
