"""Which addresses count as the public internet's."""

import pytest

from monitor.notify.addresses import is_public


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "151.101.1.6", "2606:4700::6810:85e5", "64:ff9b::808:808"],
)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.1.2.3", "::1", "0.0.0.0", "::"),  # noqa: S104 - nobody binds to it
        *("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd12::1"),
        *("169.254.169.254", "fe80::1", "fe80::1%eth0", "fec0::1", "fd00:ec2::254"),
        *("100.64.0.1", "192.0.0.1", "198.18.0.1", "192.0.2.1", "240.0.0.1", "255.255.255.255"),
        *("224.0.0.1", "ff02::1", "2001:db8::1"),
    ],
)
def test_this_machine_its_network_and_metadata_are_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "::ffff:127.0.0.1",
        "::ffff:a9fe:a9fe",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::1",
        "2002:a9fe:a9fe::",
        "2001:0:4136:e378:8000:63bf:8000:fefe",
    ],
)
def test_nor_is_an_address_of_the_sixth_version_that_leads_there(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f000001", "8.8.8.8:80"])
def test_what_is_no_address_is_not_public(text: str) -> None:
    assert not is_public(text)
