# SPDX-License-Identifier: GPL-2.0-or-later
"""Health checks against the server programs of Debian's packages, each alone in a namespace.

Run one by hand, as root, from the source tree:

    /usr/bin/python3 -m pytest tests/services -k nginx -s
"""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


from lab import Lab  # noqa: E402
from namespace import delete_group, sweep  # noqa: E402
from scripted import Certificates  # noqa: E402


def pytest_sessionstart():
    if os.geteuid():
        pytest.exit("network namespaces need root", 2)
    sweep()


@pytest.fixture(scope="session")
def certificates():
    """What servers under other accounts can read."""
    certificates = Certificates()
    os.chmod(certificates.folder.name, 0o755)
    yield certificates
    certificates.close()


@pytest.fixture
def lab(request):
    lab = None
    try:
        lab = Lab("server")
        yield lab
    finally:
        if lab:
            lab.close()
        delete_group("services")
