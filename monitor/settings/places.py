"""What the settings name on disk: paths made absolute, globs expanded, secret files read."""

import ssl
from collections.abc import Callable, Iterator
from glob import has_magic
from pathlib import Path

from pydantic import SecretStr

from monitor.settings.receiver_sections import FileSection, ReceiverSection
from monitor.settings.sections import KafkaSection, NotifySection, Settings
from monitor.settings.values import Section

Finding = tuple[str, str]
"""A dotted path of the settings, and what is wrong there."""

_SECRET_BYTES_MAX = 64 * 1024


class Places:
    """Resolves settings against the folder of their file; collects what is wrong."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.findings: list[Finding] = []

    def resolved(self, settings: Settings) -> Settings:
        """The settings with absolute paths, existing policy files and secrets filled in."""
        return settings.model_copy(
            update={
                "policies": self.policy_files(settings.policies),
                "kafka": self._kafka(settings.kafka),
                "notify": self._notify(settings.notify),
            }
        )

    def policy_files(self, patterns: tuple[Path, ...]) -> tuple[Path, ...]:
        """The files that paths and patterns stand for, each once."""
        return tuple(dict.fromkeys(self._expanded(patterns)))

    def _expanded(self, patterns: tuple[Path, ...]) -> Iterator[Path]:
        for number, pattern in enumerate(patterns):
            path = self._folder / pattern
            if not has_magic(str(pattern)):
                yield path
                continue
            found = sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
            if not found:
                self.findings.append((f"policies.{number}", f'no file is like "{pattern}"'))
            yield from found

    def _kafka(self, kafka: KafkaSection) -> KafkaSection:
        update: dict[str, object] = {
            "password": self._secret(kafka, "kafka", "password"),
            "password_file": self._absolute(kafka.password_file),
        }
        for key in ("ssl_cafile", "ssl_certfile", "ssl_keyfile"):
            path = update[key] = self._absolute(getattr(kafka, key))
            if path is not None and not path.is_file():
                self.findings.append((f"kafka.{key}", f"there is no file {path}"))
        return kafka.model_copy(update=update)

    def _notify(self, notify: NotifySection) -> NotifySection:
        receivers = {
            name: self.receiver(name, section) for name, section in notify.receivers.items()
        }
        return notify.model_copy(update={"receivers": receivers})

    def receiver(self, name: str, section: ReceiverSection) -> ReceiverSection:
        """A receiver's section with absolute paths and its secrets filled in."""
        place = f"notify.receivers.{name}"
        update: dict[str, object] = {}
        for key, checked in section.SECRETS.items():
            update[key] = self._secret(section, place, key, checked)
            update[f"{key}_file"] = self._absolute(getattr(section, f"{key}_file"))
        if isinstance(section, FileSection):
            update["path"] = path = self._folder / section.path
            if not path.parent.is_dir():
                self.findings.append((f"{place}.path", f"there is no folder {path.parent}"))
        else:
            update |= self._authorities(section, place)
        return section.model_copy(update=update)

    def _authorities(self, section: Section, place: str) -> dict[str, object]:
        path = self._absolute(getattr(section, "ca_file", None))
        if path is None:
            return {}
        try:
            ssl.create_default_context(cafile=path)
        except (OSError, ssl.SSLError) as error:
            said = "holds no certificates" if isinstance(error, ssl.SSLError) else error.strerror
            self.findings.append((f"{place}.ca_file", f"{path}: {said}"))
        return {"ca_file": path}

    def _secret(
        self,
        section: Section,
        name: str,
        key: str,
        checked: Callable[[SecretStr], SecretStr] = lambda secret: secret,
    ) -> SecretStr | None:
        """A secret given as itself or by its file."""
        secret: SecretStr | None = getattr(section, key)
        path: Path | None = getattr(section, f"{key}_file")
        if path is None:
            return secret
        if secret is not None:
            self.findings.append((f"{name}.{key}_file", f"is given beside {key}: give only one"))
            return secret
        try:
            return checked(_read_secret(self._folder / path))
        except (OSError, ValueError) as error:
            said = error.strerror if isinstance(error, OSError) else error
            self.findings.append((f"{name}.{key}_file", f"{self._folder / path}: {said}"))
            return None

    def _absolute(self, path: Path | None) -> Path | None:
        return None if path is None else self._folder / path


def _read_secret(path: Path) -> SecretStr:
    """The text of a secret file without the line end that editors leave."""
    with path.open("rb") as file:
        content = file.read(_SECRET_BYTES_MAX)
    try:
        text = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None
    if not text:
        raise ValueError("is empty")
    return SecretStr(text)
