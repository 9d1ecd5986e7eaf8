"""Settings: config/monitor.toml, the environment and secret files, checked as a whole."""

from monitor.settings.check import CheckReport, check
from monitor.settings.load import Configuration, load_configuration
from monitor.settings.sections import Settings

__all__ = ["CheckReport", "Configuration", "Settings", "check", "load_configuration"]
