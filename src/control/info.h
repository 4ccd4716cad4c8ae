/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the director tells of its state, as plain data: the answers' counterpart of model/spec.h. */
#ifndef XLVS_CONTROL_INFO_H
#define XLVS_CONTROL_INFO_H

#include "model/spec.h"

#define XLVS_INTERFACE_NAME_BYTES 16
#define XLVS_CONN_STATE_BYTES	  12

struct xlvs_service_info {
	struct xlvs_service_spec spec;
	struct xlvs_stats stats;
};

struct xlvs_dest_info {
	struct xlvs_dest_spec spec;
	uint32_t active;
	uint32_t inactive;
	uint32_t persistent;
	struct xlvs_stats stats;
};

/* A local address of a service. */
struct xlvs_local_info {
	struct xlvs_service_key service;
	struct xlvs_local_address local;
};

/* The answer to GET_INFO. `version` is IP_VS_VERSION_CODE for a director that behaves as IPVS. */
struct xlvs_director_info {
	uint32_t version;
	uint32_t connection_table_size;
};

enum xlvs_sync_role {
	XLVS_SYNC_MASTER = 1,
	XLVS_SYNC_BACKUP = 2,
};

/* A connection synchronisation daemon. Zero, or group_family AF_UNSPEC, means the default. */
struct xlvs_sync_spec {
	uint32_t role; /* enum xlvs_sync_role */
	char interface[XLVS_INTERFACE_NAME_BYTES];
	uint32_t sync_id;
	uint16_t max_message_bytes;
	uint16_t group_family; /* AF_UNSPEC, AF_INET or AF_INET6 */
	struct xlvs_address group;
	uint16_t port; /* host order */
	uint8_t ttl;
};

enum xlvs_conn_flag {
	XLVS_CONN_TEMPLATE = 0x01, /* a persistence template, not a connection */
};

/* One connection as it travels in XLVS_ATTR_CONNS: no padding, same machine on both ends. */
struct xlvs_conn_entry {
	uint8_t family; /* of client and virtual address: AF_INET or AF_INET6 */
	uint8_t dest_family;
	uint8_t protocol; /* IPPROTO_IP for the template of a firewall mark */
	uint8_t flags; /* enum xlvs_conn_flag */
	__be16 client_port;
	__be16 virtual_port;
	__be16 dest_port;
	uint16_t reserved;
	uint32_t expires_sec;
	struct xlvs_address client;
	struct xlvs_address virtual_address;
	struct xlvs_address dest;
	char state[XLVS_CONN_STATE_BYTES]; /* NUL-terminated: "ESTABLISHED" */
};

_Static_assert(sizeof(struct xlvs_conn_entry) == 76, "struct xlvs_conn_entry travels on the wire");

/* What a persistence engine knows the session of a template by, as text. */
struct xlvs_conn_pe {
	char name[XLVS_PE_NAME_BYTES];
	char data[256];
};

#endif
