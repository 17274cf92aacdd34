"""`python -m app`: the `remit` command, for processes that Remit starts itself."""

from app.cli import main

main()
