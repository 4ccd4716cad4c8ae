/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an ldirectord.cf says, as plain data, and the reading of it.
 *
 * Reading is pure: text in, data and problems out; names are looked up through the caller's
 * resolver. A configuration is whole or not there at all: whoever holds one may apply all of it.
 * Nothing changes it after reading. Grammar and defaults are those of ldirectord 4.12, the program,
 * not its manual; what is read differently on purpose is listed in doc/differences.md and is read
 * as there when `original` is asked for. */
#ifndef XLVS_MONITOR_CONFIG_H
#define XLVS_MONITOR_CONFIG_H

#include "base/arena.h"
#include "model/spec.h"
#include "monitor/check/list.h"

#include <stdbool.h>
#include <stddef.h>

/* A line and a column of the file, both counted from 1; 0: of no certain line. */
struct xlvs_ld_place {
	unsigned int line, column;
};

/* Bits of the daemon's own condition, by which e-mail is filtered (emailalertstatus). */
enum xlvs_ld_condition {
	XLVS_LD_STARTING = 0x1,
	XLVS_LD_RUNNING = 0x2,
	XLVS_LD_STOPPING = 0x4,
	XLVS_LD_RELOADING = 0x8,
	XLVS_LD_ALWAYS = 0xf,
};

/* How a real server is checked. */
enum xlvs_ld_checktype {
	XLVS_LD_NEGOTIATE,
	XLVS_LD_CONNECT,
	XLVS_LD_COMBINED, /* one negotiate, then `connects` connects, again and again */
	XLVS_LD_PING,
	XLVS_LD_EXTERNAL,
	XLVS_LD_EXTERNAL_PERL,
	XLVS_LD_ON,
	XLVS_LD_OFF,
};

/* How much of a TLS server's certificate must be right. */
enum xlvs_ld_tlsverify {
	XLVS_LD_TLS_DEFAULT, /* what ldirectord does for the service: see check/check.h */
	XLVS_LD_TLS_CHAIN, /* signed by an authority the director trusts */
	XLVS_LD_TLS_HOST, /* and made out to the virtual host */
	XLVS_LD_TLS_NONE,
};

/* What may be said for all virtual services and for one. While reading, -1 and NULL mean that it
 * was not said; in a virtual service of a finished configuration everything is decided, and only
 * texts may be NULL. */
struct xlvs_ld_settings {
	int checktimeout_sec, negotiatetimeout_sec, checkinterval_sec;
	int checkcount; /* attempts of a ping */
	int failurecount, risecount; /* results in a row that take a server down, up */
	int slowstart_sec; /* a server that came back has its full weight after so long */
	int quiescent, cleanstop; /* 0 or 1 */
	int emailalertfreq_sec; /* 0: no repetition */
	int emailalertstatus; /* enum xlvs_ld_condition, ored */
	const char *fallbackcommand, *emailalert, *smtp;
};

/* One real server of one virtual service, or a fallback. */
struct xlvs_ld_real {
	struct xlvs_dest_key key; /* where packets are forwarded to */
	uint16_t port; /* as written, 0 if it was not: what checks ask for */
	uint32_t method; /* enum xlvs_method */
	int32_t weight;
	uint32_t upper_threshold, lower_threshold;
	const char *host; /* the address as text, IPv6 in brackets */
	const char *name; /* HOST:PORT, the port being `port` */
	const char *request, *receive; /* its own pair, or both NULL */
	struct xlvs_ld_place place;
};

struct xlvs_ld_virtual {
	struct xlvs_service_spec spec;
	bool by_mark;
	const char *host; /* the address as text, IPv6 in brackets; NULL for a mark */
	uint16_t port; /* 0 for a mark */
	const char *name; /* HOST:PORT, or the mark's number */
	const char *id; /* PROTOCOL:NAME, unique in a configuration */
	const char *protocol; /* tcp, udp or fwm */
	struct xlvs_ld_settings settings;

	enum xlvs_ld_checktype checktype;
	unsigned int connects; /* of a combined check; 0: negotiate always */
	enum xlvs_check_service service;
	const char *checkcommand;
	uint16_t checkport; /* 0: see xlvs_ld_check_port() */
	bool checks_vip; /* on each server, as packets are forwarded there; else its own address */
	enum xlvs_ld_tlsverify tlsverify;
	const char *tlscafile; /* NULL: the system's */
	const char *request, *receive;
	bool http_head;
	const char *virtualhost; /* NULL: the real server's address */
	const char *login, *passwd, *database, *secret;
	const char *monitorfile, *servicename, *comment; /* may be NULL */

