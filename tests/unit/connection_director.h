/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A director in this process: the whole shipped packet path compiled for the host, with a service
 * for each forwarding method and family and a few destinations of each, and frames run by threads
 * that are its CPUs. */
#ifndef XLVS_TESTS_CONNECTION_DIRECTOR_H
#define XLVS_TESTS_CONNECTION_DIRECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "packet.h"

enum native_limit {
	NATIVE_SERVICES = 6,
	NATIVE_DESTS = 3, /* of each service */
	NATIVE_TICKS_PER_SEC = 20,
	NATIVE_GRACE_TICKS = NATIVE_TICKS_PER_SEC / 10,
	NATIVE_TIMEOUT_TICKS = 4, /* of every state but ESTABLISHED, which lasts */
};

/* An empty connection table of `n_groups` groups with the loader's limits. False without memory. */
bool native_open(uint32_t n_groups);
void native_close(void);

/* What a client says, and what each destination of its service answers. */
struct native_client {
	uint32_t service;
	bool is_two_way; /* replies come by */
	struct frame request;
	struct frame replies[NATIVE_DESTS];
};

/* Client number `n`; no two have the same address and port. */
void native_make_client(uint32_t n, struct native_client *ret_client);

/* One for each thread, numbers from 0; NULL without memory. */
struct native_cpu;
struct native_cpu *native_cpu(uint32_t number);

enum native_verdict {
	NATIVE_PASSED,
	NATIVE_DROPPED,
	NATIVE_FORWARDED,
	NATIVE_WRONG, /* forwarded, with headers that belong to another destination or service */
};

/* The client's packet with these TCP flags; *ret_dest (0 to NATIVE_DESTS - 1) when forwarded. */
enum native_verdict native_request(struct native_cpu *cpu, const struct native_client *client,
				   uint8_t flags, uint32_t *ret_dest);
/* The answer of its destination number `dest`. */
enum native_verdict native_reply(struct native_cpu *cpu, const struct native_client *client,
				 uint8_t flags, uint32_t dest);

/* Whether the client has a live record, and a proven one. */
bool native_is_proven(const struct native_client *client);

/* One tick goes by and the expiry comes by every record. By one thread at a time. */
void native_tick(uint32_t cpu);

/* While no thread is at work: whether table and counts agree; and, after everything has ended,
 * whether all is as it was at the beginning. */
bool native_is_sound(void);
bool native_drains(void);

#endif
