"""What is said to authenticators and how their answers are read: the only import of `webauthn`.

Surprise: an answer comes from a stranger's browser, and the library raises a dozen kinds of errors at
malformed ones. Here they are all the same: no answer. What an answer proves is judged in auth/passkeys.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

T = TypeVar("T")
NAME = "Remit"
TIMEOUT_MS = 120_000
LONGEST_ANSWER = 32 * 1024
# Of a key pair whose private half was thrown away: checked against when there is no passkey, for equal work.
NOBODYS_KEY = bytes.fromhex(
    "a5010203262001215820e526ca86638bcd0ed606bc8d36f99d370c47edd3a7f1bd2c14d2aab7ae058f3e"
    "225820d6b3034209a5cba6b63be920d8b5f9bfbe8d8d67b76cf868965ba53dd0ec0657"
)


@dataclass(frozen=True, slots=True)
class Site:
    """Where passkeys are good: the host they are bound to, and the one origin whose pages may ask."""

    host: str
    origin: str


@dataclass(frozen=True, slots=True)
class Owner:
    """For whom a new passkey is made, as the authenticator shows it. Its answers bring `user_id` back."""

    user_id: UUID
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class Made:
    """A new passkey, as its authenticator tells of it."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


@dataclass(frozen=True, slots=True)
class Answer:
    """An authenticator's answer to a question, not yet checked. `user_id` is whose it says that it is."""

    challenge: bytes
    credential_id: bytes
    user_id: bytes | None
    credential: AuthenticationCredential


@dataclass(frozen=True, slots=True)
class NewAnswer:
    """An authenticator's answer to being asked for a new passkey, not yet checked."""

    challenge: bytes
    credential: RegistrationCredential


def ask_for_new(site: Site, challenge: bytes, owner: Owner, *, but: Sequence[bytes]) -> str:
    """What `navigator.credentials.create` takes, as JSON; an authenticator that holds one of `but` declines.

    The passkey must be found without a name being typed, and must check its owner (a finger, a PIN).
    """
    options = generate_registration_options(
        rp_id=site.host,
        rp_name=NAME,
        user_id=owner.user_id.bytes,
        user_name=owner.email,
        user_display_name=owner.name,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            require_resident_key=True,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=held) for held in but],
    )
    return options_to_json(options)


def ask(site: Site, challenge: bytes, *, among: Sequence[bytes]) -> str:
    """What `navigator.credentials.get` takes, as JSON; any passkey will do if `among` is empty."""
    options = generate_authentication_options(
        rp_id=site.host,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        allow_credentials=[PublicKeyCredentialDescriptor(id=held) for held in among],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def read_new(text: str) -> NewAnswer | None:
    """The answer to `ask_for_new`; None for what is none."""

    def read() -> NewAnswer | None:
        credential = parse_registration_credential_json(text)
        said = parse_client_data_json(credential.response.client_data_json)
        return None if said.cross_origin else NewAnswer(said.challenge, credential)

    return _or_none(read) if len(text) <= LONGEST_ANSWER else None


def read(text: str) -> Answer | None:
    """The answer to `ask`; None for what is none."""

    def read_it() -> Answer | None:
        credential = parse_authentication_credential_json(text)
        said = parse_client_data_json(credential.response.client_data_json)
        if said.cross_origin:
            return None
        return Answer(said.challenge, credential.raw_id, credential.response.user_handle, credential)

    return _or_none(read_it) if len(text) <= LONGEST_ANSWER else None


def check_new(site: Site, answer: NewAnswer) -> Made | None:
    """The passkey, if it was made for this site with its owner checked. The challenge is the caller's."""

    def check() -> Made:
        found = verify_registration_response(
            credential=answer.credential,
            expected_challenge=answer.challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            require_user_verification=True,
        )
        return Made(found.credential_id, found.credential_public_key, found.sign_count)

    return _or_none(check)


def check(site: Site, answer: Answer, *, public_key: bytes) -> int | None:
    """What the authenticator counts, if this key signed for this site with its owner checked; else None.

    The challenge, and whether the count went on, are the caller's.
    """

    def verify() -> int:
        found = verify_authentication_response(
            credential=answer.credential,
            expected_challenge=answer.challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
        return found.new_sign_count

    return _or_none(verify)


def _or_none(work: Callable[[], T]) -> T | None:
    try:
        return work()
    except Exception:
        return None
