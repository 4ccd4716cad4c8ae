# SPDX-License-Identifier: GPL-2.0-or-later
"""xlvs rs: a real server made ready by one command, against a director made by hand."""

import ipaddress
import json
import os
import shlex
import socket
import struct
import subprocess

import pytest
from scapy.layers.inet6 import ICMPv6ND_NS, IPv6
from scapy.layers.l2 import ARP

import namespace
from capture import Capture, source
from director import program
from realserver import V4, V6, ByHand, Lan, exchanges, is_ignored, neighbour_answers, udp_answers

SO_NETNS_COOKIE = 71
both = pytest.mark.parametrize("family", (V4, V6), ids=("ipv4", "ipv6"))


@pytest.fixture
def lan():
    namespace.sweep()
    made = Lan()
    try:
        yield made
    finally:
        made.close()


def shown(lan):
    return json.loads(lan.rs("show", "--json", check=False).stdout)


def counts(lan):
    return shown(lan)["tunnel_packets"]


@both
def test_dr_requests_are_served_and_answered_without_the_director(lan, family):
    lan.rs("add", family.vip, "--method", "dr")
    with ByHand(lan, family), Capture(lan.client) as wire:
        assert exchanges(lan, family)
        answers = wire.select(source(family.vip), outgoing=False)
    assert answers and {frame.packet.src for frame in answers} == {lan.server.mac()}


@pytest.mark.parametrize("outer", (V4, V6), ids=("in-4", "in-6"))
@both
def test_tunnel_packets_are_served_and_answered_without_the_director(lan, family, outer):
    with ByHand(lan, family, outer):
        assert is_ignored(lan, family)
        lan.rs("add", family.vip, "--method", "tun", "--from", outer.director)
        before = counts(lan)["decapsulated"]
        with Capture(lan.client) as wire:
            assert exchanges(lan, family)
            answers = wire.select(source(family.vip), outgoing=False)
    assert {frame.packet.src for frame in answers} == {lan.server.mac()}
    assert counts(lan)["decapsulated"] > before + 200
    assert counts(lan)["malformed"] == 0


@both
def test_tunnel_packets_of_a_stranger_are_not_served(lan, family):
    lan.rs("add", family.vip, "--method", "tun", "--from", V4.director)
    with ByHand(lan, family, V4, sender=V4.nobody):
        assert is_ignored(lan, family)
    assert counts(lan)["wrong_source"] >= 1
    with ByHand(lan, family, V4):
        assert udp_answers(lan, family)


def test_tunnel_packets_pass_a_bridge_by_generic_xdp(lan):
    lan.server.ip("link add br0 type bridge forward_delay 0 mcast_snooping 0", "link set br0 up",
                  f"link set br0 address {lan.server.mac()} mtu 1700",
                  "address flush dev eth0", "link set eth0 master br0",
                  *(f"address add {family.server}/{family.bits} dev br0" for family in (V4, V6)))
    done = lan.rs("add", V4.vip, "--method", "tun")
    assert "br0 decapsulates (generic XDP)" in done.stdout and "eth0" not in done.stdout
    with ByHand(lan, V4, V4):
        assert exchanges(lan, V4)


def test_jumbo_tunnel_packets_pass_native_xdp(lan):
    for space in (lan.client, lan.director, lan.server):
        mtu = 8900 if space is lan.client else 9000
        space.ip(f"link set eth0 mtu {mtu}")
        lan.switch.ip(f"link set {space.name}-eth0 mtu {mtu}")
    assert "eth0 decapsulates (native XDP)" in lan.rs("add", V4.vip, "--method", "tun").stdout
    with ByHand(lan, V4, V4):
        assert udp_answers(lan, V4, payload=os.urandom(8800))
        assert exchanges(lan, V4)


