/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Health checks of real servers, all on one event loop.
 *
 * An engine belongs to one uv loop and is used from its thread only; no check has a thread of its
 * own and nothing here blocks. A check is one way to ask one real server whether it serves. It is
 * made once from a plain description, started as often as its owner likes, one run at a time, and
 * costs some hundred bytes while it does not run. What is "up" and which defaults apply is
 * ldirectord's; doc/differences.md lists where not.
 *
 * Each started run ends with exactly one call of `done`, at the latest when its time is over, and
 * never from inside xlvs_check_start(); a run that was cancelled ends without. From inside `done`
 * every function below may be called, xlvs_check_free() of that very check included. */
#ifndef XLVS_MONITOR_CHECK_CHECK_H
#define XLVS_MONITOR_CHECK_CHECK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/error.h"
#include "monitor/check/list.h"

union xlvs_check_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* How the certificate of a TLS service is looked at. */
enum xlvs_check_verify {
	/* As ldirectord on Debian 12: the chain for https, imaps and pops, nothing for ldaps. */
	XLVS_VERIFY_DEFAULT,
	XLVS_VERIFY_NONE,
	XLVS_VERIFY_CHAIN, /* issued by somebody the system (or `ca_file`) trusts */
	XLVS_VERIFY_NAME, /* and for the virtual host, or the real server's address without one */
};

enum xlvs_check_outcome {
	XLVS_CHECK_IS_DOWN,
	XLVS_CHECK_IS_UP,
	/* This machine could not ask (no descriptors, no memory, no processes left): what was known
	 * of the server before is still the best guess. */
	XLVS_CHECK_IS_UNKNOWN,
};

struct xlvs_check_result {
	enum xlvs_check_outcome outcome;
	uint64_t latency_us; /* from start to answer */
	const char *text; /* one line, what the server said or what was wrong; until done returns */
};

/* Strings may be NULL, which is the same as empty. */
struct xlvs_check_spec {
	enum xlvs_check_kind kind;
	enum xlvs_check_service service; /* NEGOTIATE and COMBINED */
	unsigned int connects; /* COMBINED: how many connects after each negotiation that passed */
	int protocol; /* IPPROTO_TCP or IPPROTO_UDP; 0 for a firewall mark, checked as TCP */
	union xlvs_check_address real; /* with the port that is checked */
	union xlvs_check_address virtual_address; /* sa_family 0 for a firewall mark */
	uint32_t fwmark;
	uint16_t real_port; /* the configured one, which external commands are told */
	/* Of the sockets by which the real server is asked (SO_MARK); 0: none. A ping and commands
	 * have no use for it. */
	uint32_t mark;
	unsigned int check_timeout_ms; /* CONNECT, PING (each attempt), EXTERNAL* */
	unsigned int negotiate_timeout_ms; /* NEGOTIATE */
	unsigned int ping_attempts; /* 0 is 1 */
	bool head; /* HTTP: HEAD instead of GET */
	enum xlvs_check_verify verify;
	const char *ca_file; /* PEM; NULL: the system's */
	const char *virtualhost, *request, *receive;
	const char *login, *password, *database, *secret;
	const char *command; /* EXTERNAL*, and the service oracle */
	void (*done)(void *context, const struct xlvs_check_result *result);
	void *context;
};

struct xlvs_check_engine;
struct xlvs_check;

/* 0 or -ENOMEM. The loop outlives the engine. */
int xlvs_check_engine_new(uv_loop_t *loop, struct xlvs_check_engine **ret_engine);
/* Every check was freed before. The engine closes what it has on the loop and frees itself while
 * the loop runs: run it until it has nothing left, then uv_loop_close() it. */
void xlvs_check_engine_free(struct xlvs_check_engine *engine);

/* The description is copied. Refused, with a sentence in *reterr: -EILSEQ (`receive` is no regular
 * expression), -EINVAL (a request a service cannot do without, ...); -ENOMEM. */
int xlvs_check_new(struct xlvs_check_engine *engine, const struct xlvs_check_spec *spec,
		   struct xlvs_error *reterr, struct xlvs_check **ret_check);
/* Cancels first. NULL is fine. */
void xlvs_check_free(struct xlvs_check *check);

/* 0; -EBUSY while a run is going on; -ENOMEM. Whatever else goes wrong is a result. */
int xlvs_check_start(struct xlvs_check *check);
/* End the run, if there is one, without calling `done`. */
void xlvs_check_cancel(struct xlvs_check *check);
bool xlvs_check_running(const struct xlvs_check *check);

/* The service of this name or with this usual port, XLVS_CHECK_SERVICES_END without one. */
enum xlvs_check_service xlvs_check_service_named(const char *name);
enum xlvs_check_service xlvs_check_service_at(uint16_t port);
const char *xlvs_check_service_name(enum xlvs_check_service service);
/* 0 for services without a usual port. */
uint16_t xlvs_check_service_port(enum xlvs_check_service service);

#endif
