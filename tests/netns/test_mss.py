# SPDX-License-Identifier: GPL-2.0-or-later
"""The segment size in the handshake, lowered for a destination: what both ends then believe."""

import contextlib

import pytest

from capture import Capture, l4, source, to
from forwarding import two_armed
from load import curl, fetch
from namespace import CommandFailed

NARROW_BYTES = 1400


def size(wire, condition, outgoing=False):
    """The segment size of the first SYN."""
    frame = next(frame for frame in wire.select(condition, outgoing=outgoing)
                 if "S" in l4(frame.packet).flags)
    return dict(l4(frame.packet).options)["MSS"]


@contextlib.contextmanager
def narrow(space, interface):
    space.ip(f"link set {interface} mtu {NARROW_BYTES}")
    try:
        yield
    finally:
        space.ip(f"link set {interface} mtu 1500")


@two_armed
@pytest.mark.parametrize("method", ["dr", "nat", "fullnat", "tun"])
def test_a_number_is_what_the_other_end_is_told(topology, director, client, family, method):
    server = topology.servers[0]
    words = "--mss-clamp 1000" + " --toa-kind none" * (method == "fullnat")
    director.add_service(family, method, [server], words=words)
    assert f" {words}\n" in director.ipvsadm("-S", "-n") or method == "fullnat"
    address = family.vip if method in ("dr", "tun") else server.address(family)
    # What a tunnel brings is unwrapped before it is seen.
    with Capture(client) as near, Capture(server) as far:
        assert fetch(client, family, 1) == ["rs1"]
        assert size(far, to(address, 80)) == 1000
        if method in ("nat", "fullnat"):
            assert size(near, source(family.vip, 80)) == 1000


@two_armed
def test_what_fits_a_narrow_link_is_not_too_big(topology, director, client, family, tmp_path):
    """A client that is never told of path MTUs uploads through a link that is narrower than its
    own."""
    before = director.drops().get("too_big", 0)
    upload = tmp_path / "upload"
    upload.write_bytes(bytes(1 << 20))
    with narrow(topology.director, "eth1"):
        director.add_service(family, "nat", topology.servers, words="--mss-clamp auto")
        done = curl(client, "-T", upload, "-H", "Expect:", "-w", "%{http_code} %{size_upload}\n",
                    f"http://{family.endpoint(family.vip, 80)}/upload")
    assert done == ["rs3", f"200 {1 << 20}"]
    assert director.drops().get("too_big", 0) == before


def test_it_outlives_the_daemon(topology, director, ipv4):
    director.add_service(ipv4, "dr", topology.servers[:1], words="--mss-clamp auto")
    director.kill()
    director.start()
    assert "-g -w 1 --mss-clamp auto\n" in director.ipvsadm("-S", "-n")


def test_what_has_no_segment_size_is_refused(topology, director, ipv4):
    service = ipv4.endpoint(ipv4.vip, 53)
    director.ipvsadm(f"-A -u {service} -s rr")
    with pytest.raises(CommandFailed, match="only TCP has a maximum segment size"):
        director.ipvsadm(f"-a -u {service} -r 192.0.2.11:53 -m --mss-clamp auto")
    with pytest.raises(CommandFailed, match="it is auto or 256 to 65495"):
        director.ipvsadm(f"-a -u {service} -r 192.0.2.11:53 -m --mss-clamp 255")
