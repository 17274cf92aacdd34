"""People with credentials. One row per person, across all partners and customers.

Surprise: no document reaches this table, and staff never see it. What partners see of a person is the
membership's own copy of name and e-mail. Reading a row takes entering it: `enter(db, user_id=…)`.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint, delete, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, Session, SQLModel, col, select

from auth.emails import Email
from auth.passwords import NewPassword
from db.columns import instant, key, new_id, sort_key
from db.policies import Guard, guarded
from errors import Conflict
from languages import ONE_OF_OURS, Locale


class User(SQLModel, table=True):
    """A person. `email` is where mail goes; `email_key` its normal form, unique.

    `time_zone`: what instants are written in for them; None: the partner's or customer's.
    `locale`: the language of mails to them, and of the browsers they sign in with; None: the partner's.
    """

    __tablename__ = "person"
    __table_args__ = (
        UniqueConstraint("email_key"),
        CheckConstraint(ONE_OF_OURS, name="locale"),
        guarded(Guard.USER_ROW),
    )

    id: UUID = key()
    name: str
    email: str
    email_key: str = sort_key()
    password_hash: str | None = None
    time_zone: str | None = None
    locale: str | None = None
    disabled_at: datetime | None = instant(default=None)
    created_at: datetime = instant()
    updated_at: datetime = instant()


class Device(SQLModel, table=True):
    """A browser the person confirmed; a known device still gets in while an address is being throttled."""

    __tablename__ = "device"
    __table_args__ = (UniqueConstraint("token_hash"), guarded(Guard.PERSONAL))

    id: UUID = key()
    user_id: UUID = Field(foreign_key="person.id", index=True)
    token_hash: bytes
    label: str
    created_at: datetime = instant()
    last_seen_at: datetime = instant()


class AccountExists(Conflict):
    """The address already has an account: nobody is merged silently, the owner signs in."""

    code = "ACCOUNT_EXISTS"
    message = "This address already has an account. Sign in with its password to go on."


class AddressTaken(Conflict):
    """Somebody else signs in with this address: two people can't."""

    code = "ADDRESS_TAKEN"
    message = "Another account signs in with this address. Choose another address, or close that account."


class Place(NamedTuple):
    """One partner or customer a person may enter: where in the URLs, its name, and whose customer it is."""

    kind: str
    slug: str
    name: str
    role: str
    partner_name: str
    time_zone: str


def find(db: Session, email_key: str) -> UUID | None:
    """Who signs in with this address? Its normal form is asked for; the answer is only an id."""
    found: UUID | None = db.execute(text("select find_user(:key)"), {"key": email_key}).scalar_one()
    return found


def create(
    db: Session,
    *,
    user_id: UUID,
    name: str,
    email: Email,
    new: NewPassword | None,
    locale: Locale | None = None,
    now: datetime,
) -> None:
    """Make a person with the id that was entered; `new` None: without a password, for whoever has a passkey.

    Refuses `AccountExists` if the address has an account.
    """
    made = (
        insert(User)
        .values(
            id=user_id, name=name, email=email.address, email_key=email.normal, locale=locale,
            password_hash=None if new is None else new.hash, created_at=now, updated_at=now,
        )
        .on_conflict_do_nothing()
        .returning(col(User.id))
    )  # fmt: skip
    if db.execute(made).one_or_none() is None:
        raise AccountExists


def one(db: Session, *, user_id: UUID) -> User:
    """The person, who must have been entered; for whoever knows that there is one."""
    return db.exec(select(User).where(User.id == user_id)).one()


def hold(db: Session, *, user_id: UUID) -> None:
    """Whoever changes the entered person's ways of signing in comes one after the other."""
    db.exec(select(User.id).where(User.id == user_id).with_for_update(key_share=True)).all()


def set_password(db: Session, *, user_id: UUID, new: NewPassword, now: datetime) -> None:
    """Store a new password. Who may is settled by the caller: signin.change_password, resets.finish."""
    db.execute(update(User).where(col(User.id) == user_id).values(password_hash=new.hash, updated_at=now))


def describe(
    db: Session, *, user_id: UUID, name: str, time_zone: str | None, locale: Locale | None, now: datetime
) -> None:
    """Store what the entered person is called, the time zone and the language they read in.

    Checked by the caller.
    """
    values = {"name": name, "time_zone": time_zone, "locale": locale, "updated_at": now}
    db.execute(update(User).where(col(User.id) == user_id).values(**values))


def readdress(db: Session, *, user_id: UUID, email: Email, now: datetime) -> None:
    """Give the entered person another address, which they were seen to read mail at. Refuses AddressTaken."""
    values = {"email": email.address, "email_key": email.normal, "updated_at": now}
    try:
        with db.begin_nested():
            db.execute(update(User).where(col(User.id) == user_id).values(**values))
    except IntegrityError:
        raise AddressTaken from None


def places_of(db: Session) -> list[Place]:
    """Every partner and customer the entered person may act in now, by name: the account switcher's list.

    The slugs and names of places are no record of a tenant's that the person could not open anyway.
    """
    rows = db.execute(text("select kind, slug, name, role, partner_name, time_zone from places_of_user()"))
    return [Place(*row) for row in rows]


def zone_of(db: Session, user: User) -> str:
    """The time zone the entered `user` reads instants in where no place is meant.

    The one they chose; else that of whom they work for, of their first customer, and UTC for whoever has no
    place any more.
    """
    if user.time_zone is not None:
        return user.time_zone
    places = sorted(places_of(db), key=lambda place: place.kind != "partner")
    return places[0].time_zone if places else "UTC"


def confirms_browsers(db: Session) -> bool:
    """Does a password alone not do in a browser that the entered person was not seen in before?

    So it is for whoever has a place at a customer; staff are asked for a second factor instead.
    """
    return any(place.kind == "portal" for place in places_of(db))


def needing_factor(db: Session) -> list[str]:
    """The names of the entered person's places that open only with a second factor."""
    return list(db.execute(text("select name from places_that_need_factor()")).scalars())


def words_of(db: Session, *, user_id: UUID) -> tuple[str, ...]:
    """What the entered person's password must not be made of: name, e-mail, the names of all places."""
    user = one(db, user_id=user_id)
    places = places_of(db)
    return (user.name, user.email, *(p.name for p in places), *(p.partner_name for p in places))


def devices_of(db: Session, *, user_id: UUID) -> list[Device]:
    """The browsers that are known to be the entered person's, the latest seen first."""
    mine = select(Device).where(Device.user_id == user_id)
    return list(db.exec(mine.order_by(col(Device.last_seen_at).desc(), col(Device.id).desc())))


def forget_devices(db: Session, *, user_id: UUID, only: UUID | None = None, but: UUID | None = None) -> int:
    """The entered person's browsers, `only` one or all `but` one, are known no more; how many there were."""
    mine = [col(Device.user_id) == user_id, col(Device.id).is_distinct_from(but)]
    if only is not None:
        mine.append(col(Device.id) == only)
    return len(db.execute(delete(Device).where(*mine).returning(col(Device.id))).all())


def remember_device(db: Session, *, user_id: UUID, token_hash: bytes, label: str, now: datetime) -> UUID:
    """Write down that a browser is the entered person's; the id of the device."""
    device = Device(
        id=new_id(), user_id=user_id, token_hash=token_hash, label=label, created_at=now, last_seen_at=now
    )
    db.add(device)
    db.flush()
    return device.id
