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

/* Do replies come back through the director? */
static inline __attribute__((always_inline)) _Bool xlvs_is_two_way(unsigned int method)
{
	return method == XLVS_FORWARD_nat || method == XLVS_FORWARD_fullnat;
}

#endif
