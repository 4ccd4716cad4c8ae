/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When each check is run.
 *
 * Servers that would be asked the same question share one probe. A probe's checks begin one
 * checkinterval apart, less up to a twentieth by chance so that they do not fall into step; a check
 * that takes longer does not delay the next ones of a server that is up, so that failurecount of
 * them fail within checkinterval x failurecount + time limit. A result that is older than a passed
 * one is dropped. */
#ifndef XLVS_MONITOR_PROBER_H
#define XLVS_MONITOR_PROBER_H

#include "monitor/check/check.h"
#include "monitor/config.h"
#include "monitor/machine.h"

#include <uv.h>

struct xlvs_prober;

/* How checks of a virtual service's own address (`checks_vip`) travel to servers of a forwarding
 * method: the way's index, see checkpath/checkpath.h. */
unsigned int xlvs_prober_way(size_t virtual_at, uint32_t method);

/* Prepare all checks of a configuration, which outlives the prober. Nothing runs yet. What a check
 * refuses is among the problems, at its server's place. 0, -EINVAL or -ENOMEM. */
int xlvs_prober_new(uv_loop_t *loop, struct xlvs_check_engine *engine,
		    const struct xlvs_ld_config *config, struct xlvs_ld_problems *problems,
		    struct xlvs_prober **ret_prober);

/* Begin; `tell` is called with every result. The machine has the same configuration; its servers
 * outlive the prober. */
void xlvs_prober_start(struct xlvs_prober *prober, const struct xlvs_services *services,
		       void (*tell)(void *context, struct xlvs_server *server,
				    const struct xlvs_check_result *result),
		       void *context);

/* Ends without further results; memory goes as the loop runs. NULL is allowed. */
void xlvs_prober_free(struct xlvs_prober *prober);

#endif
