"""The partner's logo: the one picture there is, under a name that nobody can guess.

Surprise: the name is made of the picture and the partner, so an address always shows the same picture and may
be kept by browsers for ever; and two partners with one picture have two names.
"""

import hashlib
from datetime import datetime

from sqlalchemy import delete, text
from sqlmodel import Session, col, select

from auth.actors import Action, Actor
from billing.partner_profile import locked, write
from billing.partners import Partner, PartnerLogo
from db.session import enter

_NAME_DIGITS = 32


def set_logo(db: Session, actor: Actor, *, png: bytes, now: datetime) -> Partner:
    """Show this picture (made by `pictures.as_logo`) from now on; the one before is gone.

    The same picture again writes nothing.
    """
    actor.require(Action.MANAGE_SETTINGS)
    partner = locked(db, actor)
    name = hashlib.sha256(partner.id.bytes + png).hexdigest()[:_NAME_DIGITS]
    if name == partner.logo:
        return partner
    _forget(db, actor)
    db.add(PartnerLogo(partner_id=partner.id, name=name, png=png, created_at=now))
    write(db, actor, partner, "partner.logo_changed", {"logo": name}, now=now)
    return partner


def remove_logo(db: Session, actor: Actor, *, now: datetime) -> Partner:
    """Show the first letter of the name again. Without a logo it writes nothing."""
    actor.require(Action.MANAGE_SETTINGS)
    partner = locked(db, actor)
    _forget(db, actor)
    if partner.logo is not None:
        write(db, actor, partner, "partner.logo_removed", {"logo": None}, now=now)
    return partner


def logo_named(db: Session, *, name: str) -> bytes | None:
    """The picture of this name, whoever's it is: for whoever has the address, before anybody is known."""
    found = db.execute(text("select partner_id, logo_id from find_logo(:name)"), {"name": name}).one_or_none()
    if found is None:
        return None
    enter(db, partner_id=found.partner_id)
    mine = (PartnerLogo.partner_id == found.partner_id, PartnerLogo.id == found.logo_id)
    return db.exec(select(PartnerLogo.png).where(*mine)).one_or_none()


def _forget(db: Session, actor: Actor) -> None:
    db.execute(delete(PartnerLogo).where(col(PartnerLogo.partner_id) == actor.partner_id))
