"""Whether there is a partner yet, which the app role can't see by itself."""

from db.migrations.running import run

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(
        """
        -- Before anybody is entered; a yes or a no.
        create function has_partner() returns boolean
        language sql stable security definer set search_path = public as $$
          select exists (select from partner)
        $$;
        alter function has_partner() owner to remit_lookup;
        revoke execute on function has_partner() from public;
        grant execute on function has_partner() to remit_app;
        """
    )
