# SPDX-License-Identifier: GPL-2.0-or-later
"""The smallest XDP program: it passes every packet.

What a veth's XDP program sends back by XDP_TX is only delivered at once when the other end has an
XDP program, too; network cards need no such thing.
"""

import ctypes
import os
import socket
import struct

libc = ctypes.CDLL(None, use_errno=True)

SYS_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
BPF_PROG_LOAD, BPF_LINK_CREATE = 5, 28
BPF_PROG_TYPE_XDP, BPF_XDP = 6, 37
XDP_FLAGS_DRV_MODE = 4
ATTRIBUTE_BYTES = 128
PASS = bytes.fromhex("b700000002000000"    # r0 = XDP_PASS
                     "9500000000000000")   # exit


def bpf(command, attribute):
    given = ctypes.create_string_buffer(attribute, ATTRIBUTE_BYTES)
    fd = libc.syscall(SYS_BPF, command, given, ATTRIBUTE_BYTES)
    if fd < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"bpf({command}): {os.strerror(error)}")
    return fd


def attach_pass(space, interface):
    """Attach it to an interface; the descriptor that is returned holds it there."""
    program, licence = ctypes.create_string_buffer(PASS, len(PASS)), ctypes.c_char_p(b"GPL")
    fd = bpf(BPF_PROG_LOAD, struct.pack(
        "IIQQ", BPF_PROG_TYPE_XDP, len(PASS) // 8, ctypes.addressof(program),
        ctypes.cast(licence, ctypes.c_void_p).value))
    try:
        with space.entered():
            index = socket.if_nametoindex(interface)
            return bpf(BPF_LINK_CREATE, struct.pack("IIII", fd, index, BPF_XDP,
                                                    XDP_FLAGS_DRV_MODE))
    finally:
        os.close(fd)