	const struct xlvs_ld_real *reals;
	size_t n_reals;
	const struct xlvs_ld_real *fallback; /* its own or the general one; NULL: none */
	struct xlvs_ld_place place, receive_place, checkcommand_place, monitorfile_place;
};

struct xlvs_ld_config {
	struct xlvs_arena arena;
	struct xlvs_ld_settings settings;
	struct xlvs_ld_virtual *virtuals;
	size_t n_virtuals;
	const char **executes; /* other configurations to be started along */
	size_t n_executes;
	const char *callback, *logfile, *emailalertfrom,
		*maintenancedir; /* may be NULL but logfile */
	struct xlvs_ld_place logfile_place, maintenancedir_place;
	int autoreload, fork, supervised, readdquiescent; /* 0 or 1 */
};

/* Names into numbers: 0, or negative when the name means nothing. Called while reading. */
struct xlvs_ld_resolver {
	/* The first address of a host in a family (AF_INET, AF_INET6). */
	int (*address)(const char *name, int family, struct xlvs_address *ret_address);
	/* The port of a service; protocol NULL: of any. */
	int (*port)(const char *name, const char *protocol, uint16_t *ret_port);
};

/* Looks up as the system does; blocks while it asks. */
extern const struct xlvs_ld_resolver xlvs_ld_system_resolver;

struct xlvs_ld_problem {
	struct xlvs_ld_place place;
	bool is_error; /* else a warning */
	char *text;
};

/* In the order of the file. All zero is an empty list. */
struct xlvs_ld_problems {
	struct xlvs_ld_problem *list;
	size_t n, n_errors;
};

/* How to read. */
struct xlvs_ld_reading {
	const struct xlvs_ld_resolver *resolver;
	const char *hostname; /* for the login names ftp and sip checks use by themselves */
	bool original; /* as the original reads, quirks included */
	/* May be NULL. Looks at all that was understood, whatever else was not, and adds the
	 * problems that reading alone cannot see. */
	void (*look)(const struct xlvs_ld_config *config, struct xlvs_ld_problems *problems);
};

void xlvs_ld_problems_free(struct xlvs_ld_problems *problems);

/* Add one, unless it is there already; without memory, only the counts change. */
void xlvs_ld_problem_add(struct xlvs_ld_problems *problems, bool is_error,
			 struct xlvs_ld_place place, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Read a whole file's text. Everything that is wrong with it is appended to `problems`.
 *
 * 0        *ret_config is whole (there may be warnings); free it with xlvs_ld_config_free()
 * -EINVAL  there are errors
 * -ENOMEM */
int xlvs_ld_config_read(const char *text, size_t bytes, const struct xlvs_ld_reading *reading,
			struct xlvs_ld_problems *problems, struct xlvs_ld_config **ret_config);

/* NULL is allowed. */
void xlvs_ld_config_free(struct xlvs_ld_config *config);

/* The port a check of the real server asks for: checkport, else the real server's own, else that of
 * the service; 0 when there is none. */
uint16_t xlvs_ld_check_port(const struct xlvs_ld_virtual *service, const struct xlvs_ld_real *real);

/* By name or usual port, XLVS_CHECK_SERVICES_END or `none` where there is none; the port usual for
 * a service, 0 if none is. */
enum xlvs_check_service xlvs_ld_service_named(const char *name);
enum xlvs_check_service xlvs_ld_service_of_port(uint16_t port);
uint16_t xlvs_ld_port_of_service(enum xlvs_check_service service);
const char *xlvs_ld_service_name(enum xlvs_check_service service);

/* negotiate, connect, ... */
const char *xlvs_ld_checktype_name(enum xlvs_ld_checktype checktype);
/* gate, masq or ipip */
const char *xlvs_ld_method_name(uint32_t method);

/* The configuration in words, with everything decided: a text the caller frees, NULL without
 * memory. */
char *xlvs_ld_config_explain(const struct xlvs_ld_config *config);

#endif
