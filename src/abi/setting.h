/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The settings of IPVS that are numbers and can be changed, one line each: net.ipv4.vs.NAME. The
 * order is that of xlvs_runtime, so it is ABI: append only. */
#ifndef XLVS_ABI_SETTING_H
#define XLVS_ABI_SETTING_H

#define XLVS_INT_MAX 0x7fffffff
#define XLVS_INT_MIN (-XLVS_INT_MAX - 1)

/* X(name, default, least, most): what the kernel has and takes. */
#define XLVS_SETTINGS(X)                                            \
	X(am_droprate, 10, XLVS_INT_MIN, XLVS_INT_MAX)              \
	X(amemthresh, 1024, XLVS_INT_MIN, XLVS_INT_MAX)             \
	X(cache_bypass, 0, XLVS_INT_MIN, XLVS_INT_MAX)              \
	X(conn_reuse_mode, 1, XLVS_INT_MIN, XLVS_INT_MAX)           \
	X(drop_entry, 0, 0, XLVS_DEFENCE_ALWAYS)                    \
	X(drop_packet, 0, 0, XLVS_DEFENCE_ALWAYS)                   \
	X(expire_nodest_conn, 0, XLVS_INT_MIN, XLVS_INT_MAX)        \
	X(expire_quiescent_template, 0, XLVS_INT_MIN, XLVS_INT_MAX) \
	X(lblc_expiration, 86400, 0, XLVS_EXPIRATION_MAX_SEC)       \
	X(lblcr_expiration, 86400, 0, XLVS_EXPIRATION_MAX_SEC)      \
	X(nat_icmp_send, 0, XLVS_INT_MIN, XLVS_INT_MAX)             \
	X(pmtu_disc, 1, XLVS_INT_MIN, XLVS_INT_MAX)                 \
	X(run_estimation, 1, XLVS_INT_MIN, XLVS_INT_MAX)            \
	X(schedule_icmp, 0, XLVS_INT_MIN, XLVS_INT_MAX)             \
	X(secure_tcp, 0, 0, XLVS_DEFENCE_ALWAYS)                    \
	X(sloppy_sctp, 0, XLVS_INT_MIN, XLVS_INT_MAX)               \
	X(sloppy_tcp, 0, XLVS_INT_MIN, XLVS_INT_MAX)

/* A defence's mode; its automatic ones turn into each other as memory runs low and comes back. */
enum xlvs_defence {
	XLVS_DEFENCE_NEVER = 0,
	XLVS_DEFENCE_WAITING = 1, /* automatic, at present off */
	XLVS_DEFENCE_ALERT = 2, /* automatic, at present on */
	XLVS_DEFENCE_ALWAYS = 3,
};

enum xlvs_setting_constant {
	XLVS_EXPIRATION_MAX_SEC = XLVS_INT_MAX / 250, /* in ticks it is an int */
};

enum xlvs_setting {
#define XLVS_SETTING_ENUM(name, initial, least, most) XLVS_SETTING_##name,
	XLVS_SETTINGS(XLVS_SETTING_ENUM)
#undef XLVS_SETTING_ENUM
	XLVS_SETTINGS_END,
	XLVS_SETTINGS_MAX = 48,
};

#endif
