#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""SCTP associations of usrsctp, a stack in user space: lines of stdin go to the server, by one
association after the other, and what comes back is printed. At the end they are shut down.

    sctp_talk.py LOCAL-ADDRESS ADDRESS PORT N

One process has all of them: a second stack on a host would abort what it does not know.
"""

import ctypes
import itertools
import socket
import struct
import sys

LINE_BYTES = 65536

usrsctp = ctypes.CDLL("libusrsctp.so.2", use_errno=True)
usrsctp.usrsctp_socket.restype = ctypes.c_void_p
usrsctp.usrsctp_sendv.restype = usrsctp.usrsctp_recvv.restype = ctypes.c_ssize_t


def sockaddr(address, port):
    version = socket.AF_INET6 if ":" in address else socket.AF_INET
    raw = struct.pack("=H", version) + struct.pack("!H", port)
    flow, ending = (bytes(4), bytes(4)) if version == socket.AF_INET6 else (b"", bytes(8))
    return raw + flow + socket.inet_pton(version, address) + ending


def checked(value, what):
    if value is None or value < 0:
        raise OSError(ctypes.get_errno(), what)
    return value


def associate(local, address, port):
    """The socket of an association from this local address, and no other."""
    version = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = ctypes.c_void_p(checked(usrsctp.usrsctp_socket(
        version, socket.SOCK_STREAM, socket.IPPROTO_SCTP, None, None, 0, None), "socket"))
    here, there = sockaddr(local, 0), sockaddr(address, port)
    checked(usrsctp.usrsctp_bind(sock, here, len(here)), "bind")
    checked(usrsctp.usrsctp_connect(sock, there, len(there)), "connect")
    return sock


def echo(sock, line):
    checked(usrsctp.usrsctp_sendv(sock, line, ctypes.c_size_t(len(line)), None, 0, None, 0, 0, 0),
            "send")
    buffer, got = ctypes.create_string_buffer(LINE_BYTES), b""
    while len(got) < len(line):
        sizes = [ctypes.c_uint(0) for _ in range(4)]    # address, information, its kind, flags
        count = checked(usrsctp.usrsctp_recvv(
            sock, buffer, ctypes.c_size_t(LINE_BYTES), None, ctypes.byref(sizes[0]), None,
            *map(ctypes.byref, sizes[1:])), "receive")
        if not count:
            sys.exit("the server has gone")
        got += buffer.raw[:count]
    return got


def main():
    usrsctp.usrsctp_init(0, None, None)
    local, address, port, count = sys.argv[1:]
    socks = [associate(local, address, int(port)) for _ in range(int(count))]
    for sock, line in zip(itertools.cycle(socks), sys.stdin.buffer):
        sys.stdout.buffer.write(echo(sock, line))
        sys.stdout.buffer.flush()
    for sock in socks:
        usrsctp.usrsctp_shutdown(sock, socket.SHUT_RDWR)
        usrsctp.usrsctp_close(sock)
    while usrsctp.usrsctp_finish():     # until the shutdown is complete
        pass


main()
