#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The checks connect, ping, on, off, combined and http, https, http_proxy."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from scripted import (Certificates, Server, closed_port, hang_up, run, run_one, says,  # noqa: E402
                      silent, silent_for_input)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nall is well\n"


def web(pages, seen):
    """Answers GET and HEAD: pages maps a path to a whole answer; each request is noted in seen."""
    def script(connection):
        request = b""
        while b"\r\n\r\n" not in request:
            more = connection.recv(4096)
            if not more:
                return
            request += more
        seen.append(request.decode())
        connection.sendall(pages.get(request.split()[1].decode(), b"HTTP/1.1 404 Not Found\r\n\r\n"))
        silent_for_input(connection)
    return script


def redirect(to):
    return f"HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()


class Connect(unittest.TestCase):
    def test_up_down_and_switched(self):
        with Server(silent) as there, Server(silent, address="::1") as six:
            results = run({"kind": "connect", "real": there.real},
                          {"kind": "connect", "real": six.real},
                          {"kind": "connect", "real": closed_port()},
                          {"kind": "on"}, {"kind": "off"}, {"service": "none"})
        self.assertEqual([r.outcome for r in results], ["up", "up", "down", "up", "down", "up"])
        self.assertIn("connection refused", results[2].text)

    def test_a_server_that_is_not_there_costs_its_timeout_and_no_more(self):
        # An address of the documentation's: no route, or nobody answers.
        result = run_one(kind="connect", real="192.0.2.1:80", timeout_ms=200)
        self.assertEqual(result.outcome, "down")
        self.assertLess(result.latency_us, 1000000)

    def test_a_cancelled_check_reports_nothing(self):
        with Server(silent) as there:
            result = run_one(service="http", real=there.real, cancel=50, timeout_ms=5000)
        self.assertEqual(result.outcome, "cancelled")

    def test_combined_connects_between_negotiations(self):
        seen = []
        with Server(web({"/": OK}, seen)) as there:
            results = run_one(kind="combined", connects=2, service="http", real=there.real, runs=7)
        self.assertEqual([r.text for r in results],
                         ["200 OK", "connected", "connected", "200 OK", "connected", "connected",
                          "200 OK"])
        self.assertEqual(len(seen), 3)

    def test_combined_negotiates_again_after_a_failure(self):
        with Server(web({}, [])) as there:
            results = run_one(kind="combined", connects=2, service="http", real=there.real, runs=3)
        self.assertEqual([r.text for r in results], ["404 Not Found"] * 3)


