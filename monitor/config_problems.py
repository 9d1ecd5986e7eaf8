"""pydantic's findings as sentences that name a place in the user's file, without its jargon.

Never shows what was found there: in the settings it may be a secret.
"""

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from monitor.errors import Problem

Place = tuple[str | int, ...]
"""The keys that lead to a value, with pydantic's own marks among them."""
UnknownKey = Callable[[Place], str]
"""Explains a key that its table does not have."""

_SENTENCES = {
    "missing": "is required",
    "string_type": "must be a text",
    "string_sub_type": "must be a text",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "path_type": "must be a path",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must not be empty",
}
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_MARK = re.compile(r"\[[a-z]+\]")
"""A step of pydantic's path that no key stands for: ``[key]``, or the kind of a receiver."""


def problems_of(
    error: ValidationError,
    file: str,
    prefix: tuple[str, ...] = (),
    unknown_key: UnknownKey = lambda _: "unknown key",
) -> list[Problem]:
    """Every finding of a validation, each with its dotted path below ``prefix``."""
    return [
        Problem(file, dotted((*prefix, *detail["loc"])), _sentence(detail, unknown_key))
        for detail in error.errors(include_url=False, include_input=False)
    ]


def dotted(keys: Iterable[str | int]) -> str:
    """``metrics.late_shipment_rate.limit``; keys that hold a dot are quoted as TOML does."""
    return ".".join(_key(str(key)) for key in keys if not _MARK.fullmatch(str(key)))


def did_you_mean(key: str, known: Iterable[str]) -> str:
    """`` (did you mean X?)`` where a known key looks alike, else nothing."""
    alike = get_close_matches(key, list(known), n=1)
    return f" (did you mean {alike[0]}?)" if alike else ""


def unknown_key_of(place: Place, known: Iterable[str]) -> str:
    """What is wrong with a key that its table, which has the ``known`` ones, does not have."""
    return f"unknown key{did_you_mean(str(place[-1]), known)}"


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else f'"{key}"'


def _sentence(detail: ErrorDetails, unknown_key: UnknownKey) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return unknown_key(detail["loc"])
    if kind == "value_error":
        return str(context["error"])
    if kind in _SENTENCES:
        return _SENTENCES[kind].format(**context)
    return detail["msg"][:1].lower() + detail["msg"][1:]
