"""Policies from their digests: the same rules as from their files, or a refusal."""

import tomllib
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.audit.logs import LogRecord
from monitor.audit.policies import PublishedPolicies, published_policies
from monitor.errors import ConfigError, UnknownPolicy
from monitor.policy import Policy, parse_policy, policy_file, read_policies, rulebook_of
from monitor.policy.canonical import digest_of
from tests.audit.memory import MemoryLog
from tests.histories import ANCHORS, Document, rulebooks
from tests.policies.documents import parsed, table

ROOT = Path(__file__).resolve().parent.parent.parent
FILES = [*sorted((ROOT / "config" / "policies").glob("*.toml")), ROOT / "tests/policies/olist.toml"]


def published(policies: Iterable[Policy]) -> PublishedPolicies:
    """What the topic gives once a worker with these policies has started."""
    forms = rulebook_of(list(policies)).canonical_forms
    records = [
        LogRecord(offset, digest.encode(), form.encode())
        for offset, (digest, form) in enumerate(forms.items())
    ]
    return published_policies(MemoryLog({0: records}, "policies"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_policy_that_comes_along_is_the_same_from_its_digest(path: Path) -> None:
    (policy,) = read_policies([path])
    again = published([policy]).policy(policy.digest)
    assert again.digest == policy.digest
    assert again.valid_from == policy.valid_from
    assert again.marketplaces == policy.marketplaces


@given(st.sampled_from(ANCHORS).flatmap(rulebooks))
def test_rules_are_the_same_from_digests_as_from_files(documents: list[Document]) -> None:
    policies = [parse_policy(one, f"{number}.toml") for number, one in enumerate(documents)]
    again = published(policies).rulebook(policy.digest for policy in policies)
    assert again == rulebook_of(policies)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_written_from_a_digest_has_this_digest(path: Path, tmp_path: Path) -> None:
    (policy,) = read_policies([path])
    written = tmp_path / "policy.toml"
    written.write_text(policy_file(published([policy]).policy(policy.digest)), encoding="utf-8")
    (again,) = read_policies([written])
    assert again.digest == policy.digest
    assert again.marketplaces == policy.marketplaces


@given(st.sampled_from(ANCHORS).flatmap(rulebooks))
def test_a_written_file_has_the_digest_of_any_policy(documents: list[Document]) -> None:
    for number, document in enumerate(documents):
        policy = parse_policy(document, f"{number}.toml")
        written = tomllib.loads(policy_file(policy), parse_float=Decimal)
        assert parse_policy(written, "again").marketplaces == policy.marketplaces


HOSTILE = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)


@given(HOSTILE, HOSTILE, st.decimals(0, 1000, places=6))
def test_a_written_file_holds_any_text_and_any_duration(
    text: str, category: str, hours: Decimal
) -> None:
    rate = table(
        "valid_tracking_rate",
        runbook=text,
        by_category={category: "at least 95%"},
        scan_grace_hours=hours,
    )
    policy = parsed({"valid_tracking_rate": rate}, deadlines={"reply": {"runbook": text}})
    written = tomllib.loads(policy_file(policy), parse_float=Decimal)
    assert parse_policy(written, "again").digest == policy.digest


def test_a_digest_that_nobody_published_is_refused() -> None:
    with pytest.raises(UnknownPolicy, match=f"topic policies has no policy {'0' * 64}"):
        published([parsed()]).policy("0" * 64)


def test_a_form_that_was_altered_is_refused() -> None:
    policy = parsed()
    forms = {policy.digest.encode(): policy.canonical.replace("4%", "5%").encode()}
    with pytest.raises(UnknownPolicy, match="has another digest"):
        PublishedPolicies(forms, "topic policies").policy(policy.digest)


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ("x", ConfigError),
        ("[]", ConfigError),
        ("{}", ConfigError),
        (parsed().canonical.replace(":", ": "), UnknownPolicy),
    ],
)
def test_what_is_no_canonical_form_is_refused(form: str, error: type[Exception]) -> None:
    digest = digest_of(form)
    with pytest.raises(error):
        PublishedPolicies({digest.encode(): form.encode()}, "topic policies").policy(digest)


def test_two_policies_for_the_same_days_make_no_rulebook() -> None:
    before, after = parsed(), parsed(retention_days=500)
    with pytest.raises(UnknownPolicy, match="too holds for this marketplace"):
        published([before, after]).rulebook([before.digest, after.digest])
