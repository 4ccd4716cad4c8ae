/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every scheduler, one line each: the number stands in maps and never changes.
 * From this list come the enum, the packet path's dispatch and the model's table of names. */
#ifndef XLVS_SCHEDULER_LIST_H
#define XLVS_SCHEDULER_LIST_H

/* X(name, number) */
#define XLVS_SCHEDULERS(X) \
	X(rr, 1)           \
	X(wrr, 2)          \
	X(lc, 3)           \
	X(wlc, 4)          \
	X(sh, 5)           \
	X(dh, 6)           \
	X(sed, 7)          \
	X(nq, 8)           \
	X(fo, 9)           \
	X(ovf, 10)         \
	X(twos, 11)        \
	X(mh, 12)          \
	X(lblc, 13)        \
	X(lblcr, 14)

/* X(name, slots): those that build something when their list changes (in name.c), and how many
 * slots their table has, 0 without one, XLVS_SLOTS_OF_MH as many as the director is told to. */
#define XLVS_SCHEDULERS_BUILT(X) \
	X(rr, 0)                 \
	X(wrr, 0)                \
	X(sh, 256)               \
	X(dh, 256)               \
	X(mh, XLVS_SLOTS_OF_MH)  \
	X(lblc, 0)               \
	X(lblcr, 0)

#define XLVS_SLOTS_OF_MH 0xffffffffU

enum xlvs_scheduler_number {
	/* The service answers every new connection with "no destination". */
	XLVS_SCHEDULER_NONE = 0,
#define XLVS_SCHEDULER_ENUM(name, number) XLVS_SCHEDULER_##name = (number),
	XLVS_SCHEDULERS(XLVS_SCHEDULER_ENUM)
#undef XLVS_SCHEDULER_ENUM
};

#endif
