"""The one console command.

Each wing registers its own; nothing heavy is imported before a command runs.
"""

from __future__ import annotations

import errno
import os
import sys
from importlib.metadata import version as _version

import typer

from embedding.errors import FlukeprintError

_TRAINING = (
    *("torch", "torchvision", "timm", "onnx", "onnxscript", "filelock", "pytorch_metric_learning"),
    *("matplotlib", "sklearn", "optuna", "tomli_w"),
)
"""Packages that only the extra `train` brings: a light set-up is without them."""
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)

app = typer.Typer(
    name="flukeprint",
    help="Say which individual whale is in a photograph.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def flukeprint(
    show_version: bool = typer.Option(False, "--version", help="Print the version and stop."),
) -> None:
    """Say which individual whale is in a photograph."""
    if show_version:
        typer.echo(f"flukeprint {_version('flukeprint')}")
        raise typer.Exit


def build_app() -> typer.Typer:
    """Mount every wing's commands; their heavy libraries load when a command runs."""
    from demo.commands import register as register_demo
    from doctor import register as register_doctor
    from index.commands.catalogue import register as register_exchange
    from index.commands.index import register as register_index
    from service.commands import register as register_service
    from training.commands.train import register as register_training

    registers = (
        register_index,
        register_exchange,
        register_training,
        register_service,
        register_demo,
        register_doctor,
    )
    for register in registers:
        register(app)
    return app


def main() -> None:
    """Run the command line.

    Errors of the user's making are one line and exit code 2; Ctrl-C is 130.
    """
    # PyTorch's threads wait for each other by spinning, long: where other work fills the cores,
    # that halves the speed and doubles the CPU time. So they sleep soon
    # (docs/experiments.md, "Threads that sleep soon"). Read as PyTorch loads.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "30000")
    try:
        build_app()()
    except FlukeprintError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _TRAINING:
            raise
        print(
            f"error: this command needs {error.name}, which isn't installed: make setup, or "
            "pip install 'flukeprint[train]'",
            file=sys.stderr,
        )
        sys.exit(2)
    except OSError as error:
        if error.errno not in _DISK_ERRORS:
            raise
        print(f"error: {_disk_error(error)}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("\nstopped; nothing half-written is left behind", file=sys.stderr)
        sys.exit(130)
    finally:
        _flush()


def _disk_error(error: OSError) -> str:
    place = f"the disk of {error.filename}" if error.filename else "a disk"
    return (
        f"{place} can't be written ({error.strerror}); nothing half-written counts. Free some "
        "space or look at the disk, then run the same command again"
    )


def _flush() -> None:
    """Write out what is left.

    A reader (head, less) that went away meanwhile is no error of ours.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
