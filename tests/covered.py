"""A-11: which tests notice a missing check of auth/, and what none can notice. Read by tests/mutants.py.

Tenant predicates that change nothing stand here too, of every package: tests/predicates.py.
"""

# Where a module's checks are tried, below tests/. One that is not named is tried in auth/test_<module>.py.
COVERED_BY = {
    "accepting": "auth/test_accepting auth/test_invites auth/test_team auth/test_interleavings"
    " auth/test_unguarded portal/test_passkeys",
    "actors": "auth/test_roles auth/test_refusals auth/test_proofs auth/test_api_keys",
    "api_keys": "auth/test_api_keys auth/test_strangers auth/test_siblings auth/test_proofs"
    " portal/partner/test_api_keys",
    "audit": "auth/test_audit auth/test_factor_resets portal/partner/test_audit",
    "authenticators": "auth/test_passkey_answers auth/test_passkeys auth/test_passkey_strangers"
    " portal/test_passkeys",
    "authority": "auth/test_memberships auth/test_team auth/test_invites auth/test_races"
    " auth/test_interleavings auth/test_strangers auth/test_unguarded",
    "challenges": "auth/test_passkeys auth/test_passkeys_as_factor auth/test_passkey_strangers",
    "companies": "auth/test_memberships auth/test_accepting auth/test_unguarded auth/test_strangers"
    " auth/test_api_keys billing/test_customers",
    "email_changes": "auth/test_email_changes billing/test_profiles",
    "erasing": "auth/test_unguarded auth/test_interleavings billing/test_erasing billing/test_erasing_former",
    "factor_tables": "auth/test_factors_unguarded auth/test_second_factors auth/test_passkeys",
    "impersonations": "billing/test_impersonations portal/partner/test_impersonation",
    "invites": "auth/test_invites auth/test_invite_limits auth/test_team auth/test_strangers"
    " auth/test_unguarded",
    "mailed_codes": "auth/test_mailed_codes auth/test_new_browser",
    "mailed_sign_in": "auth/test_mailed_codes auth/test_new_browser",
    "memberships": "auth/test_memberships auth/test_team auth/test_invites auth/test_strangers"
    " auth/test_unguarded billing/test_customer_users",
    "passkeys": "auth/test_passkey_answers auth/test_factors_unguarded auth/test_factor_interleavings"
    " auth/test_passkeys"
    " auth/test_passkeys_as_factor auth/test_passkey_strangers"
    " portal/test_passkeys",
    "pending": "auth/test_factors_unguarded auth/test_second_factors auth/test_factor_races"
    " auth/test_passkeys_as_factor",
    "personal_tokens": "auth/test_resets auth/test_unguarded billing/test_profiles",
    "profiles": "auth/test_profiles billing/test_profiles",
    "recovery_codes": "auth/test_factors_unguarded auth/test_second_factors auth/test_factor_races",
    "replays": "auth/test_replays auth/test_unguarded",
    "resets": "auth/test_resets auth/test_unguarded auth/test_races auth/test_interleavings",
    "second_factors": "auth/test_factors_unguarded auth/test_factor_interleavings auth/test_second_factors"
    " auth/test_factor_races auth/test_passkeys_as_factor auth/test_sealing"
    " auth/test_refusals billing/test_sign_in_policy portal/test_factors",
    "sessions": "auth/test_sessions auth/test_new_browser auth/test_signin auth/test_diagonal"
    " auth/test_mailed_codes billing/test_profiles billing/test_sign_in_policy portal/test_signed_in",
    "signin": "auth/test_signin auth/test_new_browser auth/test_throttle auth/test_diagonal"
    " auth/test_unguarded",
    "throttle": "auth/test_throttle auth/test_refusals",
    "users": "auth/test_sessions auth/test_accepting auth/test_new_browser auth/test_unguarded"
    " billing/test_profiles",
}
# What no test can notice, because nothing that the function does or answers changes; and why.
EQUIVALENT = {
    "mailed_codes.confirm_browser: operand: ''":
        "whoever confirms a browser has a password, which was just found right",
    "mailed_codes._locked: predicate: MailedCode.user_id == user_id":
        "the id alone finds the row, and whose it is was told with the id",
    "personal_tokens.kill: comparison: col(PersonalToken.expires_at) > now":
        "one that ends now is told to end now",
    "profiles.seats: predicate: Membership.status != MembershipStatus.REMOVED":
        "it is asked again once the place is locked: this spares locking those that ended",
    "second_factors.held_by: refusal: actor.user_id is None":
        "nobody has no factor: the statements find none either",
    "passkeys._count_on: predicate: col(Passkey.user_id) == passkey.user_id":
        "the id alone finds the row that the user's id was read from",
    "passkeys._answered: operand: passkey is None":
        "nobody holds the other half of the key it is compared with then: it counts nothing",
    "pending._sign_in: predicate: col(PendingSignIn.user_id) == user_id":
        "the id alone finds the row that this user's id was read from",
    "access_requests._tell_staff: tie: col(Membership.customer_id).is_(None)":
        "the roles that are told are the staff's alone: ck_membership_role_fits_place",
    "catalogue._put_taxes: tie: col(TaxRate.owner_id).is_(None)":
        "a tax rate has no owner: ck_tax_rate_partners_only",
    "invoice_import_cells.rates_of: tie: col(TaxRate.owner_id).is_(None)":
        "a tax rate has no owner: ck_tax_rate_partners_only",
    "presets.held: tie: t.owner_id.is_(None)":
        "none of them has an owner: ck_catalogue_item_partners_only and ck_tax_rate_partners_only",
    "import_stages.asked_by: tie: col(Membership.customer_id).is_(None)":
        "no customer's role may import anything, which is asked next",
    "customer_import_repeats.refuse_repeats: sql: _SHARED: r.partner_id = :partner_id":
        "it spares looking at rows; who repeats whom is told by _SHARING, which is tied itself",
    "customer_notes._own: tie: col(CustomerNote.owner_id).is_(None)":
        "a note has no owner: ck_customer_note_partners_only",
    "tags.tag_customers: join: col(Customer.partner_id) == col(Tag.partner_id)":
        "the statement ties both the tags (`among`) and the customers (`chosen`) to the actor's partner",
    "tags.tag_invoices: join: col(Invoice.partner_id) == col(Tag.partner_id)":
        "the statement ties both the tags (`among`) and the invoices (`chosen`) to the actor's partner",
}  # fmt: skip
