"""`rollcall metrics`: the ledger's state for Prometheus."""

import signal
import threading
from typing import Annotated

import typer

from cli import console
from cli.ledger import opened
from config.errors import SettingsError
from config.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("metrics")(run)


def run(
    port: Annotated[int, typer.Option(min=1, max=65_535, help="To listen at.")] = 9464,
    address: Annotated[str, typer.Option(help="To listen at; 0.0.0.0 for all of this machine's.")] = "127.0.0.1",
    once: Annotated[bool, typer.Option("--once", help="Print the metrics and end.")] = False,
) -> None:
    """Serve backlog, waits, utilisation and the recommended number of workers as Prometheus metrics.

    One of it is enough for all machines: everything comes from the ledger. Ctrl-C ends it.
    """
    from prometheus_client import CollectorRegistry, generate_latest, start_http_server  # noqa: PLC0415  for this only

    from scheduler.metrics import LedgerCollector  # noqa: PLC0415  loads NumPy

    settings = load_settings()
    with opened(settings) as database:
        registry = CollectorRegistry()
        registry.register(LedgerCollector(database, settings))
        if once:
            typer.echo(generate_latest(registry).decode(), nl=False)
            return
        try:
            server, thread = start_http_server(port, address, registry)
        except OSError as error:
            raise SettingsError(
                f"{address}:{port}", f"cannot be listened at: {error.strerror or error}", "choose another --port"
            ) from None
        console.err.print(f"metrics at http://{address}:{port}/metrics", markup=False)
        ended = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
        ended.wait()
        server.shutdown()
        thread.join()
