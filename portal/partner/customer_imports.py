"""Customers from a CSV file, in the dashboard: the pages of all imports, with users besides."""

from auth.actors import Action
from billing import customer_imports
from billing.customer_import_users import MOST, has_users
from billing.customer_imports import CUSTOMER_FIELDS, EXAMPLE, FIELDS
from languages import mark
from portal.partner.imports import Imported
from portal.partner.trail import trail

CUSTOMERS = Imported(
    rules=customer_imports,
    folder="customers",
    templates="partner/customer_imports",
    parameter="import_id",
    prefix="imp",
    record="cus",
    record_label="Customer id",
    right=Action.EDIT_CUSTOMERS,
    canceled=mark("The import of {file_name} is canceled. No customer was changed."),
    made=lambda row: row.customer_id,
    crumbs=trail,
    fields=FIELDS,
    offered=CUSTOMER_FIELDS,
    examples=(EXAMPLE,),
    seen=lambda begun: begun.created + begun.updated + begun.unchanged + begun.refused,
    beside=lambda begun, rows: {"with_users": has_users(begun.fields)},
    on_upload={"most_users": MOST},
    choices=lambda form: {"send_invites": form.value("send_invites") == "yes"},
    chosen=lambda begun: {"send_invites": ("yes",) if begun.send_invites else ()},
)
ROUTES = CUSTOMERS.routes()
