"""Policy files become the rulebook of the engine."""

import json
import re
import tomllib
from collections.abc import Iterable, Sequence
from decimal import Decimal
from os import PathLike
from pathlib import Path
from typing import Any

import tomli_w

from monitor.config_problems import dotted
from monitor.core.calendar import day_number
from monitor.core.rules import Era, Rulebook
from monitor.errors import ConfigError, Problem
from monitor.policy.parse import Policy, parse_policy


def load_policies(paths: Iterable[str | PathLike[str]]) -> Rulebook:
    """The rulebook of one or several policy files.

    Raises:
        ConfigError: with every problem of every file, and of the files together.
    """
    return rulebook_of(read_policies(paths))


def read_policies(paths: Iterable[str | PathLike[str]]) -> list[Policy]:
    """The policies of some files, each for itself.

    Raises:
        ConfigError: with every problem of every file, unreadable ones included.
    """
    policies, problems = [], []
    for path in paths:
        try:
            policies.append(parse_policy(read_toml(path), str(path)))
        except ConfigError as error:
            problems += error.problems
    problems += clashes(policies)
    if problems:
        raise ConfigError(problems)
    return policies


def rulebook_of(policies: Sequence[Policy]) -> Rulebook:
    """The rulebook of policies that do not clash."""
    eras: dict[str, list[Era]] = {}
    for policy in policies:
        since = None if policy.valid_from is None else day_number(policy.valid_from)
        for marketplace, rules in policy.marketplaces.items():
            eras.setdefault(marketplace, []).append(Era(since, rules))
    return Rulebook({marketplace: tuple(found) for marketplace, found in eras.items()})


def clashes(policies: Sequence[Policy]) -> list[Problem]:
    """Marketplaces for which two policies begin on the same day."""
    first: dict[tuple[str, object], Policy] = {}
    problems = []
    for policy in policies:
        for marketplace in policy.marketplaces:
            other = first.setdefault((marketplace, policy.valid_from), policy)
            if other is not policy:
                since = f"from {policy.valid_from} on" if policy.valid_from else "from ever"
                fault = f"{other.file} too holds for this marketplace {since}"
                path = dotted(("marketplaces", marketplace))
                problems.append(Problem(policy.file, path, fault))
    return problems


def restore_policy(canonical: str, origin: str) -> Policy:
    """The policy of a canonical form, as the topic ``policies`` keeps it.

    Raises:
        ConfigError: it is none.
    """
    return parse_policy(_document(canonical, origin), origin)


def policy_file(policy: Policy) -> str:
    """A policy file (TOML) of a policy, without the comments of the file that it came from.

    What is read from it has the same digest.
    """
    return tomli_w.dumps(_told(_document(policy.canonical, policy.file)))


def _document(canonical: str, origin: str) -> dict[str, Any]:
    try:
        document = json.loads(canonical, object_hook=_with_durations)
    except ValueError as error:
        raise ConfigError([Problem(origin, "", f"is not JSON: {error}")]) from None
    if not isinstance(document, dict):
        raise ConfigError([Problem(origin, "", "is no table")])
    return document


def _told(table: dict[str, Any]) -> dict[str, Any]:
    """A table without what is null: TOML has none, and it is what is not said."""
    return {
        key: _told(value) if isinstance(value, dict) else value
        for key, value in table.items()
        if value is not None
    }


def _with_durations(table: dict[str, Any]) -> dict[str, Any]:
    """A table of a canonical form with its durations as the numbers that a file has."""
    return {
        key: Decimal(value) if key.endswith(("_hours", "_minutes")) and _is_number(value) else value
        for key, value in table.items()
    }


def _is_number(value: object) -> bool:
    """A category may be called like a duration, but its limit is no mere number."""
    return isinstance(value, str) and re.fullmatch(r"[0-9.]+", value) is not None


def read_toml(path: str | PathLike[str]) -> dict[str, Any]:
    """The tables of a TOML file, decimal numbers as ``Decimal``.

    Raises:
        ConfigError: it cannot be read or is no TOML.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        fault = f"cannot be read: {error.strerror or error}"
        raise ConfigError([Problem(str(path), "", fault)]) from None
    return parsed_toml(data, str(path))


def parsed_toml(data: bytes, origin: str) -> dict[str, Any]:
    """The tables of a TOML document, decimal numbers as ``Decimal``.

    Raises:
        ConfigError: it is no TOML.
    """
    try:
        # Line ends as a text file has them.
        text = data.decode().replace("\r\n", "\n").replace("\r", "\n")
        return tomllib.loads(text, parse_float=Decimal)
    except UnicodeDecodeError:
        fault = "is not UTF-8 text"
    except ValueError as error:  # TOMLDecodeError, or a number of thousands of digits
        fault = f"is not TOML: {error}"
    raise ConfigError([Problem(origin, "", fault)])
