"""Letters about access to people who have no place yet: the way in, or the polite no."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session, select

from auth.memberships import MembershipStatus
from billing import access_requests
from billing.access_requests import AccessLink, AccessRequest, AccessStatus
from billing.partners import Partner
from integrations.mail.letters import Letter, Link, NotWanted, colours, locale_of, reached


def link(db: Session, *, partner_id: UUID, link_id: UUID, to: Link, now: datetime) -> Letter:
    """To whoever has the address: how to sign in, or the link to ask for access. The partner is entered.

    Raises `NotWanted` for a link that is dead by now.
    """
    mine = (AccessLink.partner_id == partner_id, AccessLink.id == link_id)
    found = db.exec(select(AccessLink).where(*mine)).one_or_none()
    if found is None or found.used_at is not None or found.expires_at <= now:
        raise NotWanted("the link is used or expired")
    place = access_requests.place_of(db, partner_id=found.partner_id, email_key=found.email_key)
    if place is not None and place.status is MembershipStatus.ACTIVE:
        return _letter(
            db, "ACCESS_KNOWN", found, place.name, {"link": to("/sign-in"), "forgot": to("/forgot")}
        )
    values = {"link": to(f"/access/{access_requests.token_of(db, found)}"), "invited": place is not None}
    return _letter(db, "ACCESS_LINK", found, found.email, values)


def denied(db: Session, *, partner_id: UUID, request_id: UUID) -> Letter:
    """To whoever asked: not this time, and where to turn. Raises `NotWanted` unless it is so."""
    mine = (AccessRequest.partner_id == partner_id, AccessRequest.id == request_id)
    request = db.exec(select(AccessRequest).where(*mine)).one_or_none()
    if request is None or request.status is not AccessStatus.DENIED:
        raise NotWanted("the request is not denied")
    return _letter(db, "ACCESS_DENIED", request, request.name, {"company": request.company})


def _letter(
    db: Session, kind: str, about: AccessLink | AccessRequest, name: str, values: dict[str, Any]
) -> Letter:
    partner = db.exec(select(Partner).where(Partner.id == about.partner_id)).one()
    brand = {"partner": partner.name, "support": reached(partner), **colours(partner.accent)}
    return Letter(
        kind,
        about.id,
        name,
        about.email,
        partner.name,
        partner.support_email,
        locale_of(partner),
        {**brand, **values},
    )
