# SPDX-License-Identifier: GPL-2.0-or-later
"""--pe sip: SIP messages of one Call-ID stay on one server."""

import socket

import pytest

from director import program
from forwarding import two_armed
from load import echo

pytestmark = two_armed
PORT = 7


def message(call, line="Call-ID: %s"):
    return ("OPTIONS sip:service@example.net SIP/2.0\r\n"
            "Via: SIP/2.0/UDP client.example.net;branch=z9hG4bK1\r\n"
            f"{line % call}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n").encode()


def ask(space, family, sent):
    """Who answered a message from a port of its own; None when nobody did."""
    version = socket.AF_INET if family.version == 4 else socket.AF_INET6
    with space.socket(version, socket.SOCK_DGRAM) as sock:
        sock.settimeout(2)
        sock.connect((family.vip, PORT))
        sock.send(sent)
        name, _, text = sock.recv(65536).partition(b":")
        assert text == sent
        return name.decode()


def engines(director):
    """{(source, destination): (name, data)} of what -Lnc --persistent-conn shows of engines."""
    found = {}
    for line in director.ipvsadm("-Lnc", "--persistent-conn").splitlines()[2:]:
        words = line.split()
        if len(words) > 6:
            found[words[7]] = (words[3], words[5], words[6])
    return found


@pytest.mark.parametrize("method", ["nat", "dr"])
def test_messages_of_one_call_go_to_one_server(topology, director, client, family, echoes, method):
    service = director.add_service(family, method, topology.servers, port=PORT, protocol="u",
                                   scheduler="rr -p 30 --pe sip")
    calls = [f"{n}{method}@{family.client}" for n in range(2)]
    first, other = (ask(client, family, message(call)) for call in calls)
    assert first != other
    assert [ask(client, family, message(calls[0], line))
            for line in ("Call-ID: %s", "call-id:%s", "i : %s")] == [first] * 3
    assert ask(client, family, message(calls[1])) == other
    servers = {server.name: family.endpoint(server.address(family), PORT)
               for server in topology.servers}
    shown = engines(director)
    assert [shown[call] for call in calls] == [
        (family.endpoint(family.client, 0), servers[server], "sip") for server in (first, other)]
    assert f"UDP  {service} rr persistent 30 pe sip" in director.ipvsadm("-Ln")


def test_a_message_without_call_id_is_dropped(topology, director, client, ipv4, echoes):
    service = director.add_service(ipv4, "nat", topology.servers, port=PORT, protocol="u",
                                   scheduler="rr -p 30 --pe sip")
    dropped = director.drops()["no_session"]
    with pytest.raises(TimeoutError):
        echo(client, ipv4, 1, timeout=0.5)
    assert director.drops()["no_session"] == dropped + 1
    assert director.connections(service) == []


def test_calls_are_known_to_the_next_daemon(topology, director, client, ipv4, echoes):
    director.add_service(ipv4, "nat", topology.servers, port=PORT, protocol="u",
                         scheduler="rr -p 30 --pe sip")
    server = ask(client, ipv4, message("kept@host"))
    saved = director.ipvsadm("-Sn")
    assert "--pe sip" in saved
    director.kill()
    director.start()
    assert director.ipvsadm("-Sn") == saved
    assert "kept@host" in engines(director)
    assert ask(client, ipv4, message("kept@host")) == server


def test_unmodified_programs_see_engines(topology, director, client, ipv4, echoes):
    director.add_service(ipv4, "nat", topology.servers, port=PORT, protocol="u",
                         scheduler="rr -p 30 --pe sip")
    ask(client, ipv4, message("seen@host"))

    def carried(*words):
        return director.namespace.run(program("xlvs"), "run", "--", *words).stdout

    assert carried("/sbin/ipvsadm", "-Lnc", "--persistent-conn").endswith(
        director.ipvsadm("-Lnc", "--persistent-conn").splitlines()[-1] + "\n")
    assert "pe sip" in carried("/sbin/ipvsadm", "-Ln")
    rows = carried("cat", "/proc/net/ip_vs_conn").splitlines()
    assert any(row.endswith(" sip seen@host") for row in rows)
