#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The checks dns, radius, ldap, ldaps, pgsql, mysql, oracle, external and external-perl."""

import hashlib
import hmac
import os
import socket
import struct
import sys
import tempfile
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from scripted import (Certificates, Datagrams, Server, closed_port, hang_up, noted,  # noqa: E402
                      run, run_one, says, silent)
from wait import until  # noqa: E402

GARBAGE = bytes(range(256)) * 16


def exactly(connection, count):
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise OSError("closed")
        data += more
    return data


# DNS: one question in, answers of one kind out.

def dns_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def dns_answer(question, records, code=0):
    end = question.index(b"\0", 12) + 5
    head = question[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(records), 0, 0)
    body = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data
                    for kind, data in records)
    return head + question[12:end] + body


def zone(question):
    name, kind = question[12:question.index(b"\0", 12) + 1], question[-3]
    if name == dns_name("www.example.com") and kind == 1:
        return dns_answer(question, [(1, socket.inet_aton("192.0.2.9")), (1, socket.inet_aton("192.0.2.10"))])
    if name == dns_name("10.2.0.192.in-addr.arpa") and kind == 12:
        return dns_answer(question, [(12, dns_name("www.example.com"))])
    if name == dns_name("text.example.com"):
        return dns_answer(question, [(16, b"\x04192.")])
    return dns_answer(question, [], code=3)


class Dns(unittest.TestCase):
    def test_names_and_addresses_over_udp(self):
        with Datagrams(zone) as there:
            base = {"service": "dns", "protocol": "udp", "real": there.real}
            cases = [("/www.example.com", r"^192\.0\.2\.10$", "up"), ("/www.example.com", "203", "down"),
                     ("www.example.com", "", "up"), ("/192.0.2.10", r"^www\.example", "up"),
                     ("/text.example.com", "192", "down"), ("/none.example.com.", "", "down")]
            results = run(*({**base, "request": request, "receive": receive}
                            for request, receive, _ in cases))
        self.assertEqual([r.outcome for r in results], [outcome for _, _, outcome in cases])
        self.assertEqual(results[0].text, "192.0.2.10")

    def test_tcp(self):
        def script(connection):
            length, = struct.unpack(">H", exactly(connection, 2))
            answer = zone(exactly(connection, length))
            connection.sendall(struct.pack(">H", len(answer)) + answer)
            silent(connection)
        with Server(script) as there, Server(silent) as half, Server(hang_up) as gone:
            results = run(*({"service": "dns", "real": real, "request": "www.example.com",
                             "receive": "192", "timeout_ms": 1500}
                            for real in (there.real, half.real, gone.real, closed_port())))
        self.assertEqual([r.outcome for r in results], ["up", "down", "down", "down"])

    def test_bad_servers(self):
        with Datagrams(lambda _: None) as half, Datagrams(lambda _: GARBAGE) as odd, \
                Datagrams(lambda question: zone(question)[:20]) as cut, \
                Datagrams(lambda question: dns_answer(question, [], code=2)) as ill:
            reals = [half.real, odd.real, cut.real, ill.real, closed_port(socket.SOCK_DGRAM)]
            results = run(*({"service": "dns", "protocol": "udp", "real": real, "timeout_ms": 500,
                             "request": "www.example.com"} for real in reals),
                          {"service": "dns", "real": reals[0]})
        self.assertEqual([r.outcome for r in results], ["down"] * 5 + ["refused"])
        self.assertLess(max(r.latency_us for r in results), 5000000)

    def test_a_lost_datagram_is_asked_again(self):
        lost = [None]
        with Datagrams(lambda question: lost.pop() if lost else zone(question)) as there:
            result = run_one(service="dns", protocol="udp", real=there.real, timeout_ms=3500,
                             request="www.example.com")
        self.assertEqual(result.outcome, "up")


SECRET = b"shared"


