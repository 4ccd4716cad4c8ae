# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures of the tests with a whole director.

Raising namespaces and loading the data path takes seconds, so tests share them: a test gets the
topology it asks for as it was when it was new, and VIPs that no other test has used, so that no
connection of another test is in its way. What cannot be shared, a test makes for itself.

Run one by hand, as root, from the source tree:

    /usr/bin/python3 -m pytest tests/netns/test_nat.py -k echo

$XLVS_BUILD names the build directory (default: build).
"""

import contextlib
import functools
import os
import signal
import sys
from dataclasses import dataclass

import pytest

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)),
                os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib")]

import servers  # noqa: E402
from director import Director, program  # noqa: E402
from namespace import CommandFailed  # noqa: E402
from topology import FAMILIES, V4, V6, Topology  # noqa: E402

pytest.register_assert_rewrite("forwarding")


def pytest_sessionstart():
    if os.geteuid():
        pytest.exit("network namespaces need root", 2)
    # However the run is ended, fixtures are torn down.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failed test tells what its director dropped meanwhile."""
    outcome = yield
    report, director = outcome.get_result(), item.funcargs.get("director")
    if report.when == "call" and report.failed and director and director.runs:
        with contextlib.suppress(CommandFailed):
            changed = [f"{name}: {count - director.drops_before.get(name, 0)}"
                       for name, count in director.drops().items()
                       if count != director.drops_before.get(name, 0)]
            report.longrepr.addsection("xlvs drops", ", ".join(changed) or "nothing")


@pytest.fixture(scope="session")
def programs():
    missing = [name for name in ("xlvsd", "ipvsadm", "xlvs") if not os.path.exists(program(name))]
    if missing:
        pytest.exit(f"not built: {', '.join(map(program, missing))}; build, or set XLVS_BUILD", 2)


@dataclass
class Lab:
    topology: Topology
    director: Director


@pytest.fixture(scope="session")
def labs(programs):
    """A function: the session's lab for (armed, mode), raised when it is first asked for."""
    with contextlib.ExitStack() as stack:
        @functools.cache
        def lab(armed, mode):
            topology = stack.enter_context(Topology(armed))
            return Lab(topology, Director(topology, mode))
        yield lab


@pytest.fixture(params=["two", "one"], ids=["two-armed", "one-armed"])
def armed(request):
    return request.param


@pytest.fixture
def mode():
    """How XDP is attached; tests that care parametrize it."""
    return "auto"


@pytest.fixture
def lab(labs, armed, mode):
    return labs(armed, mode)


@pytest.fixture
def topology(request, lab):
    """Renewed servers; no director runs unless the test asks for `director`, too."""
    for server in lab.topology.servers:
        server.renew()
    if "director" not in request.fixturenames and lab.director.runs:
        lab.director.stop()
    return lab.topology


@pytest.fixture
def director(lab, topology):
    """A director without services, its timeouts those of IPVS."""
    if not lab.director.runs:
        lab.director.start()
    lab.director.ipvsadm("-C")
    lab.director.ipvsadm("--set 900 120 300")
    lab.director.drops_before = lab.director.drops()
    return lab.director


@pytest.fixture(params=FAMILIES, ids=["ipv4", "ipv6"])
def family(request, topology):
    return topology.with_own_vip(request.param)


@pytest.fixture
def ipv4(topology):
    """For tests of what does not depend on the family."""
    return topology.with_own_vip(V4)


@pytest.fixture
def ipv6(topology):
    return topology.with_own_vip(V6)


@pytest.fixture
def client(topology):
    return topology.client


@pytest.fixture
def echoes(topology):
    with servers.Echo(topology.servers) as running:
        yield running
