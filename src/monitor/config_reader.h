/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the config_*.c files share while they read a configuration; of use to nobody else. */
#ifndef XLVS_MONITOR_CONFIG_READER_H
#define XLVS_MONITOR_CONFIG_READER_H

#include "monitor/config.h"

/* A piece of the current line. */
struct span {
	const char *start, *end;
};

/* A server's address as written, to be looked up when the protocol is known. */
struct xlvs_ld_named_server {
	struct span host, port; /* port empty: none written */
	uint32_t method;
};

/* The block that is being read. */
struct xlvs_ld_block {
	struct xlvs_ld_virtual service;
	bool is_faulty; /* its virtual= line means nothing: its lines are read all the same */
	struct span host, port;
	const char *line; /* of virtual= */
	struct xlvs_ld_real *reals;
	size_t n_reals, n_reals_room;
	bool has_fallback;
	struct xlvs_ld_named_server fallback;
	struct xlvs_ld_place fallback_place;
	bool has_ops, has_netmask, has_persistent;
	uint32_t netmask;
	struct xlvs_ld_place netmask_place, ops_place, target_place;
};

struct xlvs_ld_reader {
	const struct xlvs_ld_reading *reading;
	struct xlvs_ld_problems *problems;
	struct xlvs_ld_config *config;
	const char *line; /* the current one, not NUL-terminated */
	unsigned int line_number;
	struct xlvs_ld_block *block; /* NULL: global scope */
	/* The general fallbacks, IPv4 and IPv6, and which virtual services wait for them. */
	struct xlvs_ld_named_server fallbacks[2];
	struct xlvs_ld_place fallback_places[2];
	bool has_fallbacks[2];
	size_t n_virtuals_room, n_executes_room;
	bool out_of_memory;
};

/* Pieces of text. */
bool xlvs_ld_is_blank(char c);
struct span xlvs_ld_trim(struct span span);
bool xlvs_ld_equals(struct span span, const char *word);
bool xlvs_ld_is_empty(struct span span);
size_t xlvs_ld_length(struct span span);
/* Take the longest run of characters for which `fits` holds off the front of `rest`. */
struct span xlvs_ld_take(struct span *rest, bool (*fits)(char c));
/* Take the next word up to a blank, blanks before it skipped. */
struct span xlvs_ld_take_word(struct span *rest);
bool xlvs_ld_is_digit(char c);
bool xlvs_ld_is_host(char c);
bool xlvs_ld_is_port(char c);
bool xlvs_ld_is_address6(char c);

/* A copy that lives as long as the configuration; "" once memory has run out. */
const char *xlvs_ld_keep(struct xlvs_ld_reader *reader, struct span span);
const char *xlvs_ld_keep_format(struct xlvs_ld_reader *reader, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Room for one more entry of an array in the configuration's arena; NULL without memory. */
void *xlvs_ld_grow(struct xlvs_ld_reader *reader, void *array, size_t n, size_t *room,
		   size_t entry_bytes);

/* Problems of the current line, at a character of it. */
struct xlvs_ld_place xlvs_ld_place_of(const struct xlvs_ld_reader *reader, const char *at);
void xlvs_ld_error(struct xlvs_ld_reader *reader, const char *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void xlvs_ld_warn(struct xlvs_ld_reader *reader, const char *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Settings to which nothing was said. */
void xlvs_ld_settings_init(struct xlvs_ld_settings *settings);

/* One `name = value` line in the present scope. */
void xlvs_ld_read_directive(struct xlvs_ld_reader *reader, struct span name, struct span value);

/* The directives that have a reader of their own and stand in a block; `slot` as there is one. */
#define XLVS_LD_READER(name) \
	void xlvs_ld_read_##name(struct xlvs_ld_reader *reader, struct span value, void *slot)
XLVS_LD_READER(checktype);
XLVS_LD_READER(service);
XLVS_LD_READER(checkport);
XLVS_LD_READER(checktarget);
XLVS_LD_READER(tlsverify);
XLVS_LD_READER(httpmethod);
XLVS_LD_READER(virtualhost);
XLVS_LD_READER(load);
XLVS_LD_READER(scheduler);
XLVS_LD_READER(schedflags);
XLVS_LD_READER(persistent);
XLVS_LD_READER(netmask);
XLVS_LD_READER(protocol);
XLVS_LD_READER(ops);

/* The value of virtual= or virtual6=: opens a block. */
void xlvs_ld_open_virtual(struct xlvs_ld_reader *reader, struct span value, int family);
/* Looks up what its lines named and adds the service to the configuration. */
void xlvs_ld_close_virtual(struct xlvs_ld_reader *reader);

/* Refuse checks of the VIP where they cannot be made. */
void xlvs_ld_decide_target(struct xlvs_ld_reader *reader, const struct xlvs_ld_block *block);

/* The value of real= or real6= in the open block. */
void xlvs_ld_read_real(struct xlvs_ld_reader *reader, struct span value);
/* The value of fallback= or fallback6=: true when it was understood. */
bool xlvs_ld_read_fallback(struct xlvs_ld_reader *reader, struct span value, int family,
			   struct xlvs_ld_named_server *ret_server);
/* Look its names up for a virtual service: NULL when that fails, which is then among the problems.
 * The port is the service's where none is written. */
struct xlvs_ld_real *xlvs_ld_resolve_fallback(struct xlvs_ld_reader *reader,
					      const struct xlvs_ld_named_server *server,
					      struct xlvs_ld_place place,
					      const struct xlvs_ld_virtual *service);
/* Sets `host`, `name` and `key` of a server from its address and `port`. */
void xlvs_ld_name_real(struct xlvs_ld_reader *reader, const struct xlvs_ld_virtual *service,
		       struct xlvs_ld_real *real);
/* IPv4 dotted, IPv6 in brackets. */
const char *xlvs_ld_address_text(struct xlvs_ld_reader *reader, int family,
				 const struct xlvs_address *address);

/* Decide what was left open, once the whole file is read. */
void xlvs_ld_finish(struct xlvs_ld_reader *reader);

#endif
