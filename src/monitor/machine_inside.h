/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the machine*.c files share; of use to nobody else. */
#ifndef XLVS_MONITOR_MACHINE_INSIDE_H
#define XLVS_MONITOR_MACHINE_INSIDE_H

#include "monitor/machine.h"

TAILQ_HEAD(xlvs_slots, xlvs_slot);

struct xlvs_machine {
	struct xlvs_machine_hooks hooks;
	const struct xlvs_ld_config *config;
	struct xlvs_services services;
	struct xlvs_slots places[4]; /* by enum xlvs_slot_place, each in the order of coming */
	enum xlvs_ld_condition condition;
};

/* machine_state.c */

/* Bring the slot's `wanted` in line with the server's state. */
void xlvs_machine_want_server(struct xlvs_machine *machine, struct xlvs_server *server,
			      struct xlvs_time time);
/* Whether the fallback is wanted, and its command to be run. */
void xlvs_machine_want_fallback(struct xlvs_machine *machine, struct xlvs_service *service,
				struct xlvs_time time);
void xlvs_machine_set_up(struct xlvs_server *server, bool up, struct xlvs_time time);

/* machine_table.c */

bool xlvs_machine_differs(const struct xlvs_slot *slot);
/* Let the slot wait to be asked for if what it holds and should hold differ, else let it be. */
void xlvs_machine_touch(struct xlvs_machine *machine, struct xlvs_slot *slot);
void xlvs_machine_move(struct xlvs_machine *machine, struct xlvs_slot *slot,
		       enum xlvs_slot_place place);
/* Whom the director refused and whose time has come. */
void xlvs_machine_retry(struct xlvs_machine *machine, struct xlvs_time time);

/* machine.c */

void xlvs_machine_free_service(struct xlvs_machine *machine, struct xlvs_service *service);

/* machine_words.c */

void xlvs_machine_say(struct xlvs_machine *machine, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Log, and mail where that is wished for, that the request under way for the slot was done. */
void xlvs_machine_tell_done(struct xlvs_machine *machine, struct xlvs_slot *slot,
			    struct xlvs_time time);
void xlvs_machine_tell_refused(struct xlvs_machine *machine, const struct xlvs_slot *slot,
			       unsigned int retry_sec);
void xlvs_machine_mail(struct xlvs_machine *machine, const struct xlvs_ld_virtual *conf,
		       const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
