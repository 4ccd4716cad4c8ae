/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From results of checks to the director's table: which real servers are up, what the table should
 * hold because of it, and the requests that bring it there.
 *
 * The machine does no I/O and knows no clock: it is told the time, results, the table and the
 * director's answers, and speaks through `struct xlvs_machine_hooks`. States are ldirectord's, with
 * these differences: a server is added when its first check has passed, never before; a request
 * that was refused is tried again; a reload keeps what is known of a server. What an administrator
 * changes in the table by hand stays until the server's state changes, or a reload.
 *
 * Invariant: for every server the machine remembers what the table holds (`believed`) and what it
 * should hold (`wanted`); a request is made only where these differ. */
#ifndef XLVS_MONITOR_MACHINE_H
#define XLVS_MONITOR_MACHINE_H

#include "base/error.h"
#include "control/request.h"
#include "monitor/config.h"

#include <sys/queue.h>

#define XLVS_RESULT_TEXT_BYTES 160

struct xlvs_machine;
struct xlvs_service;

/* What a table holds of one destination, or should. */
struct xlvs_holding {
	bool present;
	uint32_t method;
	int32_t weight;
	uint32_t upper_threshold, lower_threshold;
};

enum xlvs_slot_kind {
	XLVS_SLOT_SERVICE, /* a virtual service itself */
	XLVS_SLOT_REAL,
	XLVS_SLOT_FALLBACK,
	XLVS_SLOT_STRAY, /* a destination nobody configured */
};

enum xlvs_slot_place {
	XLVS_PLACE_NONE, /* nothing to ask for, or not yet */
	XLVS_PLACE_WAITING, /* to be asked for */
	XLVS_PLACE_UNDER_WAY,
	XLVS_PLACE_REFUSED, /* to be asked for again at `retry_ms` */
};

/* One line of the director's table. */
struct xlvs_slot {
	TAILQ_ENTRY(xlvs_slot) link; /* in the queue that `place` names */
	struct xlvs_service *service;
	enum xlvs_slot_kind kind;
	enum xlvs_slot_place place;
	bool quiet; /* a step of a slow start: not worth a line in the log */
	struct xlvs_dest_key key;
	const char *name;
	struct xlvs_holding believed, wanted, asked;
	uint8_t command; /* what is under way: IPVS_CMD_* */
	/* After a refusal: its sentence, and when to try again. */
	unsigned int n_refusals;
	uint64_t retry_ms;
	char refusal[128];
};

/* One real server of one virtual service. */
struct xlvs_server {
	struct xlvs_slot slot; /* first */
	const struct xlvs_ld_real *real;
	bool up; /* serves as far as is known */
	bool decided; /* by a check, or by its absence */
	bool adopted; /* found serving in the table, not checked yet */
	bool maintenance;
	int failures, passes; /* in a row, up to the count that changes the state */
	uint64_t since_ms; /* of the state; wall clock */
	uint64_t slow_start_ms; /* when its weight began to grow; 0: it does not */
	uint64_t mail_ms; /* when the last mail told that it is down; 0: nothing to repeat */
	/* The last result. */
	bool has_result, last_up;
	uint64_t result_ms; /* wall clock */
	uint64_t latency_us;
	char text[XLVS_RESULT_TEXT_BYTES];
};

struct xlvs_service {
	TAILQ_ENTRY(xlvs_service) link;
	struct xlvs_slot slot;
	const struct xlvs_ld_virtual *conf; /* NULL: is to leave the table */
	char name[80]; /* stays when the configuration has gone */
	struct xlvs_service_spec spec;
	struct xlvs_service_spec listed; /* what the table holds, when it holds the service */
	struct xlvs_server *servers;
	size_t n_servers, n_up;
	struct xlvs_slot *fallback; /* NULL: none */
	uint64_t settle_ms; /* until then servers may still be found up: no fallback */
	int fallback_told; /* the last fallbackcommand: 1 start, -1 stop, 0 none */
};

TAILQ_HEAD(xlvs_services, xlvs_service);

struct xlvs_machine_hooks {
	void *context;
	void (*log)(void *context, const char *text);
	/* Send by e-mail; the machine has looked at the service's settings. */
	void (*mail)(void *context, const struct xlvs_ld_virtual *service, const char *subject);
	/* Run by the shell, not waited for. */
	void (*run)(void *context, const char *command);
	/* One request to the director; its answer is told by xlvs_machine_answer(), in the order of
	 * sending. -EAGAIN: not now, -ENOTCONN: there is no connection. */
	int (*send)(void *context, const struct xlvs_request *request);
};

/* One virtual service of the director's table. */
struct xlvs_listed_service {
	struct xlvs_service_spec spec;
	struct xlvs_dest_spec *dests;
	size_t n_dests;
};

struct xlvs_time {
	uint64_t now_ms; /* of a clock that only goes on */
	uint64_t wall_ms; /* since 1970 */
};

struct xlvs_outcome {
	bool up;
	uint64_t latency_us;
	const char *text;
};

int xlvs_machine_new(const struct xlvs_machine_hooks *hooks, struct xlvs_machine **ret_machine);
void xlvs_machine_free(struct xlvs_machine *machine);

/* Take over a configuration, the first or another; the caller keeps it alive until the next call
 * has returned. What is known of servers that stay is kept; services that go leave the table. The
 * table must be told next. -ENOMEM: the old one goes on. */
int xlvs_machine_configure(struct xlvs_machine *machine, const struct xlvs_ld_config *config,
			   struct xlvs_time time);

enum xlvs_adopt {
	XLVS_ADOPT_ALL, /* after configure: the table is brought to what the file says */
	XLVS_ADOPT_REPAIR, /* after a lost connection: what is missing comes back, no more */
};

/* The director's table, read just now. The array is sorted in passing. */
int xlvs_machine_adopt(struct xlvs_machine *machine, struct xlvs_listed_service *listed, size_t n,
		       enum xlvs_adopt how, struct xlvs_time time);

/* A check of the server ended. */
void xlvs_machine_result(struct xlvs_machine *machine, struct xlvs_server *server,
			 const struct xlvs_outcome *outcome, struct xlvs_time time);

/* A maintenance file for the server has appeared or gone. */
void xlvs_machine_maintain(struct xlvs_machine *machine, struct xlvs_server *server, bool on,
			   struct xlvs_time time);

/* Whatever time brings: call it once a second. */
void xlvs_machine_tick(struct xlvs_machine *machine, struct xlvs_time time);

/* Send what differs, as long as the director takes it. Call it after the calls above. */
void xlvs_machine_pump(struct xlvs_machine *machine, struct xlvs_time time);

/* The answer to the oldest request: 0 or the director's negative errno and its sentence. */
void xlvs_machine_answer(struct xlvs_machine *machine, int code, const char *sentence,
			 struct xlvs_time time);

/* The connection is gone, answers will not come. xlvs_machine_adopt() goes on from there. */
void xlvs_machine_lost(struct xlvs_machine *machine);

/* The daemon ends: services with cleanstop leave the table. */
void xlvs_machine_stop(struct xlvs_machine *machine, struct xlvs_time time);

/* Nothing differs and nothing is under way, but for what was refused. */
bool xlvs_machine_is_idle(const struct xlvs_machine *machine);

enum xlvs_ld_condition xlvs_machine_condition(const struct xlvs_machine *machine);
const struct xlvs_services *xlvs_machine_services(const struct xlvs_machine *machine);

/* up, down, maintenance, off, or unchecked. */
const char *xlvs_server_state(const struct xlvs_server *server);

#endif