def test_answers_that_leave_by_another_interface_are_no_reason_to_refuse_requests(lan):
    """The client is beyond eth1; its requests come in by eth0, where rp_filter is strict."""
    lan.switch.ip("link add back type bridge forward_delay 0", "link set back up")
    for space, address in ((lan.client, "198.51.100.7"), (lan.server, "198.51.100.2")):
        lan.plug(space, "eth1", 1500, "back")
        space.ip(f"address add {address}/24 dev eth1")
    lan.client.ip(f"route replace {V4.vip}/32 dev eth0 src 198.51.100.7")
    lan.server.sysctl("net.ipv4.conf.eth0.rp_filter", 1)
    lan.server.ip(f"address add {V4.vip}/32 dev lo")
    with ByHand(lan, V4):
        assert is_ignored(lan, V4)
        lan.rs("add", V4.vip, "--method", "dr", "-i", "eth0")
        assert exchanges(lan, V4)


@both
def test_neighbours_are_not_told_of_the_vip(lan, family):
    lan.server.ip(f"address add {family.vip}/{32 if family is V4 else 128} dev lo")
    # That the question is right: IPv4 does answer as long as nothing is done about it.
    assert neighbour_answers(lan, family, [family.vip]) == ({V4.vip} if family is V4 else set())
    for method in ("dr", "tun"):
        lan.rs("add", family.vip, "--method", method)
        lan.rs("add", family.vip2, "--method", method)
        assert neighbour_answers(lan, family, [family.vip, family.vip2]) == set()
        lan.rs("del", family.vip, family.vip2)
    assert neighbour_answers(lan, family, [family.vip]) == ({V4.vip} if family is V4 else set())


@both
def test_neighbours_are_not_asked_in_the_name_of_the_vip(lan, family):
    lan.rs("add", family.vip, "--method", "dr")
    with Capture(lan.client) as wire, lan.server.socket(family.socket, socket.SOCK_DGRAM) as sock:
        sock.bind((family.vip, 0))
        sock.sendto(b"hello", (family.nobody, 9))
        asked = wire.wait("the server's question", lambda packet:
                          (ARP in packet and packet[ARP].pdst == family.nobody)
                          or (ICMPv6ND_NS in packet and packet[ICMPv6ND_NS].tgt == family.nobody))
    senders = {frame.packet[ARP].psrc if family is V4 else frame.packet[IPv6].src
               for frame in asked}
    assert family.vip not in senders


def test_own_connections_of_an_unnumbered_server_do_not_use_the_vip(lan):
    lan.rs("add", V4.vip, "--method", "dr")
    lan.server.ip("address flush dev eth0", "address add 198.51.100.2/32 dev lo",
                  "route add 203.0.113.0/24 dev eth0")
    route, = json.loads(lan.server.run("ip", "-j", "route", "get", "203.0.113.9").stdout)
    assert route["prefsrc"] == "198.51.100.2"


@pytest.mark.parametrize("words", (
    [(V4.vip, "--method", "dr")],
    [(V6.vip, "--method", "dr", "-i", "eth0")],
    [(V4.vip, "--method", "tun", "-i", "eth0", "--from", V4.director, "--from", V6.director)],
    [(V4.vip, "--method", "tun"), (V6.vip, "--method", "tun"),
     (V4.vip2, "--method", "dr", "-i", "eth0")],
    [(V4.vip, "--method", "nat", "--from", V4.director)],
    [(V4.vip, "--method", "fullnat", "--from", V4.director)],
), ids=("dr", "dr-ipv6", "tun", "several", "nat", "fullnat"))
def test_del_leaves_everything_as_it_was_before_add(lan, words):
    lan.server.sysctl("net.ipv4.conf.eth0.rp_filter", 1)
    before = lan.snapshot()
    for one in words:
        lan.rs("add", *one, check=False)
    assert [vip["vip"] for vip in shown(lan)["vips"]] == [one[0] for one in words]
    if words[0][2] not in ("nat", "fullnat"):
        assert lan.snapshot() != before
    done = lan.rs("del", *(one[0] for one in words))
    assert done.stdout == "".join(f"{one[0]} is no longer set\n" for one in words)
    assert lan.snapshot() == before
    assert lan.rs("show").stdout == "no VIP is set on this real server\n"
    again = lan.rs("del", words[0][0])
    assert again.stdout == f"{words[0][0]} was not set\n"


