# SPDX-License-Identifier: GPL-2.0-or-later
"""What xlvsd is started with: mistakes, interfaces that come and go, a table that is too small."""

import json

import pytest

from director import Director, program
from forwarding import two_armed
from load import Session, fetch
from wait import until

pytestmark = two_armed

MISTAKES = {
    "": "no interface: name those that packets arrive on and leave by with -i, or -i all",
    "-i": "-i: a value is missing",
    "-i eth0 --mode fast": "--mode fast: auto, native or generic",
    "-i eth0 --connections 0": "--connections 0: not a number above 0",
    "-i eth0 --connections many": "--connections many: not a number above 0",
    "-i eth0 --mh-slots 250": "--mh-slots 250: not a prime from 251 to 131071",
    "-i eth0 stray": "stray: an unexpected word",
    "-i eth0 --bogus": "--bogus: no such option",
}
REFUSALS = {
    "-i nosuch": "-i nosuch: no such interface",
    "-i eth0 -i lo": "-i lo: not an Ethernet interface",
    "-i eth0 --connections 99999999999":
        "a connection table has room for 1 to 402653184 connections, not 99999999999",
}


@pytest.fixture
def start(topology):
    """A function: start xlvsd with these words."""
    directors = []

    def started(words):
        director = Director(topology)
        directors.append(director)
        director.words[1:] = words.split()
        return director.start()
    yield started
    for director in directors:
        director.close()


def refused(topology, words, *before):
    done = topology.director.run(*before, program("xlvsd"), *words.split(), check=False)
    assert done.stdout == "" and "prog/xdp" not in topology.director.run("ip", "-d", "link").stdout
    return done.returncode, done.stderr


def interfaces(director):
    return {row["name"]: row["mode"] for row in
            json.loads(director.xlvs("status", "--json"))["interfaces"] if row["attached"]}


def test_mistakes_are_named_in_one_line(topology):
    for words, said in MISTAKES.items():
        assert refused(topology, words) == (2, f"xlvsd: {said} (see xlvsd --help)\n")
    for words, said in REFUSALS.items():
        assert refused(topology, words) == (1, f"xlvsd: {said}\n")


def test_an_old_kernel_is_refused(topology):
    status, said = refused(topology, "-i eth0", "setarch", "--uname-2.6")
    assert status == 1 and said.startswith("xlvsd: Linux 2.6.")
    assert said.endswith(" is too old: 6.1 or newer is needed\n")


def test_a_driver_without_xdp_is_refused_or_does_without(topology, start):
    topology.director.ip("link add br9 type bridge", "link set br9 up")
    try:
        status, said = refused(topology, "-i br9 --mode native")
        assert status == 1 and said.startswith("xlvsd: -i br9: cannot attach: ")
        assert "native" in said and said.count("\n") == 1
        assert interfaces(start("-i br9 -i eth0")) == {"br9": "generic", "eth0": "native"}
    finally:
        topology.director.ip("link del br9")


def test_interfaces_come_and_go(topology, start):
    def is_attached(*names):
        until(f"{names} to be attached", lambda: set(interfaces(director)) == set(names))
    director = start("-i all --connections 1000")
    is_attached("eth0", "eth1")
    topology.director.ip("link add late0 type veth peer name late1")
    is_attached("eth0", "eth1", "late0", "late1")
    director.stop()
    director = start("-i eth0 -i late0 --connections 1000")
    is_attached("eth0", "late0")
    topology.director.ip("link del late0")
    is_attached("eth0")
    until("a word about it", lambda: "xlvsd: late0 is gone; it will be attached when it returns"
          in director.log)
    topology.director.ip("link add late0 type veth peer name late1")
    is_attached("eth0", "late0")
    topology.director.ip("link del late0")


def test_a_table_that_fills_is_told_of(topology, start, client, ipv4):
    director = start("-i eth0 -i eth1 --connections 50")
    director.add_service(ipv4, "nat", topology.servers)
    fetch(client, ipv4, 40)     # a record each way
    until("the warning", lambda: any(line.startswith("xlvsd: connection table ")
                                     and " % full: " in line for line in director.log))
    with pytest.raises(OSError):
        for _ in range(20):
            with Session(client, ipv4, timeout=1) as session:
                session.get()
    until("the failures to be told of", lambda: any(line.endswith(" found no room in it")
                                                    for line in director.log))
    status = json.loads(director.xlvs("status", "--json"))["connections"]
    assert status["fill_percent"] >= 90 and status["without_room"] > 0
    assert director.drops()["table_full"] == status["without_room"]
