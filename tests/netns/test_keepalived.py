# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's keepalived, unmodified: every kind of virtual server and check against real servers that
come and go, reload and stop; and the pair of directors of examples/keepalived."""

import contextlib
import os
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from director import ROOT
from load import fetch
from pair import FAMILY, VIP, Keepalived, Pair, fail_over, wait_same_weights
from wait import until

HERE = Path(__file__).parent
EXAMPLE = Path(ROOT, "examples", "keepalived")
CHECK_SEC = 15      # a check comes every second, on a machine that does much else

SERVICES = {
    "web": (f"TCP {VIP}:80", "TCP 198.51.100.81:8081", "TCP 198.51.100.82:8081"),
    "dr": (f"TCP {VIP}:8080",),
    "tun": (f"TCP {VIP}:82",),
    "tls": (f"TCP {VIP}:443",),
    "dns": (f"UDP {VIP}:53",),
    "mark": ("FWM 7",),
}


@pytest.fixture(scope="module")
def pair(programs):
    with Pair() as made:
        for server in made.servers[2:]:
            server.prepare("dr", FAMILY)
        yield made


class Answers:
    """What a server of ours does besides nginx: TLS on 8443 and names on UDP 5353. In a `with`
    statement."""

    def __init__(self, server, certificate):
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate)
        self.web = server.socket(2, 1)
        self.web.setsockopt(1, 2, 1)    # SO_REUSEADDR
        self.web.bind(("", 8443))
        self.web.listen()
        self.names = server.socket(2, 2)
        self.names.bind(("", 5353))

    def __enter__(self):
        self.threads = [threading.Thread(target=work, daemon=True)
                        for work in (self.serve_web, self.serve_names)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        for sock in (self.web, self.names):
            with contextlib.suppress(OSError):
                sock.shutdown(2)
        for thread in self.threads:
            thread.join()
        for sock in (self.web, self.names):
            sock.close()

    def serve_web(self):
        while True:
            try:
                connection, _ = self.web.accept()
            except OSError:
                return
            with contextlib.suppress(OSError):
                connection.settimeout(2)
                with self.tls.wrap_socket(connection, server_side=True) as stream:
                    stream.recv(4096)
                    stream.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nyes")

    def serve_names(self):
        """No such name is an answer, too: the question comes back as one without records."""
        while True:
            try:
                question, sender = self.names.recvfrom(512)
            except OSError:
                return
            if not question:
                return
            self.names.sendto(question[:2] + b"\x81\x80" + question[4:], sender)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=test",
                    "-keyout", path, "-out", f"{path}.crt"], check=True, capture_output=True)
    with open(path, "a") as file, open(f"{path}.crt") as other:
        file.write(other.read())
    return path


class Checked:
    """keepalived of director1 with keepalived.conf, and the director's table."""

    def __init__(self, pair, directory):
        self.pair = pair
        self.directory = directory
        self.conf = directory / "keepalived.conf"
        self.director = pair.xlvsds[0]
        self.configure()
        for name in ("misc-rs3", "misc-rs4"):
            (directory / name).touch()
        self.keepalived = Keepalived(pair.directors[0], str(directory), str(self.conf), "director1")

    def configure(self, weight=2, more=""):
        text = (HERE / "keepalived.conf").read_text()
        for word, value in (("directory", self.directory), ("weight", weight), ("more", more)):
            text = text.replace(f"@{word}@", str(value))
        self.conf.write_text(text)

    def table(self):
        """{service: {destination: (forward, weight)}}"""
        found = {}
        for line in self.director.ipvsadm("-Ln").splitlines()[3:]:
            words = line.split()
            if words[0] == "->":
                found[service][words[1]] = (words[2], int(words[3]))
            else:
                service = " ".join(words[:2])
                found[service] = {}
        return found

    def wait(self, name, **servers):
        """Until a group of services has these servers, rsN=(forward, weight, port)."""
        wanted = {f"192.0.2.1{server[-1]}:{port}": (forward, weight)
                  for server, (forward, weight, port) in servers.items()}
        try:
            until(f"{name} to be {wanted}",
                  lambda: all(self.table().get(service) == wanted for service in SERVICES[name]),
                  CHECK_SEC)
        except TimeoutError as error:
            raise AssertionError(f"{error}; there is {self.table()}\n"
                                 f"{self.keepalived.log()[-3000:]}") from error

    def wait_all(self, weight=2):
        self.wait("web", rs1=("Masq", weight, 8080), rs2=("Masq", 1, 8080))
        self.wait("dr", rs3=("Route", 3, 8080), rs4=("Route", 1, 8080))
        self.wait("tun", rs3=("Tunnel", 1, 82), rs4=("Tunnel", 1, 82))
        self.wait("tls", rs1=("Masq", 1, 8443), rs2=("Masq", 1, 8443))
        self.wait("dns", rs1=("Masq", 1, 5353), rs2=("Masq", 1, 5353))
        self.wait("mark", rs1=("Masq", 1, 8080), rs2=("Masq", 1, 8080))


@pytest.fixture
def checked(pair, tmp_path, certificate):
    for server in pair.servers:
        if server.nginx.poll() is not None:
            server.start_nginx()
    made = Checked(pair, tmp_path)
    with contextlib.ExitStack() as stack:
        for server in pair.servers[:2]:
            server.answers = stack.enter_context(Answers(server, certificate))
        made.director.ipvsadm("-A -t 203.0.113.99:1")   # lvs_flush is to remove it
        made.keepalived.start()
        stack.callback(made.keepalived.stop)
        made.wait_all()
        yield made


