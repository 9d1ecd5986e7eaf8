"""What ``verify``, ``sign-head``, ``bundle`` and ``check-bundle`` refuse before they read."""

from pathlib import Path

import click
import pytest

from monitor.cli import commands
from monitor.errors import UnreadableSource, UntrustedHead

NOWHERE = ("--kafka", "127.0.0.1:1")
ALERT = "S1/M1/shipment#1"


def run(*arguments: str) -> object:
    return commands.main(list(arguments), standalone_mode=False)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "key").write_text("0123456789abcdef0123456789abcdef\n")
    (tmp_path / "short").write_text("secret\n")
    (tmp_path / "there").write_text("something\n")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("verify",), "name a cluster with --kafka, or a settings file"),
        (("verify", *NOWHERE, "--config", "key"), "name a cluster with --kafka, or a settings"),
        (("verify", *NOWHERE, "--archive", "."), "of --kafka, --config and --archive only one"),
        (("verify", "--archive", ".", "--prefix", "x-"), "--prefix goes with --kafka"),
        (("verify", "--archive", "nowhere"), "does not exist"),
        (("archive", *NOWHERE), "Missing parameter: folder"),
        (("archive", "--to", "new"), "name a cluster with --kafka, or a settings file"),
        (("verify", "--config", "key", "--prefix", "x-"), "--prefix goes with --kafka"),
        (("verify", *NOWHERE, "--head", "there"), "--head and --key go together"),
        (("verify", *NOWHERE, "--key", "key"), "--head and --key go together"),
        (("sign-head", *NOWHERE, "new"), "--key is required"),
        (("sign-head", *NOWHERE, "--key", "key", "there"), "there is there already"),
        (("bundle", ALERT, "there", *NOWHERE), "there is there already"),
        (("bundle", "S1/M1/shipment", "new", *NOWHERE), "is no alert record"),
        (("check-bundle", "nothing"), "does not exist"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(
    folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    with pytest.raises(click.UsageError, match=message):
        run(*arguments)
    assert (folder / "there").read_text() == "something\n"


def test_keys_and_heads_are_checked_before_anything_is_read(folder: Path) -> None:
    with pytest.raises(UntrustedHead, match="holds no signed head"):
        run("verify", *NOWHERE, "--head", "there", "--key", "key")
    with pytest.raises(UntrustedHead, match="less than 32 bytes"):
        run("bundle", ALERT, "new", *NOWHERE, "--pseudonymise", "short")
    with pytest.raises(UntrustedHead, match="less than 32 bytes") as refused:
        run("sign-head", *NOWHERE, "--key", "short", "new")
    assert "secret" not in str(refused.value).split("holds")[0]
    assert not (folder / "new").exists()


def test_a_cluster_that_does_not_answer_is_named(folder: Path) -> None:
    with pytest.raises(UnreadableSource, match=r"topic alerts at 127\.0\.0\.1:1 cannot be read"):
        run("verify", *NOWHERE)


def test_an_archive_without_the_topic_is_named(folder: Path) -> None:
    with pytest.raises(UnreadableSource, match=r"the archive \. has no topic alerts"):
        run("verify", "--archive", ".")
    with pytest.raises(UnreadableSource, match=r"127\.0\.0\.1:1 cannot be read"):
        run("archive", *NOWHERE, "--to", "new")
    assert not (folder / "new").exists()


def test_a_file_that_is_no_bundle_is_refused(folder: Path) -> None:
    with pytest.raises(UnreadableSource, match="there: is no bundle"):
        run("check-bundle", "there")
