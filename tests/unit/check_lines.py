#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The checks nntp, simpletcp, sip, ftp, smtp, submission, pop, pops, imap, imaps."""

import socket
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from scripted import (Certificates, Datagrams, Server, closed_port, hang_up, noted,  # noqa: E402
                      run, run_one, says, silent, silent_for_input)

GARBAGE = bytes(range(256)) * 64


def endless(connection):
    while True:
        connection.sendall(b"2" * 65536)


def lines_of(connection):
    """The lines a client sends, without their ends."""
    held = b""
    while True:
        more = connection.recv(4096)
        if not more:
            return
        held += more
        while b"\n" in held:
            line, held = held.split(b"\n", 1)
            yield line.rstrip(b"\r").decode()


def dialogue(greeting, answers, seen):
    """Greets, then answers each line with what its first word finds in answers: bytes, or a function
    of the line; with None the server falls silent."""
    def script(connection):
        connection.sendall(greeting)
        for line in lines_of(connection):
            seen.append(line)
            word = line.split()[0].upper() if line.split() else ""
            answer = answers.get(word, b"500 what?\r\n")
            if answer is None:
                silent(connection)
                return
            connection.sendall(answer(line) if callable(answer) else answer)
            if word in ("QUIT", "LOGOUT"):
                return
    return script


class BadServers:
    """What no service survives: `words` is what a check needs besides."""

    words = {}

    def test_refusing_silent_closing_babbling_servers_are_down_in_time(self):
        with Server(silent) as half, Server(hang_up) as gone, Server(says(GARBAGE)) as odd, \
                Server(endless) as much, Server(says(b"")) as nothing:
            reals = [closed_port(), half.real, gone.real, odd.real, much.real, nothing.real]
            results = run(*({**self.words, "real": real, "timeout_ms": 500} for real in reals))
        for result, real in zip(results, reals):
            self.assertEqual(result.outcome, "down", (real, result))
            self.assertTrue(result.text)
            self.assertLess(result.latency_us, 5000000)
        self.assertIn("no answer within 0.5 s", results[1].text)


class Nntp(BadServers, unittest.TestCase):
    words = {"service": "nntp"}

    def test_a_greeting_that_begins_with_2_is_up(self):
        with Server(says(b"200 news.example.com ready\r\n")) as up, \
                Server(says(b"400 later\r\n")) as down:
            results = run({"service": "nntp", "real": up.real}, {"service": "nntp", "real": down.real})
        self.assertEqual([r[::2] for r in results],
                         [("up", "200 news.example.com ready"), ("down", "400 later")])

    def test_refusing_silent_closing_babbling_servers_are_down_in_time(self):
        # An endless run of 2s is a greeting; the rest must not be.
        with Server(silent) as half, Server(hang_up) as gone, Server(says(GARBAGE)) as odd:
            results = run(*({**self.words, "real": real, "timeout_ms": 300}
                            for real in (closed_port(), half.real, gone.real, odd.real)))
        self.assertEqual([r.outcome for r in results], ["down"] * 4)


class Simpletcp(BadServers, unittest.TestCase):
    words = {"service": "simpletcp", "receive": "PONG"}

    def test_request_and_lines(self):
        seen = []

        def script(connection):
            request = b""
            while more := connection.recv(4096):    # to the end: the write side is shut
                request += more
            seen.append(request)
            connection.sendall(b"first\nPO")
            connection.sendall(b"NG here\nlast without end")
        with Server(script) as there:
            base = {"service": "simpletcp", "real": there.real, "request": r"/ping\nme\n"}
            results = run(*({**base, "receive": receive}
                            for receive in ("PONG", "^PONG here$", "end$", "first.*PONG", "", "no")))
        self.assertEqual([r.outcome for r in results], ["up", "up", "up", "down", "up", "down"])
        self.assertEqual(set(seen), {b"ping\nme\n"})

    def test_udp(self):
        with Datagrams(lambda question: b"PONG " + question) as there, \
                Datagrams(lambda _: None) as half:
            base = {"service": "simpletcp", "protocol": "udp", "request": "/ping", "timeout_ms": 1200}
            results = run({**base, "real": there.real, "receive": "^PONG ping"},
                          {**base, "real": there.real, "receive": "^PING"},
                          {**base, "real": half.real, "receive": "PONG"},
                          {**base, "real": closed_port(2), "receive": "PONG"})
        self.assertEqual([r.outcome for r in results], ["up", "down", "down", "down"])
        self.assertIn("refused", results[3].text)


