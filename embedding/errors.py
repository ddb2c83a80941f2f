"""The root of every error that flukeprint raises for what a user gave it."""

from __future__ import annotations


class FlukeprintError(Exception):
    """Say what was given, what is allowed and what to do next.

    The command line prints the message without a traceback and exits with 2; the service answers it
    as a problem document. A wing's own errors derive from this one.
    """
