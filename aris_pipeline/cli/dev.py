"""The command that opens the Dagster UI."""

import os
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from aris_pipeline.cli.console import command
from aris_pipeline.cli.options import AsJson, DataDir
from aris_pipeline.errors import ConfigError
from aris_pipeline.storage import DataStore


def dev(
    context: typer.Context,
    data_dir: DataDir = "data",
    port: Annotated[int, typer.Option(help="Port of the Dagster UI, on loopback.")] = 3000,
    automation: Annotated[
        bool, typer.Option("--automation", help="Land and judge new files by themselves.")
    ] = False,
    engines: Annotated[
        int | None, typer.Option(min=1, help="Engines that may work at once, one a GPU.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Open the Dagster UI with its daemon, on the instance that `aris run` writes to."""
    with command(as_json) as emit:
        from aris_pipeline.defs.instance import open_instance, prepare_home  # noqa: PLC0415
        from aris_pipeline.defs.recovery import release_dead_runs  # noqa: PLC0415

        root = DataStore.at(data_dir).root
        _require_free(port)
        with open_instance(root, engines) as instance:
            release_dead_runs(instance)
            home = prepare_home(root)
        emit({"home": str(home), "url": f"http://127.0.0.1:{port}"})
        environment = {
            **os.environ,
            "DAGSTER_HOME": str(home),
            "ARIS_DATA_DIR": str(root),
        }
        if automation:
            environment["ARIS_AUTOMATION"] = "on"
        workspace = Path("workspace.yaml")
        code = ["-w", str(workspace)] if workspace.exists() else ["-m", "aris_pipeline.definitions"]
        arguments = [*code, "-h", "127.0.0.1", "-p", str(port), *context.args]
    # In place of this process, so that a signal reaches Dagster itself and it ends its children.
    os.execve(  # noqa: S606
        sys.executable, [sys.executable, "-m", "dagster", "dev", *arguments], environment
    )


def _require_free(port: int) -> None:
    """Raises where another program listens: Dagster's daemon would work on without its UI."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise ConfigError(
                f"port {port} cannot be used ({error}): choose another by --port, or end what "
                "listens there, which may be another `aris dev`"
            ) from error
