/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The settings net.ipv4.vs.*: changing and showing them, and IPVS's look at the machine's memory,
 * which switches the automatic defences. */
#ifndef XLVS_DAEMON_SYSCTL_H
#define XLVS_DAEMON_SYSCTL_H

#include "daemon/director.h"

enum xlvs_sysctl_period {
	XLVS_DEFENCE_PERIOD_MS = 1000,
};

/* The errors of xlvs_model_set_setting(). */
int xlvs_sysctl_set(struct xlvs_director *director, const struct xlvs_request *request,
		    struct xlvs_error *reterr);

/* The answer to GET_SETTINGS: an object of names and values; the caller frees it. -ENOMEM. */
int xlvs_sysctl_document(const struct xlvs_model *model, char **ret_document);

/* To be called every XLVS_DEFENCE_PERIOD_MS. */
int xlvs_sysctl_defend(struct xlvs_director *director, struct xlvs_error *reterr);

#endif
