"""What ``monitor check`` finds in settings and policies before anything starts."""

from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike

from monitor.errors import ConfigError, Problem
from monitor.policy import Policy, read_policies
from monitor.settings.load import load_configuration
from monitor.settings.sections import Settings


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Problems keep the program from starting; warnings do not."""

    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    policies: tuple[Policy, ...]
    settings: Settings | None = None
    """Those of the file, where it was asked about and is sound."""


def check(
    config: str | PathLike[str] | None, policies: Iterable[str | PathLike[str]] = ()
) -> CheckReport:
    """All there is to say about a settings file with its policies, and about policy files."""
    problems: list[Problem] = []
    warnings: list[Problem] = []
    sound: list[Policy] = []
    settings: Settings | None = None
    try:
        if config is not None:
            configuration = load_configuration(config)
            settings = configuration.settings
            warnings += configuration.warnings
            sound += configuration.policies
    except ConfigError as error:
        problems += error.problems
    try:
        named = read_policies(policies)
        warnings += [doubt for policy in named for doubt in policy.warnings]
        sound += named
    except ConfigError as error:
        problems += error.problems
    return CheckReport(tuple(problems), tuple(warnings), tuple(sound), settings)
