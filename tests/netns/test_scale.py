# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands on large tables, by the measurement of tests/bench/control.py, which also compares what
comes back with what was put in. CPU time is what is judged: the clock depends on who else runs."""

import os
import subprocess

import pytest

from director import ROOT, build_directory, program

SERVICES = 3_000
CONNECTIONS = 100_000


@pytest.fixture(scope="module")
def figures(programs, tmp_path_factory):
    ours = tmp_path_factory.mktemp("programs")
    for name in ("xlvsd", "ipvsadm"):
        (ours / name).symlink_to(program(name))
    bench = os.path.join(build_directory(), "tests", "bench")
    done = subprocess.run(
        ["setpriv", "--pdeathsig", "TERM", "unshare", "--net",
         os.path.join(ROOT, "tests", "bench", "control.py"),
         "--services", str(SERVICES), "--connections", str(CONNECTIONS)],
        env={**os.environ, "BENCH": bench, "XLVS": str(ours)}, capture_output=True, text=True,
        timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    return {name: float(number) for name, number in map(str.split, done.stdout.splitlines())}


def test_thousands_of_services_are_restored_and_listed_in_little_time(figures):
    assert figures["restore-cpu-ms"] < 1500
    assert figures["list-cpu-ms"] < 800
    assert figures["clear-cpu-ms"] < 300


def test_a_long_list_of_connections_begins_at_once_and_takes_no_memory(figures):
    assert figures["first-connection-ms"] < figures["all-connections-ms"] / 4
    assert figures["client-kib"] < 8192
    assert figures["daemon-grew-kib"] < 1024
