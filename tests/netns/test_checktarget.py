# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks of the VIP on each real server, as packets are forwarded there (checktarget = virtual)."""

import contextlib
import signal

import pytest

from director import program
from forwarding import two_armed
from ldirectord import History, Ldirectord
from wait import until

pytestmark = two_armed

QUICK = "checkinterval=1\nchecktimeout=1\nnegotiatetimeout=1\n"
WORD = {"nat": "masq", "dr": "gate", "tun": "ipip"}


def virtual(family, port, lines, method, servers):
    six = "6" if family.version == 6 else ""
    reals = "".join(f"    real{six}={family.endpoint(server.address(family), port)} {WORD[method]} 1"
                    f" \"/\" \"{server.name}\"\n" for server in servers)
    return f"virtual{six}={family.endpoint(family.vip, port)}\n{lines}{reals}"


def table(family, **ports):
    return {family.endpoint(family.vip, int(port[4:])):
            {family.endpoint(server.address(family), int(port[4:])): 1 for server in servers}
            for port, servers in ports.items()}


def asked(server):
    """Who asked the server at which address."""
    return {(client, at) for client, at, _, _ in server.requests()}


@pytest.mark.parametrize("method", ["dr", "tun"])
def test_a_server_without_the_vip_or_the_tunnel_is_found_out(topology, director, family, method):
    one, two, _ = topology.servers
    for server in (one, two):
        server.prepare(method, family)
    checks = Ldirectord(topology, QUICK
                        + virtual(family, 80, "    checktarget=virtual\n", method, [one, two])
                        + virtual(family, 8080, "    service=http\n", method, [one, two])).start()
    with History(director) as history:
        history.wait(table(family, port80=[one, two], port8080=[one, two]))
        assert (family.dip, family.vip) in asked(one)
        two.run(program("xlvs"), "rs", "del", two.vips.pop())
        history.wait(table(family, port80=[one], port8080=[one, two]))
        two.prepare(method, family)
        history.wait(table(family, port80=[one, two], port8080=[one, two]))
        one.kill_nginx()
        history.wait(table(family, port80=[two], port8080=[two]))
        shown = checks.server(family.endpoint(one.address(family), 80))
        assert shown["last_result"]["text"] == "connect: connection refused"
    checks.stop()
    assert "xlvs_check" not in topology.director.run("tc", "filter", "show", "dev", "eth1",
                                                     "egress").stdout


def test_a_server_without_the_vip_that_routes_does_not_pass_the_check_on(topology, director,
                                                                         family):
    """Back at the director it would be given to a server that has the VIP."""
    one, two, _ = topology.servers
    one.prepare("dr", family)
    forwarding = "net.ipv4.ip_forward" if family.version == 4 else "net.ipv6.conf.all.forwarding"
    two.sysctl(forwarding, 1)
    try:
        checks = Ldirectord(topology, QUICK + virtual(family, 80, "    checktarget=virtual\n", "dr",
                                                      [one]).replace('"rs1"', '"rs."')
                            + f"    real{'6' * (family.version == 6)}="
                            f"{family.endpoint(two.address(family), 80)} gate\n").start()
        with History(director) as history:
            history.wait(table(family, port80=[one]))
            until("three checks of each", lambda: len(one.requests()) >= 3)
            result = checks.server(family.endpoint(two.address(family), 80))["last_result"]
            assert result["text"] == "no answer within 1.0 s"
        checks.stop()
    finally:
        two.sysctl(forwarding, 0)


def test_servers_of_nat_are_asked_at_their_own_address(topology, director, family):
    one, _, _ = topology.servers
    checks = Ldirectord(topology, QUICK + virtual(family, 80, "    checktarget=virtual\n", "nat",
                                                  [one])).start()
    with History(director) as history:
        history.wait(table(family, port80=[one]))
    checks.stop()
    assert asked(one) == {(family.dip, one.address(family))}


@contextlib.contextmanager
def two_ports(space):
    """For all that connects from there."""
    name = "net.ipv4.ip_local_port_range"
    old = " ".join(space.run("sysctl", "-n", name).stdout.split())
    space.sysctl(name, "40000 40001")
    try:
        yield
    finally:
        space.sysctl(name, old)


def test_connections_from_one_port_to_several_servers_are_kept_apart(topology, director, ipv4):
    """They would be one connection on the wire, all of them going to the VIP."""
    for server in topology.servers:
        server.prepare("dr", ipv4)

    def signal_all(number):
        for server in topology.servers:
            server.nginx.send_signal(number)

    def established():
        return topology.director.run("ss", "-Htn", "state", "established", "dport", "=", ":80"
                                     ).stdout.splitlines()

    with two_ports(topology.director), History(director) as history:
        checks = Ldirectord(topology, "checkinterval=1\nnegotiatetimeout=15\n" + virtual(
            ipv4, 80, "    checktarget=virtual\n", "dr", topology.servers)).start()
        history.wait(table(ipv4, port80=topology.servers))
        n_states = len(history.states)
        signal_all(signal.SIGSTOP)
        until("a check of each server to wait", lambda: len(established()) == 3)
        n_requests = [len(server.requests()) for server in topology.servers]
        signal_all(signal.SIGCONT)
        for server, n in zip(topology.servers, n_requests):
            server.wait_requests(n + 2)
        assert len(history.states) == n_states
        checks.stop()


def test_datagrams_reach_the_vip_too(topology, director, family, echoes):
    one, two, _ = topology.servers
    for server in (one, two):
        server.prepare("tun", family)
    text = QUICK + virtual(family, 7, "    checktarget=virtual\n    protocol=udp\n"
                           "    service=simpletcp\n", "tun", [one, two])
    checks = Ldirectord(topology, text).start()
    with History(director) as history:
        history.wait(table(family, port7=[one, two]))
        two.run(program("xlvs"), "rs", "del", two.vips.pop())
        history.wait(table(family, port7=[one]))
    checks.stop()