def test_del_keeps_what_others_changed_and_what_was_there(lan):
    lan.server.ip(f"address add {V4.vip}/32 dev lo")
    lan.rs("add", V4.vip, "--method", "dr")
    lan.server.sysctl("net.ipv4.conf.all.arp_ignore", 2)
    lan.rs("del", V4.vip)
    after = lan.snapshot()
    assert after["/proc/sys/net/ipv4/conf/all/arp_ignore"] == "2\n"
    assert after["/proc/sys/net/ipv4/conf/all/arp_announce"] == "0\n"
    assert V4.vip in after["addresses"]


def test_vips_that_remain_keep_what_they_need(lan):
    lan.rs("add", V4.vip, "--method", "tun")
    lan.rs("add", V4.vip2, "--method", "tun", "-i", "eth0")
    lan.rs("del", V4.vip)
    assert lan.rs("show").returncode == 0
    with ByHand(lan, V4, V4):
        assert udp_answers(lan, V4, V4.vip2)
        assert is_ignored(lan, V4, V4.vip)


def test_add_twice_changes_nothing_more_and_says_so(lan):
    words = ("add", V4.vip, "--method", "tun", "--from", V4.director)
    first = lan.rs(*words)
    once = lan.snapshot()
    second = lan.rs(*words)
    assert lan.snapshot() == once and len(shown(lan)["vips"]) == 1
    assert first.stdout.startswith(f"{V4.vip} is set for tun\n")
    assert second.stdout == first.stdout.replace("is set for tun", "was already set for tun")


def test_adds_at_the_same_time_are_all_kept(lan):
    vips = [str(ipaddress.ip_address("203.0.113.1") + i) for i in range(6)]
    adding = [lan.server.start(program("xlvs"), "rs", "add", vip, "--method", "tun",
                               stdout=subprocess.DEVNULL) for vip in vips]
    assert [child.wait(30) for child in adding] == [0] * len(vips)
    assert sorted(vip["vip"] for vip in shown(lan)["vips"]) == sorted(vips)
    assert lan.rs("del", *vips).returncode == 0
    assert "xdp" not in lan.snapshot()["links"]


def test_what_show_finds_missing_is_mended_by_what_it_advises(lan):
    lan.rs("add", V4.vip, "--method", "tun", "--from", V4.director)
    lan.rs("add", V6.vip, "--method", "dr", "-i", "eth0")
    lan.rs("add", V4.vip2, "--method", "nat", "--from", V4.director, check=False)
    lan.server.ip("link set eth0 xdp off", f"address del {V4.vip}/32 dev lo",
                  f"address del {V6.vip}/128 dev lo", f"address add {V6.vip}/128 dev eth0")
    lan.server.sysctl("net.ipv4.conf.all.arp_ignore", 0)
    lan.server.sysctl("net.ipv4.conf.all.arp_announce", 1)
    lan.server.sysctl("net.ipv4.conf.eth0.rp_filter", 1)
    done = lan.rs("show", check=False)
    assert done.returncode == 1
    missing = [check for vip in shown(lan)["vips"] for check in vip["checks"] if not check["ok"]]
    assert [check["what"] for check in missing] == [
        f"{V4.vip}/32 is not on lo",
        "eth0 answers ARP for it (arp_ignore 0)",
        "eth0 may send ARP from it (arp_announce 1)",
        "eth0 may refuse its packets as coming from the wrong side (rp_filter 1)",
        "eth0 does not decapsulate",
        "tunnel packets for it are not taken from its directors",
        f"{V6.vip}/128 is not on lo",
        f"{V6.vip} is also on eth0, where it is answered for",
        "there is no IPv4 default route through a gateway",
    ]
    for check in missing:
        assert f"  missing  {check['what']}\n           {check['mend']}\n" in done.stdout
    # The address on eth0 stands in the way of adding it again: its advice comes first.
    missing.sort(key=lambda check: "eth0, where" not in check["what"])
    for mend in dict.fromkeys(check["mend"] for check in missing):
        command = shlex.split(mend)
        lan.server.run(*([program("xlvs")] if command[0] == "xlvs" else command[:1]), *command[1:])
    assert lan.rs("show").returncode == 0
    with ByHand(lan, V4, V4):
        assert exchanges(lan, V4)


def test_an_address_the_server_got_later_is_missed_and_taken_by_add(lan):
    lan.rs("add", V4.vip, "--method", "tun")
    lan.server.ip("address add 198.51.100.2/24 dev eth0")
    done = lan.rs("show", check=False)
    assert done.returncode == 1 and "tunnel packets to 198.51.100.2 are not taken" in done.stdout
    assert lan.rs("add", V4.vip, "--method", "tun").returncode == 0


