# SPDX-License-Identifier: GPL-2.0-or-later
"""Services for firewall marks, and the rules of `xlvs mark` that give them."""

import json
import time

import pytest

from capture import Capture, to
from director import METHOD_OPTION, program
from forwarding import NEWEST_FIRST, two_armed
from load import Session, echo, fetch
from namespace import CommandFailed

pytestmark = two_armed
methods = pytest.mark.parametrize("method", ["nat", "dr", "tun"])


def add_mark_service(director, family, mark, servers, method, dest_port=0, scheduler="rr"):
    six = "-6" if family.version == 6 else ""
    director.ipvsadm(f"-A -f {mark} {six} -s {scheduler}")
    for server in servers:
        server.prepare(method, family)
        dest = family.endpoint(server.address(family), dest_port)
        director.ipvsadm(f"-a -f {mark} {six} -r {dest} {METHOD_OPTION[method]}")


def packets(family, bits=None, ports=""):
    address, length = family.vip, bits or family.host_bits
    if family.version == 6 and ports:
        return f"[{address}]/{length}:{ports}"
    return f"{address}/{length}" + (f":{ports}" if ports else "")


def rules(director):
    return json.loads(director.xlvs("mark", "show", "--json"))["rules"]


@pytest.fixture(autouse=True)
def no_rules(director):
    director.xlvs("mark", "flush")


@methods
def test_one_service_for_several_ports(topology, director, client, family, method):
    add_mark_service(director, family, 5, topology.servers, method)
    director.xlvs("mark", "add", "tcp", packets(family, ports="80"), 5)
    director.xlvs("mark", "add", "tcp", packets(family, ports="8080-8090"), 5)
    names = fetch(client, family, 2) + fetch(client, family, 2, port=8080) + fetch(client, family, 2)
    assert names == NEWEST_FIRST * 2
    assert [rule["packets"] for rule in rules(director)] == [4, 2]
    assert {connection.virtual for connection in director.connections()} >= {
        family.endpoint(family.vip, port) for port in (80, 8080)}


def test_tcp_and_udp_share_a_service_and_replies_come_from_the_vip(topology, director, client,
                                                                   family, echoes):
    add_mark_service(director, family, 7, topology.servers, "nat")
    director.xlvs("mark", "add", "any", packets(family), 7)
    assert fetch(client, family, 3) == NEWEST_FIRST
    assert echo(client, family, 3) == NEWEST_FIRST


def test_nat_maps_the_port(topology, director, client, ipv4):
    add_mark_service(director, ipv4, 7, topology.servers, "nat", dest_port=8080)
    director.xlvs("mark", "add", "tcp", packets(ipv4, ports="80"), 7)
    assert fetch(client, ipv4, 3) == NEWEST_FIRST
    for server in topology.servers:
        assert server.wait_requests(1) == [(ipv4.client, server.address(ipv4), 8080, 200)]


def test_the_mark_comes_before_the_address_and_a_mark_without_service_is_none(
        topology, director, client, family):
    director.add_service(family, "nat", topology.servers[:1])
    director.xlvs("mark", "add", "tcp", packets(family), 9)
    assert fetch(client, family, 2) == ["rs1", "rs1"]
    add_mark_service(director, family, 9, topology.servers[1:], "nat")
    assert fetch(client, family, 2) == ["rs3", "rs2"]
    director.xlvs("mark", "del", "tcp", packets(family))
    assert fetch(client, family, 2) == ["rs1", "rs1"]


def test_longest_prefix_then_narrowest_ports(topology, director, client, family):
    for mark, server in enumerate(topology.servers, 1):
        add_mark_service(director, family, mark, [server], "nat")
    network = family.network(family.vip)
    director.xlvs("mark", "add", "any", network, 1)
    assert fetch(client, family, 1) == ["rs1"]
    director.xlvs("mark", "add", "tcp", packets(family, ports="1-9000"), 2)
    assert fetch(client, family, 1) == ["rs2"]
    director.xlvs("mark", "add", "any", packets(family, ports="80"), 3)
    assert fetch(client, family, 1) + fetch(client, family, 1, port=8080) == ["rs3", "rs2"]


