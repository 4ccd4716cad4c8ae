/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The numbers of the control socket.
 *
 * The "IPVS" family's commands and attributes are the kernel's own, from <linux/ip_vs.h>; the
 * "XLVS" family holds what IPVS has no words for. Both are constants of the protocol: a number once
 * given is never given again with another meaning, only new ones are added. */
#ifndef XLVS_CONTROL_IPVS_ABI_H
#define XLVS_CONTROL_IPVS_ABI_H

#include <linux/ip_vs.h>

/* The abstract socket's name, without its leading NUL. */
#define XLVS_CONTROL_SOCKET "xlvs"

#define XLVS_GENL_NAME	  "XLVS"
#define XLVS_GENL_VERSION 1

/* No datagram of either side is longer. */
#define XLVS_DATAGRAM_MAX_BYTES 65536

/* Message types. The kernel assigns family numbers when a module is loaded; here they are fixed. */
enum xlvs_family {
	XLVS_FAMILY_CONTROL = 0x10, /* GENL_ID_CTRL: "nlctrl" */
	XLVS_FAMILY_IPVS = 0x20,
	XLVS_FAMILY_XLVS = 0x21,
};

/* Commands of the XLVS family. Numbers are kept for whole subjects: 16-31 local addresses,
 * 32-47 marks, 48-63 packet traces, 64-79 settings (the net.ipv4.vs sysctls). */
enum xlvs_command {
	XLVS_CMD_GET_STATUS = 1, /* do: XLVS_ATTR_JSON in one or more messages */
	XLVS_CMD_GET_DROPS = 2, /* do: XLVS_ATTR_JSON in one or more messages */
	XLVS_CMD_GET_CONNS = 3, /* dump: XLVS_ATTR_CONNS */
	XLVS_CMD_NEW_LADDR = 16, /* do: XLVS_ATTR_SERVICE, XLVS_ATTR_LADDR_* */
	XLVS_CMD_DEL_LADDR = 17, /* do: the same */
	XLVS_CMD_GET_LADDR = 18, /* dump: XLVS_ATTR_SERVICE, or nothing: all services */
	XLVS_CMD_NEW_MARKS = 32, /* do: XLVS_ATTR_MARKS; all of them or none */
	XLVS_CMD_DEL_MARK = 33, /* do: XLVS_ATTR_MARKS with one rule; mark 0: whatever it has */
	XLVS_CMD_FLUSH_MARKS = 34, /* do */
	XLVS_CMD_GET_MARKS = 35, /* do: XLVS_ATTR_JSON in one or more messages */
	XLVS_CMD_CARRY_MARKS = 36, /* do: XLVS_ATTR_MARK_NEAR, _FAR, or nothing: no more */
	XLVS_CMD_SET_SETTING = 64, /* do: XLVS_ATTR_SETTING, _VALUE */
	XLVS_CMD_GET_SETTINGS = 65, /* do: XLVS_ATTR_JSON in one or more messages */
};

/* Beside IPVS_DEST_ATTR_*, far from what IPVS may still add; the last of a destination's. */
enum xlvs_dest_attribute {
	XLVS_DEST_ATTR_TOA_KIND = 64, /* u8; absent: 254 with FULLNAT */
	XLVS_DEST_ATTR_MSS = 65, /* u16, enum xlvs_mss */
	XLVS_DEST_ATTR_MAX = XLVS_DEST_ATTR_MSS,
};

/* Numbers are kept for the same subjects as those of commands. */
enum xlvs_attribute {
	XLVS_ATTR_UNSPEC = 0,
	XLVS_ATTR_JSON = 1, /* a piece of a document, NUL-terminated; the pieces are joined */
	XLVS_ATTR_CONNS = 2, /* an array of struct xlvs_conn_entry */
	XLVS_ATTR_CONN_PE = 3, /* struct xlvs_conn_pe, of the last of these */
	XLVS_ATTR_SERVICE = 16, /* a service's key: a nest as IPVS_CMD_ATTR_SERVICE */
	XLVS_ATTR_LADDR_FAMILY = 17, /* u16: AF_INET or AF_INET6 */
	XLVS_ATTR_LADDR = 18, /* 16 bytes as IPVS_DEST_ATTR_ADDR */
	XLVS_ATTR_MARKS = 32, /* an array of struct xlvs_mark_spec */
	XLVS_ATTR_MARK_NEAR = 33, /* u32: interface index of the end packets enter by */
	XLVS_ATTR_MARK_FAR = 34, /* u32: of the end the packet path runs at */
	XLVS_ATTR_SETTING = 64, /* string: net.ipv4.vs. and this are a sysctl's name */
	XLVS_ATTR_SETTING_VALUE = 65, /* string */
	XLVS_ATTR_END,
};

#endif
