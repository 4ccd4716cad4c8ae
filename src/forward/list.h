/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every forwarding method of the packet path, one line each: dr.bpf.h, tun.bpf.h, nat.bpf.h... The
 * number is IPVS's own, stands in connections and destinations and never changes. */
#ifndef XLVS_FORWARD_LIST_H
#define XLVS_FORWARD_LIST_H

/* X(name, number) */
#define XLVS_FORWARD_METHODS(X) \
	X(nat, 0)               \
	X(tun, 2)               \
	X(dr, 3)                \
	X(fullnat, 5)

/* No method of a destination, but a connection's that has none: the host forwards its packets as it
 * would without us. */
#define XLVS_FORWARD_BYPASS 4

enum xlvs_forward_number {
#define XLVS_FORWARD_ENUM(name, number) XLVS_FORWARD_##name = (number),
	XLVS_FORWARD_METHODS(XLVS_FORWARD_ENUM)
#undef XLVS_FORWARD_ENUM
};

/* A FULLNAT connection to a server of the other address family: cross.bpf.h. This stands in
 * connections alone, for destinations it is FULLNAT like any. */
enum {
	XLVS_FORWARD_cross = 6,
};

static inline __attribute__((always_inline)) _Bool xlvs_is_fullnat(unsigned int method)
{
	return method == XLVS_FORWARD_fullnat || method == XLVS_FORWARD_cross;
}

/* Do replies come back through the director? */
static inline __attribute__((always_inline)) _Bool xlvs_is_two_way(unsigned int method)
{
	return method == XLVS_FORWARD_nat || xlvs_is_fullnat(method);
}

#endif