class Sip(BadServers, unittest.TestCase):
    words = {"service": "sip", "login": "check@example.com"}
    OK = b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"

    def test_udp(self):
        with Datagrams(lambda _: [b"SIP/2.0 100 Trying\r\n\r\n", self.OK]) as up, \
                Datagrams(lambda _: b"SIP/2.0 503 Busy\r\n\r\n") as busy, \
                Datagrams(lambda _: GARBAGE) as odd, Datagrams(lambda _: b"SIP/2.0 200 OK") as cut, \
                Datagrams(lambda _: None) as half:
            results = run(*({**self.words, "protocol": "udp", "real": there.real, "timeout_ms": 1200}
                            for there in (up, busy, odd, cut, half)))
        self.assertEqual([r.outcome for r in results], ["up", "down", "down", "down", "down"])
        self.assertEqual([r.text for r in results[:2]], ["SIP/2.0 200 OK", "SIP/2.0 503 Busy"])
        request = up.seen[0].decode()
        self.assertTrue(request.startswith("OPTIONS sip:check@example.com SIP/2.0\r\n"
                                           "Via: SIP/2.0/UDP 127.0.0.1:"))
        self.assertTrue(request.endswith("Content-Length: 0\r\n\r\n"))

    def test_a_lost_datagram_is_asked_again(self):
        answers = [None, self.OK]
        with Datagrams(lambda _: answers.pop(0)) as there:
            result = run_one(**self.words, protocol="udp", real=there.real, timeout_ms=6000)
        self.assertEqual(result.outcome, "up")

    def test_tcp(self):
        def server(answer):
            def script(connection):
                while b"\r\n\r\n" not in connection.recv(4096):
                    pass
                connection.sendall(answer)
                silent_for_input(connection)
            return Server(script)
        with server(b"SIP/2.0 100 Trying\r\nA: b\r\n\r\n" + self.OK) as up, \
                server(b"SIP/2.0 200 OK\r\nContent-Le") as cut, server(b"SIP/2.0 404 No\r\n\r\n") as no:
            results = run(*({**self.words, "real": there.real} for there in (up, cut, no)))
        self.assertEqual([r.outcome for r in results], ["up", "down", "down"])


def ftp_server(files, seen, login=("anonymous", None), extra=None):
    """Enough of an FTP server for one file; `extra` replaces answers."""
    def script(connection):
        passive = socket.create_server(("127.0.0.1", 0))
        port = passive.getsockname()[1]

        def password(line):
            good = login[1] in (None, line[5:])
            return b"230-Welcome\r\n 230 not yet\r\n230 Logged in\r\n" if good else b"530 No\r\n"

        def fetch(line):
            content = files.get(line[5:])
            if content is None:
                return b"550 No such file\r\n"
            connection.sendall(b"150 Here it comes\r\n")
            channel, _ = passive.accept()
            try:
                channel.sendall(content)
            except OSError:
                pass
            channel.close()
            return b"226 Done\r\n"
        answers = {"USER": lambda line: b"331 Password\r\n" if line[5:] == login[0] else b"530 Who\r\n",
                   "PASS": password, "CWD": b"250 Fine\r\n", "TYPE": b"200 Fine\r\n",
                   "PASV": b"227 Entering (203,0,113,9,%d,%d)\r\n" % divmod(port, 256),
                   "RETR": fetch, "QUIT": b"221 Bye\r\n", **(extra or {})}
        dialogue(b"220-Hello\r\n220 There\r\n", answers, seen)(connection)
        passive.close()
    return script


class Ftp(BadServers, unittest.TestCase):
    words = {"service": "ftp"}

    def test_a_file_is_fetched_and_searched(self):
        seen = []
        with Server(ftp_server({"/f": b"all is well\n", "/big": b"x" * (3 << 20)}, seen)) as there:
            base = {"service": "ftp", "real": there.real}
            results = run({**base, "request": "/f", "receive": "is well"},
                          {**base, "request": "/f", "receive": "is bad"},
                          {**base, "request": "/g", "receive": "is well"},
                          {**base, "request": "/big", "receive": "^xxx"},
                          {**base, "request": "/f"}, {**base, "request": "/"}, base)
        self.assertEqual([r.outcome for r in results], ["up", "down", "down", "up", "up", "up", "up"])
        self.assertEqual(results[2].text, "550 No such file")

    def test_what_is_sent(self):
        seen = []
        with Server(ftp_server({"/f": b"x"}, seen)) as there:
            run_one(service="ftp", real=there.real, request="/f", receive="x")
            noted(seen, 7)
        self.assertEqual(seen[0], "USER anonymous")
        self.assertTrue(seen[1].startswith("PASS ldirectord@"))
        self.assertEqual(seen[2:], ["CWD /", "TYPE I", "PASV", "RETR /f", "QUIT"])

    def test_login(self):
        with Server(ftp_server({}, [], login=("me", "secret"))) as there:
            base = {"service": "ftp", "real": there.real}
            results = run({**base, "login": "me", "password": "secret"},
                          {**base, "login": "me", "password": "guess"}, base)
        self.assertEqual([r.outcome for r in results], ["up", "down", "down"])

    def test_trouble_half_way(self):
        for extra in ({"PASS": None}, {"PASV": b"227 Nowhere\r\n"}, {"PASV": None}, {"TYPE": b"500 No\r\n"},
                      {"RETR": b"150 Coming\r\n"}, {"RETR": b"426 Cut\r\n"}, {"USER": b"5" * 9999}):
            with Server(ftp_server({"/f": b"x"}, [], extra=extra)) as there:
                result = run_one(service="ftp", real=there.real, request="/f", receive="x",
                                 timeout_ms=300)
            self.assertEqual(result.outcome, "down", extra)


