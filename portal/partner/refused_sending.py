"""Why an invoice was not sent or made by itself, in words: short in the log, with what to do elsewhere."""

from languages import mark

SHORT = {
    "CUSTOMER_ARCHIVED": mark("the customer is archived"),
    "NOBODY_TO_TELL": mark("the customer has no manager or payer"),
    "OTHER": mark("it was refused"),
}
WHAT_TO_DO = {
    "CUSTOMER_ARCHIVED": mark("The customer is archived. Restore it, then send the draft."),
    "NOBODY_TO_TELL": mark("The customer has no manager or payer to send it to. Add a user, then send it."),
    "OTHER": mark("It was refused. Send it by hand to see why."),
}
NOT_MADE = {
    "CUSTOMER_ARCHIVED": mark("The customer is archived. Restore it, then try again; or end it."),
    "NOBODY_TO_TELL": mark("The customer has no manager or payer to send it to. Add a user, then try again."),
    "OTHER": mark("It was refused. Duplicate the invoice by hand to see why."),
}
