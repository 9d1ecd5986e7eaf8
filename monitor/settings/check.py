"""What ``monitor check`` finds in settings and policies before anything starts."""

from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike

from monitor.errors import ConfigError, Problem
from monitor.policy import Policy, read_policies
from monitor.settings.load import load_configuration


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Problems keep the program from starting; warnings do not."""

    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    policies: tuple[Policy, ...]


def check(
    config: str | PathLike[str] | None, policies: Iterable[str | PathLike[str]] = ()
) -> CheckReport:
    """All there is to say about a settings file with its policies, and about policy files."""
    problems: list[Problem] = []
    warnings: list[Problem] = []
    sound: list[Policy] = []
    try:
        if config is not None:
            configuration = load_configuration(config)
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
    return CheckReport(tuple(problems), tuple(warnings), tuple(sound))