def test_an_open_connection_outlives_its_rule_and_rules_a_killed_daemon(topology, director, client,
                                                                        family):
    add_mark_service(director, family, 5, topology.servers, "nat")
    director.xlvs("mark", "add", "tcp", packets(family, ports="80"), 5)
    with Session(client, family) as session:
        assert session.get() == "rs3"
        before = director.ipvsadm("-Sn"), rules(director)
        director.kill()
        assert fetch(client, family, 1) == ["rs2"]
        director.start()
        assert director.ipvsadm("-Sn") == before[0]
        assert rules(director) == [dict(rule, packets=2) for rule in before[1]]
        director.xlvs("mark", "flush")
        assert session.get() == "rs3"
        with pytest.raises(CommandFailed):
            fetch(client, family, 1)


def test_listing_save_and_restore_as_ipvsadm(topology, director, ipv4, ipv6):
    add_mark_service(director, ipv4, 5, topology.servers[:1], "nat", dest_port=8080)
    add_mark_service(director, ipv6, 5, topology.servers[:1], "tun")
    saved = director.ipvsadm("-Sn")
    assert saved.splitlines() == [
        "-A -f 5 -s rr", f"-a -f 5 -r {topology.servers[0].address(ipv4)}:8080 -m -w 1",
        "-A -f 5 -6 -s rr",
        f"-a -f 5 -6 -r [{topology.servers[0].address(ipv6)}]:0 -i -w 1 --tun-type ipip"]
    assert director.ipvsadm("-Ln", "-f", "5").splitlines()[2].startswith("FWM  5 rr")
    director.ipvsadm("-C")
    director.ipvsadm("-R", stdin=saved)
    assert director.ipvsadm("-Sn") == saved


def test_thousands_of_rules_are_restored_in_a_moment_and_saved_again(director, ipv4, client,
                                                                     topology):
    add_mark_service(director, ipv4, 5, topology.servers, "nat")
    lines = [f"tcp {packets(ipv4, ports=str(port))} 5" for port in range(1, 10001)]
    start = time.monotonic()
    director.xlvs("mark", "restore", stdin="\n".join(lines) + "\n")
    assert time.monotonic() - start < 5
    assert len(rules(director)) == 10000
    assert fetch(client, ipv4, 3) == NEWEST_FIRST
    saved = director.xlvs("mark", "save").splitlines()
    assert len(saved) == 10000
    director.xlvs("mark", "flush")
    director.xlvs("mark", "restore", stdin="\n".join(saved) + "\n")
    assert director.xlvs("mark", "save").splitlines() == saved


@pytest.mark.parametrize("words, text", [
    ("add tcp 192.0.2.1 0", "a mark is a number from 1 to 4294967295"),
    ("add tcp 192.0.2.1 4294967296", "a mark is a number from 1 to 4294967295"),
    ("add sctp 192.0.2.1 5", "sctp is neither tcp nor udp nor any"),
    ("add tcp 192.0.2.1/33 5", "192.0.2.1/33 is no ADDR[/LEN][:PORTS]"),
    ("add tcp 192.0.2.1:80- 5", "192.0.2.1:80- is no ADDR[/LEN][:PORTS]"),
    ("add tcp [2001:db8::1:80 5", "[2001:db8::1:80 is no ADDR[/LEN][:PORTS]"),
    ("add tcp 192.0.2.1/24 5", "the address has bits set past its prefix"),
    ("add tcp 192.0.2.1:90-80 5", "a range of ports does not end before it begins"),
    ("del tcp 192.0.2.1", "no such mark rule"),
    ("add tcp 192.0.2.1", "words are missing, or too many (see xlvs mark --help)"),
])
def test_what_is_wrong_is_said_and_nothing_changes(director, words, text):
    done = director.namespace.run(*director_words(words), check=False)
    assert (done.returncode, done.stderr) == (2, f"xlvs mark: {text}\n")
    assert rules(director) == []


