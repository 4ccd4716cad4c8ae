/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a user can say of a virtual service and of a destination, as plain data: the form in which
 * a command travels from the command line through the control socket into the model.
 *
 * Addresses are 16 bytes in network order; an IPv4 address stands in the first four and the other
 * twelve are zero. Ports and masks are in network order, everything else in the host's. */
#ifndef XLVS_MODEL_SPEC_H
#define XLVS_MODEL_SPEC_H

#include <linux/types.h>
#include <stdint.h>

#include "abi/mss.h"
#include "abi/toa.h"
#include "abi/tunnel.h"

#define XLVS_SCHEDULER_NAME_BYTES 16 /* with the final NUL, as in IPVS */
#define XLVS_PE_NAME_BYTES	  17
#define XLVS_SETTING_BYTES	  32 /* of a sysctl's name, and of its value */

#define XLVS_TIMEOUT_MAX_SEC (31 * 24 * 3600) /* of any timeout, as in ipvsadm */

struct xlvs_address {
	uint8_t bytes[16];
};

/* The numbers of the kernel's <linux/ip_vs.h>: they go over the wire and into the maps. */
enum xlvs_method {
	XLVS_METHOD_NAT = 0,
	XLVS_METHOD_LOCAL = 1,
	XLVS_METHOD_TUN = 2,
	XLVS_METHOD_DR = 3,
	XLVS_METHOD_BYPASS = 4,
	XLVS_METHOD_FULLNAT = 5, /* ours */
};

enum xlvs_service_flag {
	XLVS_SERVICE_PERSISTENT = 0x01,
	XLVS_SERVICE_HASHED = 0x02, /* reported, ignored on input */
	XLVS_SERVICE_ONE_PACKET = 0x04,
	XLVS_SERVICE_SCHED1 = 0x08, /* sh-fallback, mh-fallback */
	XLVS_SERVICE_SCHED2 = 0x10, /* sh-port, mh-port */
	XLVS_SERVICE_SCHED3 = 0x20,
};

/* Either fwmark is non-zero, or protocol, address and port say which service it is. */
struct xlvs_service_key {
	uint16_t family; /* AF_INET or AF_INET6 */
	uint16_t protocol; /* IPPROTO_TCP, ... */
	struct xlvs_address address;
	__be16 port;
	uint32_t fwmark;
};

struct xlvs_service_spec {
	struct xlvs_service_key key;
	char scheduler[XLVS_SCHEDULER_NAME_BYTES];
	char pe[XLVS_PE_NAME_BYTES];
	uint32_t flags; /* enum xlvs_service_flag */
	uint32_t flags_mask; /* the flags an edit may change */
	uint32_t timeout_sec; /* of persistence */
	uint32_t netmask; /* IPv4: a mask in network order; IPv6: the prefix length */
};

struct xlvs_dest_key {
	uint16_t family;
	struct xlvs_address address;
	__be16 port;
};

struct xlvs_dest_spec {
	struct xlvs_dest_key key;
	uint32_t method; /* enum xlvs_method */
	int32_t weight;
	uint32_t upper_threshold;
	uint32_t lower_threshold;
	uint8_t tunnel_type; /* enum xlvs_tunnel_type */
	__be16 tunnel_port;
	uint16_t tunnel_flags; /* enum xlvs_tunnel_flag */
	uint8_t toa_kind; /* XLVS_METHOD_FULLNAT: of the option with the client's address; 0: none
			   */
	uint16_t mss; /* enum xlvs_mss, TCP */
};

/* An address of the director that FULLNAT connections of a service come from. */
struct xlvs_local_address {
	uint16_t family;
	struct xlvs_address address;
};

/* A rule of `xlvs mark`: which packets get a firewall mark in the packet path. */
struct xlvs_mark_spec {
	uint16_t family; /* AF_INET or AF_INET6 */
	uint16_t protocol; /* IPPROTO_TCP, IPPROTO_UDP, 0: any */
	struct xlvs_address address; /* bits past the prefix are 0 */
	uint16_t length; /* of the prefix */
	uint16_t first_port; /* host order */
	uint16_t last_port;
	uint16_t reserved;
	uint32_t mark; /* not 0 */
};

_Static_assert(sizeof(struct xlvs_mark_spec) == 32, "struct xlvs_mark_spec travels on the wire");

/* Zero leaves a timeout as it is. */
struct xlvs_timeouts {
	uint32_t tcp_sec;
	uint32_t tcp_fin_sec;
	uint32_t udp_sec;
};

struct xlvs_counters {
	uint64_t conns;
	uint64_t in_packets;
	uint64_t out_packets;
	uint64_t in_bytes;
	uint64_t out_bytes;
};

/* Totals since the last zeroing, and smoothed rates per second as IPVS estimates them. */
struct xlvs_stats {
	struct xlvs_counters total;
	uint64_t conns_per_sec;
	uint64_t in_packets_per_sec;
	uint64_t out_packets_per_sec;
	uint64_t in_bytes_per_sec;
	uint64_t out_bytes_per_sec;
};

#endif
