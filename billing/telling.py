"""Whom of a customer's people a single mail about money goes to."""

from uuid import UUID

from sqlmodel import Session, col, select

from auth.memberships import Membership, MembershipStatus, Role


def first_to_tell(
    db: Session, *, partner_id: UUID, customer_id: UUID, rather: UUID | None = None
) -> Membership | None:
    """`rather`, if it is one of them; else the first manager, a payer, whoever there is; None for nobody.

    Who has accepted the invite comes before who has not.
    """
    living = (MembershipStatus.ACTIVE, MembershipStatus.INVITED)
    wanted = select(Membership).where(
        Membership.partner_id == partner_id,
        Membership.customer_id == customer_id,
        col(Membership.status).in_(living),
    )
    return min(
        db.exec(wanted).all(),
        key=lambda member: (
            member.id != rather, member.status is not MembershipStatus.ACTIVE,
            member.role is not Role.MANAGER, member.role is not Role.PAYER, member.created_at, member.id,
        ),
        default=None,
    )  # fmt: skip