def director_words(words):
    return [program("xlvs"), "mark", *words.split()]


def nft(topology, *lines):
    topology.director.run("nft", "-f", "-", stdin="\n".join(lines) + "\n")


@pytest.fixture
def netfilter(topology, director):
    """Marks 5 and 6 come in; a table for rules that set them."""
    director.xlvs("mark", "netfilter", "on", 5, 6)
    nft(topology, "table inet marks {", "chain give { type filter hook prerouting priority mangle; }",
        "}")
    yield
    nft(topology, "delete table inet marks")
    director.xlvs("mark", "netfilter", "off")


def mark_by_nft(topology, family, condition, mark):
    word = "ip" if family.version == 4 else "ip6"
    nft(topology, f"add rule inet marks give {word} daddr {family.vip} {condition} meta mark set {mark}")


@methods
def test_marks_of_nftables_open_connections(topology, director, client, family, netfilter, method):
    add_mark_service(director, family, 5, topology.servers, method)
    mark_by_nft(topology, family, "tcp dport { 80, 8080 }", 5)
    assert fetch(client, family, 3) + fetch(client, family, 3, port=8080) == NEWEST_FIRST * 2


def test_only_the_first_packet_takes_the_long_way(topology, director, client, family, netfilter):
    add_mark_service(director, family, 5, topology.servers, "nat")
    mark_by_nft(topology, family, "tcp dport 80 counter", 5)
    with Session(client, family) as session:
        for _ in range(5):
            assert session.get() == "rs3"
    counted = topology.director.run("nft", "list", "table", "inet", "marks").stdout
    assert "counter packets 1 " in counted


def test_packets_reach_the_server_with_one_off_their_ttl(topology, director, client, ipv4,
                                                         netfilter):
    add_mark_service(director, ipv4, 5, topology.servers[:1], "dr")
    mark_by_nft(topology, ipv4, "tcp dport 80", 5)
    with Capture(topology.servers[0]) as far:
        assert fetch(client, ipv4, 1) == ["rs1"]
        frames = far.select(to(ipv4.vip, 80), outgoing=False)
    assert {frame.data[22] for frame in frames} == {63}


def test_datagrams_with_the_sender_leaving_checksums_open(topology, director, client, ipv4, echoes,
                                                          netfilter):
    add_mark_service(director, ipv4, 6, topology.servers, "nat")
    mark_by_nft(topology, ipv4, "udp dport 7", 6)
    assert echo(client, ipv4, 3) == NEWEST_FIRST


def test_marked_packets_that_open_nothing_are_the_hosts(topology, director, client, ipv4,
                                                        netfilter):
    mark_by_nft(topology, ipv4, "counter", 6)
    with pytest.raises(CommandFailed, match="onnect"):
        fetch(client, ipv4, 1, port=81)
    counted = topology.director.run("nft", "list", "table", "inet", "marks").stdout
    assert "counter packets 2 " in counted, "once by the wire, once by the far end"


def test_the_way_outlives_a_killed_daemon_and_off_leaves_nothing(topology, director, client, ipv4,
                                                                 netfilter):
    add_mark_service(director, ipv4, 5, topology.servers, "nat")
    mark_by_nft(topology, ipv4, "tcp dport 80", 5)
    director.kill()
    assert fetch(client, ipv4, 2) == ["rs3", "rs2"]
    director.start()
    assert fetch(client, ipv4, 1) == ["rs1"]
    director.xlvs("mark", "netfilter", "off")
    for family in (4, 6):
        rules_left = topology.director.run("ip", f"-{family}", "rule").stdout.split("\n")
        assert rules_left[0].split() == ["0:", "from", "all", "lookup", "local"]
        assert not [rule for rule in rules_left if rule.startswith("0:")][1:]
    with pytest.raises(CommandFailed):
        fetch(client, ipv4, 1)
    director.xlvs("mark", "netfilter", "on", 5)
