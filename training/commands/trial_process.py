"""One trial's training in a process of its own: `flukeprint train`, which stops when its standard
input is closed.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

import typer

from embedding.errors import FlukeprintError


def main() -> None:
    """Train as `flukeprint train` does with this process's arguments, until done or abandoned.

    The process that started it holds the other end of its standard input. That end is closed to
    stop the training, or by the system where that process was killed, so that none is left behind.
    A stopped run can be resumed.
    """
    from training.commands.train import register

    threading.Thread(target=_stop_when_input_closes, daemon=True).start()
    app = typer.Typer(pretty_exceptions_enable=False)
    register(app)
    try:
        app(["train", *sys.argv[1:]])
    except FlukeprintError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def _stop_when_input_closes() -> None:
    while os.read(0, 1):  # not sys.stdin, whose lock a thread may hold at the end
        pass
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    main()