class Http(unittest.TestCase):
    def check(self, answer, **words):
        with Server(web({"/": answer}, [])) as there:
            return run_one(service="http", real=there.real, **words)

    def test_any_2xx_is_up_and_nothing_else(self):
        for status, outcome in (("200 OK", "up"), ("204 No Content", "up"), ("299 Odd", "up"),
                                ("404 Not Found", "down"), ("503 Busy", "down"), ("302 Found", "down")):
            answer = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()
            self.assertEqual(self.check(answer)[::2], (outcome, status))

    def test_receive_is_a_perl_regex_searched_in_the_body(self):
        for receive, outcome in (("all is well", "up"), ("^all.*WELL$", "down"), ("(?i)WELL$", "up"),
                                 (r"\bis\b(?= well)", "up"), ("200", "down")):
            self.assertEqual(self.check(OK, receive=receive).outcome, outcome, receive)

    def test_a_regex_that_never_ends_ends(self):
        body = b"a" * 40
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n" + body
        result = self.check(answer, receive="(a+)+b")
        self.assertEqual(result.outcome, "down")
        self.assertLess(result.latency_us, 1000000)

    def test_a_packed_body_is_unpacked(self):
        import gzip
        body = gzip.compress(b"all is well")
        answer = (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
                  % len(body)) + body
        self.assertEqual(self.check(answer, receive="all is well").outcome, "up")

    def test_wrong_and_broken_answers_are_down(self):
        for answer in (b"garbage\r\n\r\n", b"\x00\xff\x17\r\n", b"SSH-2.0-OpenSSH_9.2\r\n",
                       b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut",
                       b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"):
            result = self.check(answer)
            self.assertEqual(result.outcome, "down", answer)
            self.assertTrue(result.text)

    def test_only_so_much_of_an_endless_body_is_searched(self):
        def endless(connection):
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nfirst")
            while True:
                connection.sendall(b"x" * 65536)
        with Server(endless) as there:
            found, missed, unread = run(
                {"service": "http", "real": there.real, "receive": "first"},
                {"service": "http", "real": there.real, "receive": "last"},
                {"service": "http", "real": there.real, "timeout_ms": 300})
        self.assertEqual((found.outcome, missed.outcome, unread.outcome), ("up", "down", "down"))

    def test_slow_silent_and_refusing_servers_are_down_in_time(self):
        def drip(connection):
            for byte in OK * 1000:
                connection.sendall(bytes([byte]))
                connection.settimeout(0.05)
                try:
                    connection.recv(4096)
                except TimeoutError:
                    pass
        with Server(drip) as slow, Server(silent) as half, Server(hang_up) as gone:
            results = run(*({"service": "http", "real": real, "timeout_ms": 400}
                            for real in (slow.real, half.real, gone.real, closed_port())))
        self.assertEqual([r.outcome for r in results], ["down"] * 4)
        for result in results[:2]:
            self.assertIn("no answer within 0.4", result.text)
            self.assertLess(result.latency_us, 1900000)

    def test_what_is_sent(self):
        seen = []
        with Server(web({"/x%20y?z": OK, "/": OK}, seen)) as there:
            run_one(service="http", real=there.real, request="/x y?z", virtualhost="www.example.com")
            run_one(service="http", real=there.real, head=1)
            run_one(service="http", real=there.real, request="/http://site.example.com/")
        self.assertEqual([lines.split("\r\n")[:2] for lines in seen],
                         [["GET /x%20y?z HTTP/1.1", "Host: www.example.com"],
                          ["HEAD / HTTP/1.1", "Host: 127.0.0.1"],
                          ["GET / HTTP/1.1", "Host: site.example.com"]])
        self.assertIn("Connection: close", seen[0])
        self.assertNotIn("Accept-Encoding", seen[0])

    def test_redirects_to_the_virtual_host_stay_on_the_real_server(self):
        seen = []
        pages = {"/": redirect("/a"), "/a": redirect("http://www.example.com/b"), "/b": OK,
                 "/loop": redirect("/loop")}
        with Server(web(pages, seen)) as there:
            results = run(*({"service": "http", "real": there.real, "request": request,
                             "virtualhost": "www.example.com"} for request in ("/", "/loop")))
        self.assertEqual([r.outcome for r in results], ["up", "down"])
        self.assertEqual(len([r for r in seen if "/loop" in r]), 8)
        self.assertTrue(all("Host: www.example.com\r\n" in request for request in seen))

    def test_other_redirects_are_followed_where_they_lead(self):
        seen = []
        with Server(web({"/there": OK, "/back": redirect("http://www.example.com/home")}, seen),
                    address="127.0.0.2") as other:
            pages = {"/name": redirect(f"http://localhost:{other.port}/nowhere"),
                     "/address": redirect(f"http://{other.real}/there"),
                     "/round": redirect(f"http://{other.real}/back"), "/home": OK,
                     "/gone": redirect("http://name.invalid/")}
            with Server(web(pages, [])) as there:
                results = run(*({"service": "http", "real": there.real, "request": request,
                                 "receive": "well", "virtualhost": "www.example.com"}
                                for request in ("/address", "/round", "/name", "/gone")))
        self.assertEqual([r.outcome for r in results], ["up", "up", "down", "down"])
        self.assertIn("name.invalid", results[3].text)
        self.assertIn(f"Host: {other.real}\r\n", "".join(seen))

    def test_ipv6(self):
        seen = []
        with Server(web({"/": OK}, seen), address="::1") as there:
            self.assertEqual(run_one(service="http", real=there.real).outcome, "up")
        self.assertIn("Host: [::1]\r\n", seen[0])

    def test_a_proxy_is_asked_for_the_whole_url(self):
        seen = []
        pages = {"http://site.example.com/p": redirect("/q"), "http://site.example.com/q": OK}
        with Server(web(pages, seen)) as there:
            proxy = {"service": "http_proxy", "real": there.real}
            up, refused, down = run({**proxy, "request": "http://site.example.com/p"},
                                    {**proxy, "request": "/p"},
                                    {**proxy, "request": "http://site.example.com/r"})
        self.assertEqual((up.outcome, refused.outcome, down.outcome), ("up", "refused", "down"))
        self.assertIn("Host: site.example.com\r\n", seen[0])


class Https(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.names = []
        cls.context = cls.certificates.context("www", "DNS:www.example.com")
        cls.context.sni_callback = lambda _socket, name, _context: cls.names.append(name)

    @classmethod
    def tearDownClass(cls):
        cls.certificates.close()

    def test_verification_has_three_levels(self):
        with Server(web({"/": OK}, []), tls=self.context) as there:
            base = {"service": "https", "real": there.real}
            ours = {**base, "ca_file": self.certificates.ca_file}
            results = run(base, {**base, "verify": 1}, ours, {**ours, "verify": 3},
                          {**ours, "verify": 3, "virtualhost": "www.example.com"},
                          {**ours, "verify": 3, "virtualhost": "other.example.com"})
        self.assertEqual([r.outcome for r in results], ["down", "up", "up", "down", "up", "down"])
        self.assertIn("certificate", results[0].text)

    def test_the_virtual_host_is_the_name_in_the_handshake(self):
        del self.names[:]
        with Server(web({"/": OK}, []), tls=self.context) as there:
            for words in ({"virtualhost": "www.example.com"}, {}):
                result = run_one(service="https", real=there.real, verify=1, **words)
                self.assertEqual(result.outcome, "up")
        self.assertEqual(self.names, ["www.example.com", None])

    def test_no_tls_and_half_a_handshake_are_down(self):
        with Server(web({"/": OK}, [])) as plain, Server(silent) as half, Server(says(b"\x15\x03")) as cut:
            results = run(*({"service": "https", "real": there.real, "timeout_ms": 400}
                            for there in (plain, half, cut)))
        self.assertEqual([r.outcome for r in results], ["down"] * 3)


if __name__ == "__main__":
    unittest.main()