def test_every_kind_of_check_takes_a_server_out_and_back(checked, certificate):
    rs1, rs2, rs3, rs4 = checked.pair.servers
    assert "TCP 203.0.113.99:1" not in checked.table()
    assert checked.director.ipvsadm("-L --timeout") == "Timeout (tcp tcpfin udp): 600 60 100\n"
    assert f"TCP  {VIP}:82 lc persistent 300 mask 255.255.255.0\n" in checked.director.ipvsadm("-Ln")

    rs4.stop_nginx()                        # TCP_CHECK, inhibit_on_failure
    (checked.directory / "misc-rs3").unlink()   # MISC_CHECK
    rs2.answers.__exit__()                  # SSL_GET, DNS_CHECK
    checked.wait("dr", rs3=("Route", 3, 8080), rs4=("Route", 0, 8080))
    checked.wait("tun", rs4=("Tunnel", 1, 82))
    checked.wait("tls", rs1=("Masq", 1, 8443))
    checked.wait("dns", rs1=("Masq", 1, 5353))

    rs1.stop_nginx()                        # HTTP_GET, and the quorum is lost
    checked.wait("web", rs3=("Masq", 1, 8080))
    checked.wait("mark", rs2=("Masq", 1, 8080))
    until("quorum_down", (checked.directory / "quorum-down").exists)

    rs1.start_nginx()
    rs4.start_nginx()
    (checked.directory / "misc-rs3").touch()
    with Answers(rs2, certificate):
        checked.wait_all()
        until("quorum_up", (checked.directory / "quorum-up").exists)


def test_a_reload_changes_what_has_changed(checked):
    rs1 = checked.pair.servers[0]
    checked.configure(weight=5, more="""
virtual_server 198.51.100.80 8089 {
    lvs_sched rr
    lvs_method NAT
    protocol TCP
    real_server 192.0.2.11 8080 {
        TCP_CHECK {
        }
    }
}
""")
    checked.keepalived.reload()
    checked.wait_all(weight=5)
    assert checked.table()["TCP 198.51.100.80:8089"] == {"192.0.2.11:8080": ("Masq", 1)}
    # The checks go on from what they knew.
    rs1.stop_nginx()
    checked.wait("web", rs3=("Masq", 1, 8080))
    checked.configure()
    checked.keepalived.reload()
    until("the service to be gone", lambda: "TCP 198.51.100.80:8089" not in checked.table())
    checked.wait("web", rs3=("Masq", 1, 8080))
    rs1.start_nginx()
    checked.wait_all()


def test_a_restarted_director_is_driven_on(checked):
    checked.director.kill()
    checked.pair.servers[3].stop_nginx()
    checked.pair.servers[0].stop_nginx()
    until("keepalived to have failed", lambda: "busy" in checked.keepalived.log(), CHECK_SEC)
    checked.director.start()
    checked.wait("dr", rs3=("Route", 3, 8080), rs4=("Route", 0, 8080))


def test_what_it_made_goes_when_it_stops(checked):
    assert checked.keepalived.stop() == 0
    assert checked.table() == {}
    assert checked.director.ipvsadm("-L --timeout") == "Timeout (tcp tcpfin udp): 900 120 300\n"


def test_without_a_director_it_ends_as_without_the_module(pair, tmp_path):
    checked = Checked(pair, tmp_path)
    keepalived = Keepalived(pair.client, str(tmp_path), str(checked.conf), "director1").start()
    keepalived.process.wait(20)
    assert "exited with permanent error FATAL" in keepalived.log()


@pytest.fixture
def running_pair(pair):
    for server in pair.servers:
        if server.nginx.poll() is not None:
            server.start_nginx()
    keepaliveds = [keepalived.start()
                   for keepalived in pair.keepaliveds(str(EXAMPLE / "keepalived.conf"))]
    until("one of them to be master", pair.master, 20)
    until("the services", lambda: "192.0.2.14:8080" in pair.xlvsds[0].ipvsadm("-Ln"))
    wait_same_weights(pair)
    yield keepaliveds
    for keepalived in keepaliveds:
        keepalived.stop()


def test_the_address_moves_and_traffic_goes_on(pair, running_pair):
    def answering():
        return {name for port in (80, 8080) for name in fetch(pair.client, FAMILY, 6, port=port)}

    assert answering() == {"rs1", "rs2", "rs3", "rs4"}
    for event in ("killed", "pulled", "stopped"):
        master, standby = pair.master(), pair.standby()
        keepalived = running_pair[pair.directors.index(master)]
        cost = fail_over(pair, {"killed": keepalived.kill, "stopped": keepalived.terminate,
                                "pulled": lambda: pair.plug(master, "down")}[event])
        # 3 adverts and a bit of 100 ms each; the margin is the machine's, which does much else.
        assert cost.moved_ms < 3000 and cost.gap_ms < 4000, event
        # By NAT from one of two, whichever has had fewer connections here; by DR from both.
        assert answering() & {"rs1", "rs2"} and answering() >= {"rs3", "rs4"}
        if event == "pulled":
            pair.plug(master, "up")
        else:
            keepalived.start()
        pair.wait_master(standby)


def test_the_example_runs_and_cleans_up():
    done = subprocess.run([sys.executable, EXAMPLE / "run"], capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("the other director had the address after") == 3
    assert not os.path.exists("/run/netns/" + done.stdout.split()[0])
