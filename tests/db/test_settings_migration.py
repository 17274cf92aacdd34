"""What a process that started before the settings came still can do: make a partner without them."""

from sqlalchemy import Connection, text


def test_a_partner_made_without_the_settings_asks_no_second_factor(owner: Connection) -> None:
    owner.execute(
        text(
            "insert into partner (id, slug, name, legal_name, support_email, time_zone, invoice_prefix,"
            " next_invoice_number, default_terms_days, created_at, updated_at) values (gen_random_uuid(),"
            " 'old', 'Old', 'Old', 'a@old.example', 'America/New_York', 'OLD-', 1, 30, now(), now())"
        )
    )
    kept = "staff_need_factor, users_need_factor, version, address, accent, logo"
    row = owner.execute(text(f"select {kept} from partner where slug = 'old'")).one()
    assert tuple(row) == (False, False, 1, None, None, None)
