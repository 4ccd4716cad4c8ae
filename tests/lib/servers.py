# SPDX-License-Identifier: GPL-2.0-or-later
"""A real server: nginx and a UDP echo service in a namespace, both of which say who answers."""

import os
import re
import select
import socket
import struct
import threading

from director import program
from namespace import Namespace, stop_process
from wait import until

HTTP_PORTS = (80, 8080)
ECHO_PORTS = (7, 7007)
LARGE_BYTES = 4 << 20
TUNNEL_MSS = 1400   # on links of 1500 bytes, for IPv6 in IPv6
IP_PKTINFO = 8  # of <linux/in.h>; Python 3.11 has no name for it

NGINX_CONF = """
daemon off; master_process off; pid nginx.pid; error_log stderr; worker_rlimit_nofile 8192;
events {{ worker_connections 4000; }}
http {{
    log_format seen '$remote_addr $server_addr $server_port $status';
    access_log access.log seen;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    keepalive_requests 1000000; keepalive_timeout 300; lingering_close off;
    server {{
        {listen}
        root .;
        default_type text/plain;
        add_header X-Server {name};
        location = /large {{ }}
        location / {{ return 200 "{name}\\n"; }}
    }}
}}
"""


class Server(Namespace):
    """Server number N is called rsN and has the N-th server address of each family."""

    def __init__(self, topology, number):
        super().__init__(topology.group, f"rs{number}")
        self.number = number
        self.topology = topology
        self.directory = os.path.join(topology.directory, self.name)
        self.nginx = None
        self.vips = []          # those it was prepared for
        self.direct = set()     # networks it answers without the director

    def address(self, family):
        return family.server(self.number)

    def reply_through_director(self):
        """What NAT needs: the director is the default gateway."""
        self.ip("route replace 0.0.0.0/0 via 192.0.2.1", "route replace ::/0 via 2001:db8:2::1")

    def reply_directly(self, family, method="dr"):
        """What DR and TUN need: answers reach the client without the director. For TUN the client
        is told to leave room for another header in its segments."""
        room = f"advmss {TUNNEL_MSS}" if method == "tun" else ""
        self.ip(f"route replace {family.network(family.client)} via {family.direct} {room}")
        self.direct.add(family.network(family.client))

    def prepare(self, method, family, vip=None):
        """Make this a real server of the VIP for one forwarding method."""
        if method == "nat":
            return
        if method == "fullnat":  # needs nothing: not even a way back to clients by the director
            self.reply_directly(family)
            return
        self.run(program("xlvs"), "rs", "add", vip or family.vip, "--method", method, "-i", "eth0")
        self.vips.append(vip or family.vip)
        self.reply_directly(family, method)

    def forget_vips(self):
        if self.vips:
            self.run(program("xlvs"), "rs", "del", *self.vips)
        self.vips = []

    def close(self):
        self.forget_vips()  # what FULLNAT prepared does not end with the namespace
        super().close()

    def renew(self):
        """As it was when it was made: prepared for nothing, asked by nobody."""
        self.forget_vips()
        if self.direct:
            self.ip(*(f"route del {network}" for network in self.direct))
        self.direct = set()
        if self.nginx.poll() is not None:
            self.start_nginx()
        os.truncate(os.path.join(self.directory, "access.log"), 0)

    def start_nginx(self):
        os.makedirs(self.directory, exist_ok=True)
        listen = " ".join(f"listen {port} backlog=4096; listen [::]:{port} backlog=4096;"
                          for port in HTTP_PORTS)
        with open(os.path.join(self.directory, "nginx.conf"), "w") as conf:
            conf.write(NGINX_CONF.format(listen=listen, name=self.name))
        with open(os.path.join(self.directory, "large"), "wb") as large:
            large.truncate(LARGE_BYTES)
        with open(os.path.join(self.directory, "errors"), "ab") as errors:
            self.nginx = self.start("nginx", "-p", self.directory, "-c", "nginx.conf",
                                    "-e", "stderr", stderr=errors)
        until(f"nginx of {self.name}", self.listens)

    def listens(self):
        if self.nginx.poll() is not None:
            with open(os.path.join(self.directory, "errors")) as errors:
                raise RuntimeError(f"nginx of {self.name} ended: {errors.read()}")
        with self.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            return probe.connect_ex(("127.0.0.1", HTTP_PORTS[-1])) == 0

    def kill_nginx(self):
        """End it as a crash would."""
        self.nginx.kill()
        self.nginx.wait()

    def stop_nginx(self):
        stop_process(self.nginx)

    def requests(self):
        """The access log: (client, address and port asked for, status) of each request. Its line
        may come after the client has its answer."""
        with open(os.path.join(self.directory, "access.log")) as log:
            rows = re.findall(r"(\S+) (\S+) (\d+) (\d+)\n", log.read())
            return [(client, at, int(port), int(status)) for client, at, port, status in rows]

    def wait_requests(self, count):
        """... once there are `count` of them."""
        until(f"{count} requests in the log of {self.name}",
              lambda: len(self.requests()) >= count)
        return self.requests()


class Echo:
    """Answers each datagram to a server with that server's name, a colon and the datagram, from
    the address it was sent to. Use in a `with` statement."""

    def __init__(self, servers):
        self.names = {}
        for server in servers:
            for port in ECHO_PORTS:
                self.names[self.bound(server, socket.AF_INET, port)] = server.name
                self.names[self.bound(server, socket.AF_INET6, port)] = server.name
        self.wake, self.stop = socket.socketpair()
        self.thread = threading.Thread(target=self.serve, daemon=True)

    @staticmethod
    def bound(server, family, port):
        sock = server.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        sock.bind(("", port))
        sock.setblocking(False)
        return sock

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.close()
        self.thread.join()
        for sock in (*self.names, self.wake):
            sock.close()

    def serve(self):
        while True:
            ready, _, _ = select.select([self.wake, *self.names], [], [])
            if self.wake in ready:
                return
            for sock in ready:
                self.answer(sock)

    def answer(self, sock):
        data, control, _, sender = sock.recvmsg(65536, 256)
        (level, kind, info), = control
        if sock.family == socket.AF_INET:  # interface, local address, header's destination
            _, _, destination = struct.unpack("i4s4s", info)
            info = struct.pack("i4s4s", 0, destination, bytes(4))
        else:
            info = info[:16] + struct.pack("i", 0)
        sock.sendmsg([self.names[sock].encode() + b":" + data], [(level, kind, info)], 0, sender)