@both
def test_nat_asks_for_the_way_back_and_changes_nothing(lan, family):
    words = ("add", family.vip, "--method", "nat", "--from", family.director)
    before = lan.snapshot()
    done = lan.rs(*words, check=False)
    assert done.returncode == 1
    assert f"  missing  there is no IPv{family.version} default route" in done.stdout
    lan.server.run("ip", f"-{family.version}", "route", "add", "default", "via", family.client)
    done = lan.rs(*words, check=False)
    assert done.returncode == 1
    assert f"goes through {family.client}, which is no director\n" in done.stdout
    lan.server.run("ip", f"-{family.version}", "route", "replace", "default", "via", family.director)
    done = lan.rs(*words)
    assert f"goes through {family.director}, the director\n" in done.stdout
    assert lan.snapshot() == before


REFUSED = {
    "no-address": (("add", "vip.example", "--method", "dr"), "'vip.example' is not an IP address"),
    "loopback": (("add", "127.0.0.1", "--method", "dr"),
                 "127.0.0.1 is not an address of a host on a network"),
    "method": (("add", V4.vip, "--method", "gre"), "unknown method 'gre': use dr, tun, nat or fullnat"),
    "no-method": (("add", V4.vip),
                  "add takes one VIP, --method, -i, --from, --tun-port and --toa-kind"),
    "interface": (("add", V4.vip, "--method", "tun", "-i", "eth9"), "no interface eth9"),
    "second-interface": (("add", V4.vip, "--method", "tun", "-i", "eth0", "-i", "eth9"),
                         "no interface eth9"),
    "director": (("add", V4.vip, "--method", "tun", "--from", "x"), "'x' is not an IP address"),
    "dr-from": (("add", V4.vip, "--method", "dr", "--from", V4.director),
                "method dr takes no --from"),
    "nat-alone": (("add", V4.vip, "--method", "nat"), "method nat needs --from DIRECTOR"),
    "nat-families": (("add", V4.vip, "--method", "nat", "--from", V6.director),
                     "with method nat VIP and director are both IPv4 or both IPv6"),
    "fullnat-alone": (("add", V4.vip, "--method", "fullnat"),
                      "method fullnat needs --from DIRECTOR"),
    "fullnat-interface": (("add", V4.vip, "--method", "fullnat", "--from", V4.director, "-i", "eth0"),
                          "method fullnat takes no -i"),
    "fullnat-port": (("add", V4.vip, "--method", "fullnat", "--from", V4.director, "-p", "6080"),
                     "method fullnat takes no --tun-port"),
    "dr-kind": (("add", V4.vip, "--method", "dr", "--toa-kind", "254"),
                "method dr takes no --toa-kind"),
    "kind": (("add", V4.vip, "--method", "fullnat", "--from", V4.director, "-k", "254,"),
             "'254,' is not KIND or KIND,KIND6"),
    "kind-taken": (("add", V4.vip, "--method", "fullnat", "--from", V4.director, "-k", "254,8"),
                   "'254,8': not free among the kinds of TCP options"),
    "kind-large": (("add", V4.vip, "--method", "fullnat", "--from", V4.director, "-k", "256"),
                   "'256': not free among the kinds of TCP options"),
    "own-address": (("add", V4.server, "--method", "dr"),
                    f"{V4.server} is on eth0, where it is answered for: remove it from there"),
    "option": (("add", V4.vip, "--weight", "1"), "--weight is no option (see xlvs rs --help)"),
    "value": (("add", V4.vip, "--method"), "--method needs a value (see xlvs rs --help)"),
    "word": (("prepare", V4.vip), "unknown word 'prepare': use add, del or show"),
    "del-nothing": (("del",), "del takes one VIP or several, and no option"),
    "show-word": (("show", V4.vip), "show takes --json and nothing else"),
}


