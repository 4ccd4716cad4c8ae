# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon dies, comes back, is replaced, or goes for good: what the packets notice of it."""

import contextlib
import re
import socket
import threading

import pytest

from director import Director, program
from forwarding import NEWEST_FIRST, settled, two_armed
from load import Load, Session, fetch, read_all
from namespace import CommandFailed
from servers import LARGE_BYTES
from topology import V4, Topology
from wait import until

pytestmark = two_armed
methods = pytest.mark.parametrize("method", ["nat", "dr", "tun"])


def xdp_program(topology, interface="eth0"):
    """The id of the XDP program on an interface of the director, or None."""
    shown = topology.director.run("ip", "-details", "link", "show", interface).stdout
    found = re.search(r"prog/xdp id (\d+)", shown)
    return found and int(found[1])


def configuration(director):
    return director.ipvsadm("-Sn"), director.ipvsadm("-L", "--timeout")


@methods
def test_forwarding_goes_on_without_a_daemon_and_the_next_one_takes_over(topology, director, client,
                                                                         family, method):
    service = director.add_service(family, method, topology.servers)
    director.ipvsadm("--set 800 100 200")
    before = configuration(director)
    with Session(client, family) as session:
        assert session.get() == "rs3"
        director.kill()
        assert session.get() == "rs3"
        assert fetch(client, family, 6) == ["rs2", "rs1", "rs3"] * 2
        director.start()
        assert configuration(director) == before
        assert session.get() == "rs3"
    assert fetch(client, family, 2) == ["rs2", "rs1"]
    assert director.stats()[service, None].conns == len(director.connections(service)) == 9
    dest = family.endpoint(topology.servers[0].address(family), 80)
    director.ipvsadm(f"-d -t {service} -r {dest}")
    assert "rs1" not in fetch(client, family, 4)


def test_a_restart_without_traffic_changes_no_number(topology, director, client, ipv4):
    service = director.add_service(ipv4, "nat", topology.servers)
    assert fetch(client, ipv4, 4) == NEWEST_FIRST + ["rs3"]
    settled(director, service)

    def numbers():
        return director.rows(), director.stats(), sorted(
            (connection.source, connection.state) for connection in director.connections(service))
    before = numbers()
    director.kill()
    director.start()
    assert not [line for line in director.log if " no " in line], "something is missing now"
    assert numbers() == before


@methods
def test_kills_and_starts_under_load_lose_no_request(topology, director, client, ipv4, method):
    director.add_service(ipv4, method, topology.servers)
    programs = {xdp_program(topology)}
    with Load(client, ipv4.vip) as load:
        for _ in range(2):
            load.wait_more(100)
            director.kill()
            load.wait_more(100)
            director.start()
            programs.add(xdp_program(topology))
        load.wait_more(100)
    assert not load.failed
    assert len(programs) == 3, "a started daemon installs its own programs in place of the old"


def test_a_download_outlives_kill_and_start(topology, director, client, ipv4):
    director.add_service(ipv4, "nat", topology.servers)
    with client.socket(socket.AF_INET, socket.SOCK_STREAM) as stream:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 15)  # the rest has to wait
        stream.settimeout(10)
        stream.connect((ipv4.vip, 80))
        stream.sendall(b"GET /large HTTP/1.0\r\n\r\n")
        received = 0
        for event in (director.kill, director.start, lambda: None):
            for _ in range(40):
                received += len(stream.recv(4096))
            event()
        received += len(read_all(stream))
    assert received > LARGE_BYTES


def test_a_kill_amid_commands_leaves_the_last_acknowledged_one(topology, director, client, ipv4):
    service = director.add_service(ipv4, "nat", [])
    for _ in range(3):
        acknowledged = set(director.destinations(service))
        attempted = []

        def command(service=service, acknowledged=acknowledged, attempted=attempted):
            with contextlib.suppress(CommandFailed):
                for number in range(1000):
                    port = 1024 + number
                    dest = f"192.0.2.11:{port}"
                    word = "-d" if dest in acknowledged else "-a"
                    attempted[:] = [dest]
                    director.ipvsadm(f"{word} -t {service} -r {dest}" + " -m" * (word == "-a"))
                    acknowledged ^= {dest}
                    attempted.clear()

        commands = threading.Thread(target=command)
        until_changed = len(acknowledged)
        commands.start()
        until("some commands", lambda: abs(len(acknowledged) - until_changed) > 20)
        director.kill()
        commands.join()
        director.start()
        found = set(director.destinations(service))
        assert found in (acknowledged, acknowledged ^ set(attempted))


def test_a_second_daemon_is_refused_and_the_first_goes_on(topology, director, client, ipv4):
    director.add_service(ipv4, "nat", topology.servers)
    before = xdp_program(topology)
    second = topology.director.run(program("xlvsd"), "-i", "eth0", check=False)
    assert second.returncode and len(second.stderr.strip().splitlines()) >= 1
    assert xdp_program(topology) == before
    assert fetch(client, ipv4, 3) == NEWEST_FIRST
    assert director.rows()


def test_a_stopped_daemon_takes_the_data_path_with_it(topology, director, client, ipv4):
    director.add_service(ipv4, "nat", topology.servers)
    assert fetch(client, ipv4, 3) == NEWEST_FIRST
    assert director.stop() == 0
    assert xdp_program(topology, "eth0") is None and xdp_program(topology, "eth1") is None
    with pytest.raises(ConnectionRefusedError):
        Session(client, ipv4, timeout=3)
    failed = topology.director.run(program("ipvsadm"), "-Ln", check=False)
    assert failed.returncode and failed.stderr


def test_two_directors_in_two_namespaces_do_not_meet(topology, director, client, ipv4):
    director.add_service(ipv4, "nat", topology.servers[:1])
    with Topology("two", servers=2) as other:
        neighbour = Director(other).start()
        neighbour.add_service(V4, "nat", other.servers[1:])
        assert fetch(client, ipv4, 2) == ["rs1"] * 2
        assert fetch(other.client, V4, 2) == ["rs2"] * 2
        neighbour.stop()
        assert fetch(client, ipv4, 2) == ["rs1"] * 2


def test_the_daemon_may_be_started_with_nsenter(topology, client, ipv4):
    """As a shell or a service would: without the mount namespace `ip netns exec` makes."""
    director = Director(topology)
    plain = topology.director.command
    topology.director.command = lambda *args: [
        "nsenter", f"--net=/run/netns/{topology.director.netns}", *map(str, args)]
    try:
        director.start()
        director.add_service(ipv4, "nat", topology.servers)
        director.kill()
        assert fetch(client, ipv4, 3) == NEWEST_FIRST
        topology.director.command = plain
        director.start()
        assert len(director.rows()) == 4
    finally:
        topology.director.command = plain
        director.close()
