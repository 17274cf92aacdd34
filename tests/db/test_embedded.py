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
