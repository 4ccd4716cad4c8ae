# SPDX-License-Identifier: GPL-2.0-or-later
"""What `make demo` shows: it succeeds without a terminal, and leaves nothing behind."""

import os
import re
import signal
import subprocess
import time

import pytest

import namespace
from director import ROOT, build_directory

DEMO = [os.path.join(ROOT, "tools", "demo"), build_directory()]


def left_behind(pid):
    return [name for name, its_pid, _ in namespace.made() if its_pid == pid]


def start():
    return subprocess.Popen(DEMO, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)


def test_the_demo_succeeds_in_a_minute_on_100_columns(programs):
    begin = time.monotonic()
    with start() as demo:
        shown, _ = demo.communicate(timeout=120)
    assert demo.returncode == 0, shown
    assert time.monotonic() - begin < 60
    assert max(map(len, shown.splitlines())) <= 100
    assert "\033" not in shown
    assert not left_behind(demo.pid)
    requests = [int(count.replace(",", "")) for count in
                re.findall(r"([\d,]+) requests, each .* 0 failed$", shown, re.M)]
    assert len(requests) >= 3 and min(requests) > 1000


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_cleans_up(programs, signal_number):
    with start() as demo:
        for line in demo.stdout:  # under load
            if line.startswith("client# wrk"):
                break
        assert left_behind(demo.pid)
        demo.send_signal(signal_number)
        rest = demo.stdout.read()
    assert demo.returncode == 130, rest
    assert not left_behind(demo.pid)
