/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel's schedulers decide, written from their documented behaviour in the kernel's own
 * terms, a linked list with a pointer into it, so that it shares nothing with what it judges. */
#ifndef XLVS_TESTS_SCHEDULER_REFERENCE_H
#define XLVS_TESTS_SCHEDULER_REFERENCE_H

#include <stdint.h>

/* A new connection as schedulers see it: addresses folded and ports in host order. */
struct arrival {
	uint32_t client;
	uint32_t address; /* the one it is for */
	uint16_t port; /* of the client */
	uint32_t flags; /* of the service */
	uint64_t now_sec;
};

/* Addresses of destinations, in host order. */
enum {
	REFERENCE_PORT = 80,
	REFERENCE_EXPIRATION_SEC = 86400, /* of what lblc and lblcr remember */
	REFERENCE_MEMBERS_MAX = 30, /* of a set of lblcr, which the kernel does not bound */
};

static inline uint32_t reference_address(uint32_t id)
{
	return 0x0a010000 + id; /* 10.1.0.id, as where the kernel was watched */
}

struct reference;

struct reference *reference_new(uint16_t scheduler);
void reference_free(struct reference *reference);

void reference_add(struct reference *reference, uint32_t id, int32_t weight);
void reference_delete(struct reference *reference, uint32_t id);
void reference_edit(struct reference *reference, uint32_t id, int32_t weight);
/* ipvsadm -E: the state stays when the scheduler does. */
void reference_bind(struct reference *reference, uint16_t scheduler);

/* What the connections on a destination have come to. */
void reference_load(struct reference *reference, uint32_t id, uint32_t active, uint32_t inactive,
		    uint32_t overloaded);

/* The destination of a new connection, -1 for none. */
int64_t reference_pick(struct reference *reference, const struct arrival *arrival);

#endif
