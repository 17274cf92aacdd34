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
    parse_cbor,
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

# Where things stand in what an authenticator tells: 32 bytes of the site's hash, the flags, a count of four
# bytes; with a new passkey 16 bytes of its maker, and the length of its id.
_FLAGS, _COUNTED, _ID_LENGTH = 32, 37, 53
_KEY = 0x40
# Kinds of CBOR items: byte and text strings; lists and maps, which hold one or two items each; tags.
_STRINGS, _HOLDERS, _TAG = frozenset({2, 3}), {4: 1, 5: 2}, 6
_DEEPEST = 8

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
        plain = _is_plain_attestation(credential.response.attestation_object)
        return None if said.cross_origin or not plain else NewAnswer(said.challenge, credential)

    return _or_none(read) if len(text) <= LONGEST_ANSWER else None


def read(text: str) -> Answer | None:
    """The answer to `ask`; None for what is none."""

    def read_it() -> Answer | None:
        credential = parse_authentication_credential_json(text)
        said = parse_client_data_json(credential.response.client_data_json)
        tells = credential.response.authenticator_data
        # A key comes with a new passkey only; what follows the count would be extensions.
        if said.cross_origin or tells[_FLAGS] & _KEY or not is_plain(tells[_COUNTED:]):
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


def is_plain(encoded: bytes) -> bool:
    """Is it CBOR as CTAP2 allows it: whole items of a stated length, not deep, and no tags?

    Asked before the library decodes: a tag may stand for what came before, so that a few hundred bytes
    unfold to gigabytes when they are written out again.
    """
    at = 0
    counts: list[int] = []
    while at < len(encoded):
        major, low = encoded[at] >> 5, encoded[at] & 31
        size = 0 if low < 24 else 1 << (low - 24) if low < 28 else None
        if major == _TAG or size is None:
            return False
        value = int.from_bytes(encoded[at + 1 : at + 1 + size]) if size else low
        at += 1 + size + (value if major in _STRINGS else 0)
        if counts:
            counts[-1] -= 1
        if major in _HOLDERS:
            counts.append(value * _HOLDERS[major])
        while counts and counts[-1] == 0:
            counts.pop()
        if len(counts) > _DEEPEST:
            return False
    return at == len(encoded) and not counts


def _is_plain_attestation(encoded: bytes) -> bool:
    """Is an attestation object plain, and what lies as bytes inside it: the key, and extensions?"""
    if not is_plain(encoded):
        return False
    tells: bytes = parse_cbor(encoded)["authData"]
    length = int.from_bytes(tells[_ID_LENGTH : _ID_LENGTH + 2])
    return is_plain(tells[_ID_LENGTH + 2 + length :])


def _or_none(work: Callable[[], T]) -> T | None:
    try:
        return work()
    except Exception:
        return None
