# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs on the director itself that are clients of its services: curl and a UDP socket there."""

import pytest

from director import program
from forwarding import NEWEST_FIRST, two_armed
from load import curl, echo, fetch
from namespace import CommandFailed
from servers import LARGE_BYTES
from wait import until

pytestmark = two_armed


@pytest.fixture
def loopback(director):
    """On during a test."""
    director.xlvs("loopback", "on")
    until("the daemon to follow", lambda: any("xlvs-host0" in line for line in director.log[-5:]))
    yield
    director.xlvs("loopback", "off")


def test_connections_of_the_directors_own_go_round(topology, director, family, loopback):
    service = director.add_service(family, "nat", topology.servers, dest_port=8080)
    assert fetch(topology.director, family, 6) == NEWEST_FIRST * 2
    assert director.stats()[service, None].conns == 6


def test_datagrams_of_the_directors_own_are_answered_from_the_vip(topology, director, family,
                                                                  loopback, echoes):
    director.add_service(family, "nat", topology.servers, port=7, protocol="u")
    assert echo(topology.director, family, 3) == NEWEST_FIRST


def test_large_transfers_of_the_directors_own_arrive_whole(topology, director, family, loopback,
                                                           tmp_path):
    director.add_service(family, "nat", topology.servers[:1])
    url = f"http://{family.endpoint(family.vip, 80)}"
    done = curl(topology.director, "-o", "/dev/null", "-w", "%{http_code} %{size_download}\n",
                f"{url}/large")
    assert done == [f"200 {LARGE_BYTES}"]
    upload = tmp_path / "upload"
    upload.write_bytes(bytes(1 << 20))
    done = curl(topology.director, "-T", upload, "-H", "Expect:", "-w",
                "%{http_code} %{size_upload}\n", f"{url}/upload")
    assert done == ["rs1", f"200 {1 << 20}"]


def test_others_go_on_and_the_hosts_own_services_are_its_own(topology, director, client, family,
                                                             loopback):
    director.add_service(family, "nat", topology.servers)
    assert fetch(client, family, 3) == NEWEST_FIRST
    with pytest.raises(CommandFailed, match="exit status 7"):
        fetch(topology.director, family, 1, port=81)


def test_a_service_without_destinations_refuses_the_directors_own(topology, director, family,
                                                                  loopback):
    director.ipvsadm(f"-A -t {family.endpoint(family.vip, 80)} -s rr")
    with pytest.raises(CommandFailed, match="exit status 7"):
        fetch(topology.director, family, 1)


def test_it_survives_the_daemon_and_ends_with_it(topology, director, family, loopback):
    director.add_service(family, "nat", topology.servers)
    director.kill()
    assert fetch(topology.director, family, 3) == NEWEST_FIRST
    director.start()
    assert fetch(topology.director, family, 3) == NEWEST_FIRST
    director.stop()
    with pytest.raises(CommandFailed, match="exit status 7"):
        fetch(topology.director, family, 1)
    shown = topology.director.run("tc", "filter", "show", "dev", "lo", "egress").stdout
    assert "xlvs" not in shown
    director.start()


def test_the_command_refuses_what_it_does_not_know(topology, director):
    done = topology.director.run(program("xlvs"), "loopback", "maybe", check=False)
    assert done.returncode == 2 and "on|off" in done.stderr
