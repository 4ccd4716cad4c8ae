# SPDX-License-Identifier: GPL-2.0-or-later
"""The client's address at a real server behind FULLNAT: programs that were never told of it see it.

A director made by hand sends segments with the option, from an address that is nobody's, so that no
kernel interferes.
"""

import contextlib
import json
import os
import shutil
import socket
import struct

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

import namespace
from director import program
from realserver import PATIENCE, V4, V6, Lan
from wait import until

SO_NETNS_COOKIE = 71
PORT = 8080
LOCAL = {V4: "192.0.2.50", V6: "2001:db8::50"}      # of the director
STRANGER = {V4: "192.0.2.66", V6: "2001:db8::66"}
CLIENT = {V4: "198.51.100.77", V6: "2001:db8:77::77"}
CLIENT_PORT = 50123
FAST_OPEN = 0xF989
OWN_PORT = 40000
REQUEST = b"GET /who HTTP/1.0\r\n\r\n"
both = pytest.mark.parametrize("family", (V4, V6), ids=("ipv4", "ipv6"))
java = pytest.mark.skipif(not shutil.which("java"), reason="no Java here")

JAVA = """
public class Who {
    public static void main(String[] words) throws Exception {
        try (var listener = new java.net.ServerSocket(8080)) {
            System.out.println("ready");
            for (;;) {
                try (var far = listener.accept()) {
                    System.out.println(far.getInetAddress().getHostAddress() + " " + far.getPort());
                }
            }
        }
    }
}
"""


@pytest.fixture(scope="module")
def raised():
    namespace.sweep()
    made = Lan()
    try:
        for family in (V4, V6):
            for nobody in (LOCAL[family], STRANGER[family]):
                made.server.ip(f"neighbour replace {nobody} lladdr {made.director.mac()} dev eth0 "
                               "nud permanent")
        yield made
    finally:
        made.close()


@pytest.fixture
def lan(raised):
    raised.rs("del", V4.vip, V6.vip)
    return raised


@pytest.fixture
def told(lan):
    """The real server is set up, and the director's addresses of both families are believed."""
    lan.rs("add", V4.vip, "--method", "fullnat", "--from", LOCAL[V4], "--from", LOCAL[V6])
    return lan


def counts(lan):
    return json.loads(lan.rs("show", "--json", check=False).stdout)["accepted_connections"]


def toa(client, port=CLIENT_PORT, kind=None):
    family = V6 if ":" in client else V4
    return (kind or 254, struct.pack("!H", port) + socket.inet_pton(family.socket, client))


class Segments:
    """One side of a TCP connection to the server, each segment as the test wants it."""

    ports = iter(range(OWN_PORT, 65536))

    def __init__(self, lan, family, source=None):
        self.family, self.port, self.seq, self.ack = family, next(self.ports), 1000, 0
        network = IP if family is V4 else IPv6
        self.head = (Ether(src=lan.director.mac(), dst=lan.server.mac())
                     / network(src=source or LOCAL[family], dst=family.server))
        self.sock = lan.director.socket(socket.AF_PACKET, socket.SOCK_RAW, 3)
        self.sock.bind(("eth0", 3))
        self.sock.settimeout(PATIENCE)

    def send(self, flags, options=(), payload=b""):
        segment = TCP(sport=self.port, dport=PORT, flags=flags, seq=self.seq, ack=self.ack,
                      options=list(options))
        self.sock.send(bytes(self.head / segment / payload))
        self.seq += len(payload) + ("S" in flags) + ("F" in flags)

    def receive(self):
        """The next segment of the server's on this connection."""
        while True:
            packet = Ether(self.sock.recv(65536))
            if TCP in packet and packet[TCP].dport == self.port:
                return packet[TCP]

    def open(self, option, syn=(), acked=True):
        """The handshake and a request, `option` in all but the SYN; the handshake's last segment
        gets lost unless `acked`."""
        self.send("S", syn)
        self.ack = self.receive().seq + 1
        if acked:
            self.send("A", option)
        self.send("PA", option, REQUEST)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.send("RA")
        self.sock.close()


@contextlib.contextmanager
def listening(lan, family, dual=False):
    with lan.server.socket(socket.AF_INET6 if dual else family.socket, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not dual)
        sock.bind(("::" if sock.family == socket.AF_INET6 else "0.0.0.0", PORT))
        sock.listen()
        sock.settimeout(PATIENCE)
        yield sock


def peer(listener):
    """What accept() says; getpeername() has to say the same."""
    far, address = listener.accept()
    with far:
        assert far.getpeername() == address
        return address[:2]


