# SPDX-License-Identifier: GPL-2.0-or-later
"""SCTP through the director, between programs that bring their own stack, usrsctp: it checks every
checksum itself. The client has one address, as NAT calls for."""

import contextlib
import queue
import subprocess
import threading
from pathlib import Path

import pytest

from forwarding import two_armed
from namespace import stop_process
from wait import until

pytestmark = two_armed
ECHO_SERVER = "/usr/lib/usrsctp/echo_server"
TALK = Path(__file__).resolve().parents[1] / "lib/sctp_talk.py"
ECHO_PORT = 7               # of its server, which has no other
VIRTUAL_PORT = {"nat": 2905, "dr": ECHO_PORT, "tun": ECHO_PORT}
SERVICE = "-sctp-service"   # behind one more hyphen


class Talk:
    """Associations of the client: lines go to the servers and come back, one by each in turn."""

    def __init__(self, client, family, port, count):
        self.process = subprocess.Popen(
            client.command("/usr/bin/python3", TALK, family.client, family.vip, port, count),
            text=True, bufsize=1, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def say(self, text):
        """Returns when the text has come back."""
        self.process.stdin.write(f"{text}\n")
        assert self.lines.get(timeout=10) == text

    def end(self):
        """Shuts the associations down."""
        self.process.stdin.close()
        self.process.wait(10)

    def close(self):
        stop_process(self.process)
        self.reader.join()


@contextlib.contextmanager
def vip_beside_lo(server, family):
    """usrsctp does not answer strangers from an address of lo, as kernels do."""
    if not server.vips:     # NAT
        yield
        return
    server.ip(f"address del {family.vip} dev lo", "link add vips type veth",
              f"address add {family.vip} dev vips", "link set vips up")
    yield
    server.ip("link del vips", f"address add {family.vip} dev lo")


@pytest.fixture
def echo_servers(topology, family):
    """Starts them when they are asked for: they look at the host's addresses once."""
    started, stack = [], contextlib.ExitStack()

    def start():
        for server in topology.servers:
            stack.enter_context(vip_beside_lo(server, family))
            started.append(server.start(ECHO_SERVER, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL))
            until("the echo server", lambda: ":0084 " in server.run(
                "cat", "/proc/net/raw", "/proc/net/raw6").stdout)
    yield start
    for child in started:
        stop_process(child)
    stack.close()


@pytest.mark.parametrize("method", ["nat", "dr", "tun"])
def test_associations_go_round_and_end(topology, director, client, family, echo_servers, method):
    service = director.add_service(family, method, topology.servers, protocol=SERVICE,
                                   port=VIRTUAL_PORT[method], dest_port=ECHO_PORT)
    echo_servers()
    with contextlib.closing(Talk(client, family, VIRTUAL_PORT[method], 3)) as talk:
        for number in range(6):
            talk.say(f"{number} " + "x" * 37 * number)
        connections = director.connections(service)
        assert {(it.protocol, it.state) for it in connections} == {("SCTP", "ESTABLISHED")}
        assert sorted(it.destination for it in connections) == sorted(
            family.endpoint(server.address(family), ECHO_PORT) for server in topology.servers)
        assert {(it.active, it.inactive) for it in director.destinations(service).values()} \
            == {(1, 0)}
        talk.end()
        # A server's IPv6 packets come from its own address (the host chooses it, not usrsctp), and
        # it gets the client's last packet there, unless the director translates.
        last = "S-RECEIVED" if method != "nat" and family.version == 6 else "CLOSED"
        until("the connections to close", lambda: {
            it.state for it in director.connections(service)} == {last})
        assert {(it.active, it.inactive) for it in director.destinations(service).values()} \
            == {(0, 1)}