class Mail(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.tls = cls.certificates.context("mail", "DNS:mail.example.com")

    @classmethod
    def tearDownClass(cls):
        cls.certificates.close()

    def smtp(self, answers, greeting=b"220 mail.example.com\r\n"):
        seen = []
        return Server(dialogue(greeting, {"QUIT": b"221 Bye\r\n", **answers}, seen)), seen

    def test_smtp(self):
        extended, seen = self.smtp({"EHLO": b"250-mail\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n"})
        plain, older = self.smtp({"EHLO": b"502 What\r\n", "HELO": b"250 Fine\r\n"})
        neither, _ = self.smtp({"EHLO": b"502 What\r\n", "HELO": b"501 No\r\n"})
        full, _ = self.smtp({}, greeting=b"554 Go away\r\n")
        stuck, _ = self.smtp({"EHLO": None})
        with extended, plain, neither, full, stuck:
            results = run(*({"service": service, "real": there.real, "timeout_ms": 1500}
                            for service in ("smtp", "submission")
                            for there in (extended, plain, neither, full, stuck)))
            self.assertEqual([r.outcome for r in results], ["up", "up", "down", "down", "down"] * 2)
            self.assertEqual(results[0].text, "220 mail.example.com")
            self.assertEqual(sorted(noted(seen, 4)), ["EHLO localhost.localdomain"] * 2 + ["QUIT"] * 2)
            self.assertEqual(sorted(noted(older, 6)),
                             ["EHLO localhost.localdomain"] * 2 + ["HELO localhost.localdomain"] * 2
                             + ["QUIT"] * 2)

    def test_a_goodbye_that_is_not_answered_holds_nobody_up(self):
        stuck, _ = self.smtp({"EHLO": b"250 Fine\r\n", "QUIT": None})
        fine, _ = self.smtp({"EHLO": b"250 Fine\r\n"})
        with stuck, fine:
            results = run(*({"service": "smtp", "real": there.real} for there in [stuck, fine] * 20))
        self.assertEqual({r.outcome for r in results}, {"up"})
        self.assertLess(max(r.latency_us for r in results), 1900000)

    @staticmethod
    def pop(seen):
        return dialogue(b"+OK ready\r\n",
                        {"CAPA": b"+OK\r\nUSER\r\n.\r\n", "USER": b"+OK\r\n", "QUIT": b"+OK\r\n",
                         "PASS": lambda line: b"+OK\r\n" if line == "PASS right" else b"-ERR no\r\n"},
                        seen)

    @staticmethod
    def imap(seen):
        def tagged(script):
            def run_script(connection):
                connection.sendall(b"* OK ready\r\n")
                for line in lines_of(connection):
                    seen.append(line)
                    tag, word = line.split()[:2]
                    answer = script(word, line)
                    connection.sendall(answer.replace("TAG", tag).encode())
                    if word == "LOGOUT":
                        return
            return run_script

        def answer(word, line):
            if word == "CAPABILITY":
                return "* CAPABILITY IMAP4rev1\r\nTAG OK\r\n"
            if word == "LOGIN":
                return "TAG OK\r\n" if "right" in line else "TAG NO\r\n"
            return "* BYE\r\nTAG OK\r\n"
        return tagged(answer)

    def test_pop_and_imap_with_and_without_login_and_tls(self):
        for service, script in (("pop", self.pop), ("pops", self.pop), ("imap", self.imap),
                                ("imaps", self.imap)):
            seen = []
            tls = self.tls if service.endswith("s") else None
            with Server(script(seen), tls=tls) as there:
                base = {"service": service, "real": there.real, "timeout_ms": 20000,
                        "ca_file": self.certificates.ca_file}
                results = run(base, {**base, "login": "me", "password": "right"},
                              {**base, "login": "me", "password": "wrong"})
            self.assertEqual([r.outcome for r in results], ["up", "up", "down"], service)
            self.assertIn("ready", results[0].text)

    def test_verification(self):
        with Server(self.imap([]), tls=self.tls) as there:
            base = {"service": "imaps", "real": there.real}
            ours = {**base, "ca_file": self.certificates.ca_file, "verify": 3}
            results = run(base, {**base, "verify": 1}, ours, {**ours, "virtualhost": "mail.example.com"})
        self.assertEqual([r.outcome for r in results], ["down", "up", "down", "up"])

    def test_bad_servers(self):
        for service in ("smtp", "submission", "pop", "pops", "imap", "imaps"):
            with self.subTest(service), Server(silent) as half, Server(hang_up) as gone, \
                    Server(says(GARBAGE)) as odd, Server(endless) as much:
                reals = [closed_port(), half.real, gone.real, odd.real, much.real]
                results = run(*({"service": service, "real": real, "timeout_ms": 500} for real in reals))
                self.assertEqual([r.outcome for r in results], ["down"] * 5, results)
                self.assertLess(max(r.latency_us for r in results), 5000000)


if __name__ == "__main__":
    threading.excepthook = lambda _: None
    unittest.main()