def peer_of(lan, family, options, dual=False, **rest):
    with listening(lan, family, dual) as listener, Segments(lan, family) as segments:
        segments.open(options, **rest)
        return peer(listener), (LOCAL[family], segments.port)


@pytest.mark.parametrize("family, client, dual", (
    (V4, V4, False), (V6, V6, False), (V4, V4, True), (V6, V6, True), (V6, V4, True), (V4, V6, True),
), ids=("4", "6", "4-at-6", "6-dual", "4-by-6", "6-by-4-at-6"))
def test_accept_and_getpeername_tell_the_client(told, family, client, dual):
    before = counts(told)["client_told"]
    seen, _ = peer_of(told, family, [toa(CLIENT[client])], dual)
    mapped = "::ffff:" if dual and client is V4 else ""
    assert seen == (mapped + CLIENT[client], CLIENT_PORT)
    assert counts(told)["client_told"] == before + 1


def test_ipv6_client_at_a_socket_for_ipv4_only_stays_the_director(told):
    seen, local = peer_of(told, V4, [toa(CLIENT[V6])])
    assert seen == local and counts(told)["wrong_family"] == 1


@both
def test_nginx_logs_the_client(told, family, tmp_path):
    os.chmod(tmp_path, 0o755)
    (tmp_path / "nginx.conf").write_text("""
        daemon off; master_process off; pid nginx.pid; error_log stderr;
        events {}
        http { log_format who "$remote_addr $remote_port $request"; access_log access.log who;
               server { listen 8080; listen [::]:8080; return 200 "yes"; } }""")
    told.server.start("nginx", "-p", tmp_path, "-c", "nginx.conf", "-e", "stderr")
    until("nginx listens", lambda: f":{PORT} " in told.server.run("ss", "-Hltn").stdout)
    with Segments(told, family) as segments:
        segments.open([toa(CLIENT[family], kind=254 if family is V4 else 253)])
        log = tmp_path / "access.log"
        until("nginx logs the request", log.read_text)
    assert log.read_text() == f"{CLIENT[family]} {CLIENT_PORT} GET /who HTTP/1.0\n"
    namespace.stop_process(told.server.children.pop())


@java
def test_java_is_told_the_client(told, tmp_path):
    (tmp_path / "Who.java").write_text(JAVA)
    with open(tmp_path / "out", "w") as out:
        told.server.start("java", "-Xshare:auto", tmp_path / "Who.java", stdout=out)
    until("Java listens", lambda: "ready" in (tmp_path / "out").read_text(), 60)
    for family in (V4, V6):
        with Segments(told, family) as segments:
            segments.open([toa(CLIENT[family])])
            until("Java accepts", lambda: f" {CLIENT_PORT}\n" in (tmp_path / "out").read_text())
    seen = [socket.inet_pton(socket.AF_INET6 if ":" in line else socket.AF_INET, line.split()[0])
            for line in (tmp_path / "out").read_text().splitlines()[1:]]
    assert seen == [socket.inet_pton(family.socket, CLIENT[family]) for family in (V4, V6)]
    namespace.stop_process(told.server.children.pop())


@both
def test_option_of_a_stranger_is_ignored_and_counted(told, family):
    before = counts(told)
    with listening(told, family) as listener, Segments(told, family, STRANGER[family]) as forged:
        forged.open([toa(CLIENT[family])])
        assert peer(listener) == (STRANGER[family], forged.port)
    assert counts(told) == before | {"wrong_source": before["wrong_source"] + 1}


def test_connection_without_the_option_is_the_directors_and_counted(told):
    before = counts(told)
    seen, local = peer_of(told, V4, [("NOP", None)])
    assert seen == local
    assert counts(told) == before | {"no_option": before["no_option"] + 1}


def test_options_of_other_lengths_and_kinds_are_not_the_clients_address(told):
    for option in ((254, b"\x01\x02\x03\x04"), (253, toa(CLIENT[V4])[1]), (30, toa(CLIENT[V4])[1])):
        seen, local = peer_of(told, V4, [option])
        assert seen == local


def test_the_directors_option_stands_before_a_forged_one(told):
    forged = toa("203.0.113.66", 666)
    seen, _ = peer_of(told, V4, [toa(CLIENT[V4]), ("NOP", None), ("NOP", None), forged])
    assert seen == (CLIENT[V4], CLIENT_PORT)


@pytest.mark.parametrize("cookie", (b"", b"\x01\x02\x03\x04", bytes(range(16))),
                         ids=("asking", "length-8", "length-20"))
def test_fast_opens_option_is_not_misread(told, cookie):
    fast_open = (254, struct.pack("!H", FAST_OPEN) + cookie)
    seen, local = peer_of(told, V4, [], syn=[fast_open])
    assert seen == local


