// SPDX-License-Identifier: GPL-2.0-or-later
/* The checksum of SCTP (CRC32c, RFC 9260, appendix A) after the ports were changed, whatever the
 * length of the packet. A CRC is linear: what a change does to it is the change's own remainder,
 * moved by the bits behind the ports, that is multiplied by a power of x. Polynomials are reflected
 * as CRC32c's are: the highest bit is the coefficient of x^0. */
#include "forward/forward.bpf.h"

enum crc_constant {
	LENGTH_BITS = 16,
};

static const __u32 polynomial = 0x82f63b78;

/* x to the power of 8 * 2^i: as many bits as 2^i bytes have. */
static const __u32 powers[LENGTH_BITS] = {
	0x00800000, 0x00008000, 0x82f63b78, 0x6ea2d55c, 0x18b8ea18, 0x510ac59a,
	0xb82be955, 0xb8fdb1e7, 0x88e56f72, 0x74c360a4, 0xe4172b16, 0x0d65762a,
	0x35d73a62, 0x28461564, 0xbf455269, 0xe2ea32dc,
};

/* `value` when the lowest bit of `bits` is set, else 0; without a branch, of which the verifier
 * would follow both sides at every step. */
static __always_inline __u32 when(__u32 bits, __u32 value)
{
	bits &= 1;
	asm volatile("" : "+r"(bits));
	return value * bits;
}

static __always_inline __u32 multiply(__u32 a, __u32 b)
{
	__u32 product = 0;

	for (int bit = 31; bit >= 0; bit--) {
		product ^= when(a >> bit, b);
		b = b >> 1 ^ when(b, polynomial);
	}
	return product;
}

__u32 xlvs_sctp_sum_change(__u32 ports, __u32 bytes)
{
	for (__u32 i = 0; i < LENGTH_BITS; i++)
		if (bytes >> i & 1)
			ports = multiply(ports, powers[i]);
	return ports;
}
