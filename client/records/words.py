"""How the words of an answer, such as a job's state, are read."""

from __future__ import annotations

from pydantic import GetPydanticSchema

AnyWord = GetPydanticSchema(lambda _source, handler: handler(str))
"""Lets a `Literal` accept any string: a newer service may have words that this client lacks."""