def test_client_port_that_looks_like_fast_open_is_a_port(told):
    seen, _ = peer_of(told, V4, [toa(CLIENT[V4], FAST_OPEN)])
    assert seen == (CLIENT[V4], FAST_OPEN)


def test_the_first_data_tells_it_when_the_handshakes_end_got_lost(told):
    seen, _ = peer_of(told, V4, [toa(CLIENT[V4])], acked=False)
    assert seen == (CLIENT[V4], CLIENT_PORT)


def test_syn_cookies_do_not_lose_it(told):
    told.server.sysctl("net.ipv4.tcp_syncookies", 2)
    try:
        seen, _ = peer_of(told, V4, [toa(CLIENT[V4])])
    finally:
        told.server.sysctl("net.ipv4.tcp_syncookies", 1)
    assert seen == (CLIENT[V4], CLIENT_PORT)


def test_another_kind_can_be_agreed_on(lan):
    lan.rs("add", V4.vip, "--method", "fullnat", "--from", LOCAL[V4], "--toa-kind", "200")
    seen, _ = peer_of(lan, V4, [toa(CLIENT[V4], kind=200)])
    assert seen == (CLIENT[V4], CLIENT_PORT)
    seen, local = peer_of(lan, V4, [toa(CLIENT[V4], kind=254)])
    assert seen == local
    done = lan.rs("add", V6.vip, "--method", "fullnat", "--from", LOCAL[V6], check=False)
    assert (done.returncode, done.stderr) == (
        2, f"xlvs rs: {V4.vip} has --toa-kind 200,200: all VIPs of method fullnat have the same\n")


def test_directors_are_believed_as_long_as_a_vip_names_them(told):
    told.rs("add", V6.vip, "--method", "fullnat", "--from", LOCAL[V4])
    told.rs("del", V4.vip)
    seen, _ = peer_of(told, V4, [toa(CLIENT[V4])])
    assert seen == (CLIENT[V4], CLIENT_PORT)
    seen, local = peer_of(told, V6, [toa(CLIENT[V6])])
    assert seen == local and counts(told)["wrong_source"] == 1
    told.rs("del", V6.vip)
    seen, local = peer_of(told, V4, [toa(CLIENT[V4])])
    assert seen == local and counts(told) == {}


def test_connections_of_another_server_of_the_machine_are_not_touched(told):
    """The client's namespace is not set up, whatever the server's is."""
    listener = told.client.socket(socket.AF_INET, socket.SOCK_STREAM)
    told.client.ip(f"neighbour replace {LOCAL[V4]} lladdr {told.director.mac()} dev eth0 "
                   "nud permanent")
    with listener, Segments(told, V4) as segments:
        segments.head[Ether].dst, segments.head[IP].dst = told.client.mac(), V4.client
        listener.bind((V4.client, PORT))
        listener.listen()
        listener.settimeout(PATIENCE)
        segments.open([toa(CLIENT[V4])])
        assert peer(listener) == (LOCAL[V4], segments.port)


def cookies():
    """Of the network namespaces that have an entry with the programs."""
    done = namespace.run(["bpftool", "-j", "map", "dump", "name", "xlvs_rs_spaces"], check=False)
    return {entry["formatted"]["key"] for entry in json.loads(done.stdout or "[]")
            if "formatted" in entry}


def test_entry_of_a_namespace_that_is_gone_is_removed_by_the_next_command(told):
    gone = told.add("gone")
    with gone.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        cookie, = struct.unpack("=Q", sock.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8))
    gone.run(program("xlvs"), "rs", "add", V4.vip, "--method", "fullnat", "--from", LOCAL[V4])
    assert cookie in cookies()
    told.spaces.remove(gone)
    gone.close()
    namespace.run(["ip", "netns", "delete", gone.netns])

    def is_removed():
        told.rs("add", V4.vip, "--method", "fullnat", "--from", LOCAL[V4], "--from", LOCAL[V6])
        return cookie not in cookies()
    until("the entry to be removed", is_removed)
    os.unlink(f"/run/xlvs/rs/{cookie}.json")


def test_show_says_that_programs_are_told_the_client(lan):
    words = ("add", V4.vip, "--method", "fullnat", "--from", LOCAL[V4], "--toa-kind", "200,201")
    assert lan.rs(*words).stdout == (f"{V4.vip} is set for fullnat\n  ok       programs are told "
                                     "the client's address by its directors\n")
    again = lan.rs(*words)
    assert again.stdout.startswith(f"{V4.vip} was already set for fullnat\n")
    shown = lan.rs("show")
    assert shown.returncode == 0 and "accepted connections\n  client_told " in shown.stdout
