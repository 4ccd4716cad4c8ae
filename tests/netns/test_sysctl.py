# SPDX-License-Identifier: GPL-2.0-or-later
"""The settings of IPVS by `xlvs sysctl`."""

import json

import pytest

from forwarding import two_armed
from namespace import CommandFailed

pytestmark = two_armed


@pytest.fixture(autouse=True)
def defaults(director):
    yield
    director.xlvs("sysctl", "conn_reuse_mode=1", "drop_packet=0", "am_droprate=10")


def test_settings_are_shown_by_either_name_and_changed_at_once(director):
    assert director.xlvs("sysctl", "conn_reuse_mode") == "net.ipv4.vs.conn_reuse_mode = 1\n"
    said = director.xlvs("sysctl", "net.ipv4.vs.conn_reuse_mode=0", "sync_threshold")
    assert said == "net.ipv4.vs.conn_reuse_mode = 0\nnet.ipv4.vs.sync_threshold = 3 50\n"
    shown = json.loads(director.xlvs("sysctl", "--json"))
    assert shown["conn_reuse_mode"] == "0" and shown["am_droprate"] == "10"
    assert list(shown) == sorted(shown) and len(shown) > 25


@pytest.mark.parametrize("words, text", [
    ("drop_packet=4", 'sysctl: setting key "net.ipv4.vs.drop_packet": Invalid argument'),
    ("drop_packet=", 'sysctl: setting key "net.ipv4.vs.drop_packet": Invalid argument'),
    ("drop_packet=" + 40 * "0", 'sysctl: setting key "net.ipv4.vs.drop_packet": Invalid argument'),
    ("no_such=1", "sysctl: cannot stat /proc/sys/net/ipv4/vs/no_such: No such file or directory"),
    ("no_such", "sysctl: cannot stat /proc/sys/net/ipv4/vs/no_such: No such file or directory"),
    (40 * "x" + "=1", f"sysctl: cannot stat /proc/sys/net/ipv4/vs/{40 * 'x'}: "
     "No such file or directory"),
    ("conntrack=1", 'xlvs sysctl: net.ipv4.vs.conntrack stays "0": packets are forwarded before '
     "netfilter sees them"),
])
def test_what_is_refused_changes_nothing(director, words, text):
    before = director.xlvs("sysctl")
    with pytest.raises(CommandFailed) as failure:
        director.xlvs("sysctl", words)
    assert text in str(failure.value)
    assert director.xlvs("sysctl") == before


def test_settings_outlive_the_daemon(director):
    director.xlvs("sysctl", "conn_reuse_mode=2", "drop_packet=3", "am_droprate=7")
    director.kill()
    director.start()
    said = director.xlvs("sysctl", "conn_reuse_mode", "drop_packet", "am_droprate")
    assert [line.split()[-1] for line in said.splitlines()] == ["2", "3", "7"]
