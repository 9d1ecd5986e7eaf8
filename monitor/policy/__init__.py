"""Policies: which numbers hold where, read from files, checked, with a digest."""

from monitor.policy.load import (
    load_policies,
    policy_file,
    read_policies,
    restore_policy,
    rulebook_of,
)
from monitor.policy.parse import Policy, parse_policy

__all__ = [
    "Policy",
    "load_policies",
    "parse_policy",
    "policy_file",
    "read_policies",
    "restore_policy",
    "rulebook_of",
]
