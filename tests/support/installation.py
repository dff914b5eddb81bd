"""Rollcall as an operator has it, for tests that run the real command."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.storage_settings import StorageSettings
from db import videos
from db.session import Database
from report.output import Format, render
from support.pictures import illustrated

ROLLCALL = str(Path(sys.executable).with_name("rollcall"))


@dataclass(frozen=True)
class Installation:
    """Rollcall as an operator has it: a home folder, settings in the environment, the command."""

    home: Path
    environment: dict[str, str]

    def run(self, *words: str, expect: int | Collection[int] = 0) -> str:
        """Run `rollcall WORDS…`; its standard output. `expect`: the exit code, or those that may be."""
        done = subprocess.run(
            [ROLLCALL, *words], env=self.environment, cwd=self.home, capture_output=True, text=True, check=False
        )
        expected = {expect} if isinstance(expect, int) else expect
        assert done.returncode in expected, f"{words}: exit code {done.returncode}\n{done.stderr}\n{self.log()}"
        return done.stdout

    def complaint(self, *words: str, expect: int = 6) -> str:
        """Run `rollcall WORDS…`, which fails; its standard error."""
        done = subprocess.run(
            [ROLLCALL, *words], env=self.environment, cwd=Path("/"), capture_output=True, text=True, check=False
        )
        assert done.returncode == expect, f"{words}: exit code {done.returncode}\n{done.stderr}"
        return done.stderr

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a process of the operator's; its output goes to the log of the home folder."""
        with (self.home / "worker.log").open("ab") as log:
            return subprocess.Popen(command, env=self.environment, cwd=self.home, stdout=log, stderr=log)

    def log(self) -> str:
        """The end of the workers' log."""
        path = self.home / "worker.log"
        return path.read_text(errors="replace")[-4000:] if path.exists() else ""

    def status(self) -> dict[str, Any]:
        """What `rollcall status --json` says."""
        told: dict[str, Any] = json.loads(self.run("status", "--json"))
        return told

    @property
    def storage(self) -> StorageSettings:
        """How buckets are reached."""
        return StorageSettings(endpoint=self.environment.get("ROLLCALL_STORAGE__ENDPOINT", ""))

    def database(self) -> Database:
        """The ledger, for looking at what no command shows."""
        return Database(self.environment.get("ROLLCALL_DATABASE__URL") or f"sqlite:///{self.home / 'rollcall.db'}")

    def reports(self, *, renewed: bool = True) -> dict[tuple[str, str], str]:
        """Every video's report by title and format, without what may differ: ids and times of processing, and which
        number an unknown person got, which depends on the order in which videos have ended.
        """
        # Whoever ends the last video has unknown people linked; by now that may be done or not.
        if renewed:
            self.run("rematch")
        told = {}
        database = self.database()
        with database.reading() as session:
            for video in videos.all_videos(session):
                report = illustrated(session, video, self.storage)
                for form in Format:
                    text = render(report, form).decode()
                    told[video.title, str(form)] = re.sub(r"\bU-\d+\b", "U", _without_processing(form, text))
        database.close()
        return told


def installed(home: Path, **settings: object) -> Installation:
    """An installation with a home of its own; settings are given as `sampling__interval=3`."""
    home.mkdir()
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ROLLCALL_")}
    environment |= {f"ROLLCALL_{key.upper()}": str(value) for key, value in settings.items()}
    return Installation(home, {**environment, "ROLLCALL_HOME": str(home)})


def _without_processing(form: Format, text: str) -> str:
    if form is Format.JSON:
        document = json.loads(text)
        del document["processing"]
        return json.dumps(document, ensure_ascii=False, indent=1)
    if form is Format.HTML:
        without, count = re.subn(r'<footer[^>]*id="processing".*?</footer>', "", text, flags=re.DOTALL)
        assert count == 1, "the page names its one part about the processing"
        return without
    return text