def radius_password(packet):
    """The hidden password, as RFC 2865 5.2 says; None when the request is not signed properly."""
    attributes, at = {}, 20
    while at < len(packet):
        attributes[packet[at]] = (at + 2, packet[at + 2:at + packet[at + 1]])
        at += packet[at + 1]
    place, signature = attributes[80]
    unsigned = packet[:place] + bytes(16) + packet[place + 16:]
    if hmac.new(SECRET, unsigned, hashlib.md5).digest() != signature:
        return None
    hidden, before, clear = attributes[2][1], packet[4:20], b""
    for i in range(0, len(hidden), 16):
        mask = hashlib.md5(SECRET + before).digest()
        before = hidden[i:i + 16]
        clear += bytes(a ^ b for a, b in zip(before, mask))
    return clear.rstrip(b"\0"), attributes[1][1]


def radius(packet):
    good = radius_password(packet) == (b"a password of more than sixteen bytes", b"me")
    head = bytes([2 if good else 3, packet[1], 0, 20])
    return head + hashlib.md5(head + packet[4:20] + SECRET).digest()


class Radius(unittest.TestCase):
    words = {"service": "radius", "login": "me", "password": "a password of more than sixteen bytes",
             "secret": "shared", "timeout_ms": 1200}

    def test_accepted_rejected_and_forged(self):
        def forged(packet):
            return bytes([2, packet[1], 0, 20]) + bytes(16)
        with Datagrams(radius) as there, Datagrams(forged) as liar:
            results = run({**self.words, "real": there.real},
                          {**self.words, "real": there.real, "password": "guess"},
                          {**self.words, "real": there.real, "secret": "other"},
                          {**self.words, "real": liar.real},
                          {**self.words, "real": there.real, "login": ""})
        self.assertEqual([r.outcome for r in results], ["up", "down", "down", "down", "refused"])

    def test_bad_servers(self):
        with Datagrams(lambda _: None) as half, Datagrams(lambda _: GARBAGE) as odd, \
                Datagrams(lambda packet: radius(packet)[:12]) as cut, Datagrams(lambda _: b"") as empty:
            reals = [half.real, odd.real, cut.real, empty.real, closed_port(socket.SOCK_DGRAM)]
            results = run(*({**self.words, "real": real} for real in reals))
        self.assertEqual([r.outcome for r in results], ["down"] * 5)


# LDAP: short BER with one-byte lengths.

def ber(tag, *parts):
    body = b"".join(parts)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    return bytes([tag, 0x82]) + struct.pack(">H", len(body)) + body


def ldap_message(number, body):
    return ber(0x30, ber(0x02, bytes([number])), body)


def ldap_result(tag, code=0):
    return ber(tag, ber(0x0a, bytes([code])), ber(0x04), ber(0x04))


def directory(names, seen, bind_code=0):
    def script(connection):
        while True:
            head = exactly(connection, 2)
            size = head[1]
            if size & 0x80:
                size = int.from_bytes(exactly(connection, size & 0x7f), "big")
            body = exactly(connection, size)
            seen.append(body)
            number, kind = body[2], body[3]
            if kind == 0x60:
                connection.sendall(ldap_message(number, ldap_result(0x61, bind_code)))
            elif kind == 0x63:
                for name in names:
                    connection.sendall(ldap_message(number, ber(0x64, ber(0x04, name), ber(0x30))))
                connection.sendall(ldap_message(number, ldap_result(0x65, 0 if names else 32)))
            else:
                return
    return script


