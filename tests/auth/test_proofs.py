"""D-4: who is asked for a fresh proof, and how long one lasts."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from auth.actors import system
from auth.proofs import RECENT, ProofRequired
from db.columns import new_id
from tests.cast import Cast


def test_a_proof_lasts_a_quarter_of_an_hour(cast: Cast, now: datetime) -> None:
    assert timedelta(minutes=15) == RECENT
    signed_in = replace(cast.ada, session_id=new_id(), proved_at=now)
    signed_in.require_proof(now + RECENT - timedelta(microseconds=1))
    with pytest.raises(ProofRequired):
        signed_in.require_proof(now + RECENT)


def test_a_session_without_any_proof_is_asked(cast: Cast, now: datetime) -> None:
    with pytest.raises(ProofRequired):
        replace(cast.ada, session_id=new_id()).require_proof(now)


def test_whoever_has_no_session_is_not_asked(cast: Cast, now: datetime) -> None:
    cast.northwind_key.require_proof(now)
    system(cast.ada.partner_id).require_proof(now)
