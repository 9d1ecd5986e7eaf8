"""What tests of receivers share: a certificate authority of their own."""

import pytest
import trustme


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    return trustme.CA()
