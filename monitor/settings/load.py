"""config/monitor.toml, environment, secret files and policy files become one Configuration."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_settings import SettingsError

from monitor.config_problems import Place, problems_of, unknown_key_of
from monitor.core.rules import Rulebook
from monitor.errors import ConfigError, Problem
from monitor.policy import Policy, read_policies, rulebook_of
from monitor.policy.load import read_toml
from monitor.settings.notify_sections import MuteTimeSection, RouteSection
from monitor.settings.notify_sense import marketplace_doubts
from monitor.settings.places import Finding, Places
from monitor.settings.receiver_sections import RECEIVER_SECTIONS, mark_of
from monitor.settings.sections import ENVIRONMENT_PREFIX, NESTED_DELIMITER, PolicyPaths, Settings
from monitor.settings.sense import (
    contradictions,
    default_retention_days,
    doubts,
    retention_findings,
)


@dataclass(frozen=True, slots=True)
class Configuration:
    """All that a worker is told: settings, policies, and warnings about both."""

    settings: Settings
    policies: tuple[Policy, ...]
    warnings: tuple[Problem, ...] = ()

    @property
    def rulebook(self) -> Rulebook:
        """The policies as the engine needs them."""
        return rulebook_of(self.policies)


def load_configuration(path: str | os.PathLike[str]) -> Configuration:
    """The settings of a file and the environment, with the policies they name.

    Raises:
        ConfigError: with every problem of settings, secret files and policy files.
    """
    origin = _Origin(str(path))
    document = read_toml(path)
    places = Places(Path(path).absolute().parent)
    settings, problems = _validated(document, origin)
    policies: list[Policy] = []
    try:
        if settings is None:
            read_policies(places.policy_files(_policy_paths(document)))
        else:
            settings = places.resolved(settings)
            problems += origin.problems(contradictions(settings))
            policies = read_policies(settings.policies)
    except ConfigError as error:
        problems += error.problems
    problems += origin.problems(places.findings)
    if settings is None or problems:
        raise ConfigError(problems)
    return _configuration(settings, policies, document, origin)


def _configuration(
    settings: Settings, policies: list[Policy], document: dict[str, Any], origin: "_Origin"
) -> Configuration:
    short, scarce = retention_findings(settings.topics, policies)
    if short:
        raise ConfigError(origin.problems(short))
    lost = marketplace_doubts(settings.notify, policies)
    warnings = [
        *origin.problems(
            [*_secrets_in_clear(document, settings), *doubts(settings), *scarce, *lost]
        ),
        *_unknown_variables(),
        *(doubt for policy in policies for doubt in policy.warnings),
    ]
    return Configuration(_with_retention(settings, policies), tuple(policies), tuple(warnings))


class _Origin:
    """Tells whether a setting came from the file or from the environment."""

    def __init__(self, file: str) -> None:
        self.file = file

    def problems(self, findings: Iterable[Finding]) -> list[Problem]:
        """Findings, each at the place where its setting was given."""
        return [self.located(Problem(self.file, path, fault)) for path, fault in findings]

    def located(self, problem: Problem) -> Problem:
        """The problem at the variable that set it, if one did."""
        keys = problem.path.split(".")
        names = {name.upper(): name for name in os.environ}
        for length in range(len(keys), 0, -1):
            variable = ENVIRONMENT_PREFIX + NESTED_DELIMITER.join(keys[:length]).upper()
            if variable in names:
                return Problem("environment", names[variable], problem.message)
        return problem


def _validated(document: dict[str, Any], origin: _Origin) -> tuple[Settings | None, list[Problem]]:
    private = [(key, "unknown key") for key in document.keys() - _public(document).keys()]
    problems = origin.problems(private)
    try:
        return Settings(**_public(document)), problems
    except SettingsError as error:
        problems.append(_no_json(error))
    except ValidationError as error:
        found = problems_of(error, origin.file, unknown_key=_unknown)
        problems += [origin.located(problem) for problem in found]
    return None, problems


def _policy_paths(document: dict[str, Any]) -> tuple[Path, ...]:
    """The policy files of settings that are wrong, so that these are checked all the same."""
    try:
        return PolicyPaths(**_public(document)).policies
    except (SettingsError, ValidationError):
        return ()


def _public(document: dict[str, Any]) -> dict[str, Any]:
    """Without the keys with an underscore, which BaseSettings takes for its own arguments."""
    return {key: value for key, value in document.items() if not key.startswith("_")}


def _unknown(place: Place) -> str:
    return unknown_key_of(place, _keys_beside(place))


def _keys_beside(place: Place) -> set[str]:
    """The keys that the table has in which a place is."""
    tables: list[type[BaseModel]] = [Settings]
    match place:
        case ("notify", "receivers", _, mark, _):
            tables = [table for table in RECEIVER_SECTIONS if mark == mark_of(table)]
        case ("notify", "routes", _, _):
            tables = [RouteSection]
        case ("notify", "mute_times", _, _):
            tables = [MuteTimeSection]
        case (str(section), _):
            tables = [type(Settings.model_fields[section].default)]
    fields = {name: field for table in tables for name, field in table.model_fields.items()}
    return {field.alias or name for name, field in fields.items()}


def _no_json(error: SettingsError) -> Problem:
    named = [name for name in Settings.model_fields if f'"{name}"' in str(error)]
    variable = ENVIRONMENT_PREFIX + "".join(named[:1]).upper()
    return Problem("environment", variable, "must be a JSON object, or set its keys one by one")


def _unknown_variables() -> Iterator[Problem]:
    known = {name.upper() for name in Settings.model_fields}
    for variable in sorted(os.environ):
        name = variable.upper().removeprefix(ENVIRONMENT_PREFIX)
        if name == variable.upper() or name.split(NESTED_DELIMITER)[0] in known:
            continue
        yield Problem("environment", variable, "is no setting and has no effect")


def _secrets_in_clear(document: dict[str, Any], settings: Settings) -> Iterator[Finding]:
    said = "is a secret in the file itself: rather use"
    if "password" in document.get("kafka", {}):
        yield "kafka.password", f"{said} password_file"
    given = document.get("notify", {}).get("receivers", {})
    for name, section in settings.notify.receivers.items():
        for key in section.SECRETS:
            if key in given.get(name, {}):
                yield f"notify.receivers.{name}.{key}", f"{said} {key}_file"


def _with_retention(settings: Settings, policies: list[Policy]) -> Settings:
    if settings.topics.retention_days is not None:
        return settings
    days = default_retention_days(policies)
    topics = settings.topics.model_copy(update={"retention_days": days})
    return settings.model_copy(update={"topics": topics})
