# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures of the tests with a whole director: every test gets a topology of its own.

Run one by hand, as root, from the source tree:

    /usr/bin/python3 -m pytest tests/netns/test_nat.py -k echo

$XLVS_BUILD names the build directory (default: build).
"""

import os
import signal
import sys

import pytest

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)),
                os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib")]

import servers  # noqa: E402
from director import Director, program  # noqa: E402
from topology import FAMILIES, Topology  # noqa: E402

pytest.register_assert_rewrite("forwarding")


def pytest_sessionstart():
    if os.geteuid():
        pytest.exit("network namespaces need root", 2)
    # However the run is ended, fixtures are torn down.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)


@pytest.fixture(scope="session")
def programs():
    missing = [name for name in ("xlvsd", "ipvsadm", "xlvs") if not os.path.exists(program(name))]
    if missing:
        pytest.exit(f"not built: {', '.join(map(program, missing))}; build, or set XLVS_BUILD", 2)


@pytest.fixture(params=["two", "one"], ids=["two-armed", "one-armed"])
def armed(request):
    return request.param


@pytest.fixture(params=FAMILIES, ids=["ipv4", "ipv6"])
def family(request):
    return request.param


@pytest.fixture
def mode():
    """How XDP is attached; tests that care parametrize it."""
    return "auto"


@pytest.fixture
def topology(programs, armed):
    with Topology(armed) as made:
        yield made


@pytest.fixture
def director(topology, mode):
    """A director without services."""
    return Director(topology, mode).start()


@pytest.fixture
def client(topology):
    return topology.client


@pytest.fixture
def echoes(topology):
    with servers.Echo(topology.servers) as running:
        yield running