@pytest.fixture(scope="module")
def idle():
    made = Lan()
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("words, text", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_done_is_refused_in_one_line(idle, words, text):
    before = idle.snapshot()
    done = idle.rs(*words, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"xlvs rs: {text}\n")
    assert idle.snapshot() == before and not shown(idle)["vips"]


def test_other_options_for_a_known_vip_are_refused(lan):
    lan.rs("add", V4.vip, "--method", "dr")
    before = lan.snapshot()
    done = lan.rs("add", V4.vip, "--method", "tun", check=False)
    assert done.returncode == 2
    assert done.stderr == f"xlvs rs: {V4.vip} is set already, with other options: delete it first\n"
    assert lan.snapshot() == before


def test_ipv6_vip_on_a_server_without_ipv6_is_refused(lan):
    lan.server.sysctl("net.ipv6.conf.lo.disable_ipv6", 1)
    before = lan.snapshot()
    done = lan.rs("add", V6.vip, "--method", "tun", check=False)
    assert (done.returncode, done.stderr) == (
        2, f"xlvs rs: {V6.vip} cannot be put on lo: IPv6 is disabled there\n")
    assert lan.snapshot() == before and not shown(lan)["vips"]


def test_an_interface_that_is_gone_is_missed_and_no_hindrance_to_del(lan):
    before = lan.snapshot()
    lan.plug(lan.server, "eth1", 1500)
    lan.rs("add", V4.vip, "--method", "tun", "-i", "eth1")
    lan.server.ip("link del eth1")
    done = lan.rs("show", check=False)
    assert done.returncode == 1 and "  missing  there is no interface eth1\n" in done.stdout
    assert lan.rs("del", V4.vip).returncode == 0
    assert lan.snapshot() == before


def test_a_record_that_cannot_be_read_is_named_and_kept(lan):
    with lan.server.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        cookie, = struct.unpack("=Q", sock.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8))
    record = f"/run/xlvs/rs/{cookie}.json"
    try:
        for text in ("{", '{"vips": [{"vip": "x"}], "sysctls": []}'):
            with open(record, "w") as file:
                file.write(text)
            for words in (("show",), ("add", V4.vip, "--method", "dr"), ("del", V4.vip)):
                done = lan.rs(*words, check=False)
                assert done.returncode == 2 and done.stderr.startswith(f"xlvs rs: {record}")
            with open(record) as file:
                assert file.read() == text
    finally:
        os.unlink(record)


def test_only_root_is_served(lan):
    done = lan.server.run("setpriv", "--reuid", "65534", program("xlvs"), "rs", "show", check=False)
    assert (done.returncode, done.stderr) == (2, "xlvs rs: only root can do this\n")


def test_half_done_work_is_undone_when_another_program_has_the_interface(lan, tmp_path):
    """eth0 is free and would be attached to; eth1 is taken."""
    (tmp_path / "pass.c").write_text('__attribute__((section("xdp"))) int other(void *ctx) '
                                     "{ (void)ctx; return 2; }\n")
    namespace.run(["clang", "-target", "bpf", "-g", "-O2", "-c", tmp_path / "pass.c", "-o",
                   tmp_path / "pass.o"])
    lan.plug(lan.server, "eth1", 1500)
    lan.server.ip(f"link set eth1 xdp obj {tmp_path / 'pass.o'} sec xdp")
    before = lan.snapshot()
    for interfaces in ((), ("-i", "eth0", "-i", "eth1")):
        done = lan.rs("add", V4.vip, "--method", "tun", *interfaces, check=False)
        assert done.returncode == 2
        assert done.stderr.startswith("xlvs rs: eth1 has another XDP program (id ")
        assert lan.snapshot() == before and not shown(lan)["vips"]
    assert lan.rs("add", V4.vip, "--method", "tun", "-i", "eth0").returncode == 0


def test_help_and_version_are_told():
    def told(*words):
        done = namespace.run([program("xlvs"), *words], check=False)
        return done.returncode, done.stdout, done.stderr

    assert told("--version")[1].startswith("xlvs ")
    for words in (("--help",), ("rs", "--help")):
        status, out, err = told(*words)
        assert (status, out.split()[0], err) == (0, "Usage:", "")
    status, out, err = told()
    assert (status, out, err.split()[0]) == (2, "", "Usage:")
    assert told("balance") == (2, "", "xlvs: unknown command 'balance' (see xlvs --help)\n")