class Ldap(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.tls = cls.certificates.context("ldap", "DNS:ldap.example.com")

    @classmethod
    def tearDownClass(cls):
        cls.certificates.close()

    def test_exactly_one_entry_whose_name_matches(self):
        seen = []
        with Server(directory([b"dc=example,dc=com"], seen)) as one, \
                Server(directory([b"a=1", b"a=2"], [])) as two, Server(directory([], [])) as none, \
                Server(directory([b"a=1"], [], bind_code=49)) as locked:
            base = {"service": "ldap", "request": "/dc=example,dc=com"}
            results = run({**base, "real": one.real}, {**base, "real": one.real, "receive": "^dc=ex"},
                          {**base, "real": one.real, "receive": "dc=org"}, {**base, "real": two.real},
                          {**base, "real": none.real}, {**base, "real": locked.real})
        self.assertEqual([r.outcome for r in results], ["up", "up", "down", "down", "down", "down"])
        self.assertTrue(any(b"dc=example,dc=com" in message for message in seen))

    def test_login_needs_both_name_and_password(self):
        for words, expected in (({"login": "cn=me", "password": "secret"}, True),
                                ({"login": "cn=me"}, False)):
            seen = []
            with Server(directory([b"a=1"], seen)) as there:
                run_one(service="ldap", real=there.real, **words)
            self.assertEqual(b"cn=me" in seen[0], expected)

    def test_tls(self):
        with Server(directory([b"a=1"], []), tls=self.tls) as there, Server(silent) as half:
            base = {"service": "ldaps", "real": there.real}
            ours = {**base, "ca_file": self.certificates.ca_file, "verify": 3}
            results = run(base, {**base, "verify": 2}, {**ours, "virtualhost": "ldap.example.com"}, ours,
                          {"service": "ldaps", "real": half.real, "timeout_ms": 400})
        self.assertEqual([r.outcome for r in results], ["up", "down", "up", "down", "down"])

    def test_bad_servers(self):
        with Server(silent) as half, Server(hang_up) as gone, Server(says(GARBAGE)) as odd, \
                Server(says(b"\x30\x84\x7f\xff\xff\xff" + GARBAGE)) as huge:
            reals = [closed_port(), half.real, gone.real, odd.real, huge.real]
            results = run(*({"service": "ldap", "real": real, "timeout_ms": 500} for real in reals))
        self.assertEqual([r.outcome for r in results], ["down"] * 5)
        self.assertLess(max(r.latency_us for r in results), 5000000)


def pg_message(kind, body=b""):
    return kind + struct.pack(">I", len(body) + 4) + body


PG_READY = pg_message(b"Z", b"I")
PG_ROW = (pg_message(b"T", b"\0\1a\0" + struct.pack(">IhIhih", 0, 0, 23, 4, -1, 0))
          + pg_message(b"D", b"\0\1\0\0\0\1" + b"1"))


def pg_server(answer, seen, login=None):
    def script(connection):
        size, code = struct.unpack(">II", exactly(connection, 8))
        if code == 80877103:                # asks for TLS
            connection.sendall(b"N")
            size, code = struct.unpack(">II", exactly(connection, 8))
        seen.append(exactly(connection, size - 8))
        connection.sendall(login or pg_message(b"R", bytes(4)) + PG_READY)
        kind, size = struct.unpack(">cI", exactly(connection, 5))
        seen.append(exactly(connection, size - 4))
        connection.sendall(answer)
        silent(connection)
    return script


class Pgsql(unittest.TestCase):
    words = {"service": "pgsql", "login": "me", "database": "db", "request": "/SELECT 1", "timeout_ms": 1500}

    def test_a_row_is_up(self):
        seen = []
        done = pg_message(b"C", b"SELECT 1\0") + PG_READY
        error = pg_message(b"E", b"SERROR\0C42P01\0Mno such table\0\0")
        with Server(pg_server(PG_ROW + done, seen)) as one, Server(pg_server(PG_ROW * 1 + PG_ROW[27:], [])) as more, \
                Server(pg_server(PG_ROW[:27] + done, [])) as none, \
                Server(pg_server(error + PG_READY, [])) as wrong, \
                Server(pg_server(b"", [], login=error)) as locked:
            results = run(*({**self.words, "real": there.real} for there in (one, more, none, wrong, locked)),
                          {**self.words, "real": one.real, "request": "/"})
        self.assertEqual([r.outcome for r in results], ["up", "up", "down", "down", "down", "refused"])
        self.assertIn("no such table", results[3].text)
        self.assertIn(b"user\0me\0database\0db\0", seen[0])
        self.assertEqual(seen[1], b"SELECT 1\0")

    def test_bad_servers(self):
        with Server(silent) as half, Server(hang_up) as gone, Server(says(GARBAGE)) as odd, \
                Server(pg_server(b"", [])) as mute, Server(pg_server(PG_ROW[:20], [])) as cut, \
                Server(pg_server(GARBAGE, [])) as babble:
            reals = [closed_port(), half.real, gone.real, odd.real, mute.real, cut.real, babble.real]
            results = run(*({**self.words, "real": real} for real in reals))
        self.assertEqual([r.outcome for r in results], ["down"] * 7)
        self.assertLess(max(r.latency_us for r in results), 5000000)


def my_packet(number, body):
    return struct.pack("<I", len(body))[:3] + bytes([number]) + body


MY_GREETING = my_packet(0, b"\x0a5.7.0\0" + bytes(4) + b"saltsalt\0" + struct.pack("<H", 0xf7ff) + b"\x21"
                        + struct.pack("<HH", 2, 0x000f) + b"\x15" + bytes(10) + b"saltsaltsalt\0"
                        + b"mysql_native_password\0")
MY_OK = b"\0\0\0\2\0\0\0"
MY_EOF = b"\xfe\0\0\2\0"
MY_COLUMN = b"\x03def\0\0\0\x01a\0\x0c" + struct.pack("<HIBHB", 63, 1, 3, 0, 0) + b"\0\0"
MY_HEAD = my_packet(1, b"\x01") + my_packet(2, MY_COLUMN) + my_packet(3, MY_EOF)
MY_ROW = my_packet(4, b"\x011")


def my_server(answer, seen, login=MY_OK):
    def script(connection):
        connection.sendall(MY_GREETING)
        head = exactly(connection, 4)
        seen.append(exactly(connection, int.from_bytes(head[:3], "little")))
        connection.sendall(my_packet(2, login))
        while True:
            head = exactly(connection, 4)
            command = exactly(connection, int.from_bytes(head[:3], "little"))
            seen.append(command)
            if command[0] == 3:
                connection.sendall(answer)
            elif command[0] == 1:
                return
            else:
                connection.sendall(my_packet(1, MY_OK))
    return script


class Mysql(unittest.TestCase):
    words = {"service": "mysql", "login": "me", "database": "db", "request": "SELECT 1", "timeout_ms": 1500}

    def test_a_row_is_up(self):
        seen = []
        error = b"\xff\x7a\x04#42S02No such table"
        with Server(my_server(MY_HEAD + MY_ROW + my_packet(5, MY_EOF), seen)) as one, \
                Server(my_server(MY_HEAD + my_packet(4, MY_EOF), [])) as none, \
                Server(my_server(my_packet(1, error), [])) as wrong, \
                Server(my_server(b"", [], login=error)) as locked, \
                Server(my_server(my_packet(1, MY_OK), [])) as command:
            results = run(*({**self.words, "real": there.real}
                            for there in (one, none, wrong, locked, command)),
                          {**self.words, "real": one.real, "login": ""})
            self.assertEqual([r.outcome for r in results],
                             ["up", "down", "down", "down", "down", "refused"])
            self.assertIn("No such table", results[2].text)
            self.assertEqual(noted(seen, 3)[-2:], [b"\x03SELECT 1", b"\x01"])   # and a goodbye
        self.assertIn(b"me\0", seen[0])

    def test_bad_servers(self):
        def endless(connection):
            my_server(MY_HEAD + MY_ROW, [])(connection)
        with Server(silent) as half, Server(hang_up) as gone, Server(says(GARBAGE)) as odd, \
                Server(my_server(b"", [])) as mute, Server(my_server(MY_HEAD, [])) as cut, \
                Server(my_server(GARBAGE, [])) as babble, Server(endless) as stuck, \
                Server(says(MY_GREETING[:20])) as short:
            reals = [closed_port(), half.real, gone.real, odd.real, mute.real, cut.real, babble.real,
                     stuck.real, short.real]
            results = run(*({**self.words, "real": real} for real in reals))
        self.assertEqual([r.outcome for r in results], ["down"] * 9)
        self.assertLess(max(r.latency_us for r in results), 5000000)


class Exhaustion(unittest.TestCase):
    def test_a_server_is_not_down_because_this_machine_has_no_descriptors(self):
        """With 16, checks that hang take what there is, and none of the others is held against a server."""
        with Server(silent) as half, Server(says(b"200 hello\r\n")) as fine:
            hanging = [{"kind": "negotiate", "service": "nntp", "real": half.real, "timeout_ms": 900}] * 16
            login = {"login": "me", "request": "SELECT 1"}
            asked = [{"service": service, "real": fine.real, "timeout_ms": 500, **login}
                     for service in ("nntp", "http", "imap", "ldap", "pgsql", "mysql", "ftp", "dns")]
            results = run(*hanging, *asked, {"kind": "connect", "real": fine.real},
                          prefix=("prlimit", "--nofile=16"))
        self.assertEqual({r.outcome for r in results[16:]}, {"unknown"}, results[16:])
        self.assertLessEqual({r.outcome for r in results[:16]}, {"down", "unknown"})


def has_ended(pid):
    try:
        return "zombie" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


class External(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def script(self, text, mode=0o755):
        path = Path(self.folder.name) / f"check{len(os.listdir(self.folder.name))}"
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    def test_the_exit_status_decides(self):
        base = {"kind": "external", "real": "192.0.2.7:80"}
        results = run(*({**base, "command": command} for command in (
            "/bin/true", "/bin/false", self.script("#!/bin/sh\nkill -9 $$\n"), "/no/such/command",
            self.script("#!/bin/sh\n", mode=0o644), "")))
        self.assertEqual([r.outcome for r in results], ["up"] + ["down"] * 4 + ["refused"])
        self.assertEqual(results[2].text, "killed by signal 9")
        self.assertIn("no such file", results[3].text)

    def test_four_arguments(self):
        log = Path(self.folder.name) / "log"
        command = self.script(f'#!/bin/sh\necho "$*" >> {log}\n')
        base = {"kind": "external", "command": command, "real": "192.0.2.7:8080", "real_port": 80}
        run_one(**base, virtual="192.0.2.1:443")
        run_one(**base, fwmark=7)
        run_one(**{**base, "real": "[2001:db8::7]:8080", "virtual": "[2001:db8::1]:443"})
        self.assertEqual(log.read_text().splitlines(),
                         ["192.0.2.1 443 192.0.2.7 80", "7 0 192.0.2.7 80",
                          "[2001:db8::1] 443 [2001:db8::7] 80"])

    def test_a_command_that_hangs_is_ended_with_all_it_started(self):
        pids = Path(self.folder.name) / "pids"
        stubborn = self.script(f"#!/bin/sh\ntrap '' TERM\nsleep 60 &\necho $$ $! > {pids}\nwait\nsleep 60\n")
        result = run_one(kind="external", command=stubborn, real="192.0.2.7:80", timeout_ms=1500)
        self.assertEqual(result.outcome, "down")
        self.assertLess(result.latency_us, 5000000)
        for pid in pids.read_text().split():
            until(f"{pid} to end", lambda: has_ended(pid))

    def test_perl(self):
        script = self.script('exit($ARGV[2] eq "192.0.2.7" && $ARGV[3] == 80 ? 0 : 1);\n', mode=0o644)
        base = {"kind": "external_perl", "command": script, "real": "192.0.2.7:80"}
        results = run({**base, "real_port": 80}, {**base, "real_port": 81},
                      {**base, "command": self.script("exit(0"), "real_port": 80})
        self.assertEqual([r.outcome for r in results], ["up", "down", "down"])

    def test_oracle_is_a_command_that_finds_its_words_in_the_environment(self):
        command = self.script('#!/bin/sh\n[ "$XLVS_LOGIN/$XLVS_PASSWD/$XLVS_DATABASE/$XLVS_REQUEST" = '
                              '"me/secret/db/SELECT 1" ] && [ "$XLVS_CHECKPORT" = 1521 ]\n')
        base = {"service": "oracle", "command": command, "real": "192.0.2.7:1521", "login": "me",
                "password": "secret", "database": "db"}
        results = run({**base, "request": "/SELECT 1"}, {**base, "request": "/SELECT 2"},
                      {**base, "command": ""})
        self.assertEqual([r.outcome for r in results], ["up", "down", "refused"])


if __name__ == "__main__":
    threading.excepthook = lambda _: None
    unittest.main()
