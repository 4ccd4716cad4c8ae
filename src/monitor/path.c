// SPDX-License-Identifier: GPL-2.0-or-later
/* How checks of a VIP on its real servers reach them (checktarget = virtual). */
#include "monitor/daemon_inside.h"

#include <errno.h>
#include <string.h>

#define VIRTUALS_MAX (XLVS_CHECK_WAYS_MAX / 2)

static bool is_wanted(const struct xlvs_ld_config *config)
{
	for (size_t i = 0; i < config->n_virtuals; i++)
		if (config->virtuals[i].checks_vip)
			return true;
	return false;
}

int xlvs_ld_prepare_path(struct xlvs_ld_monitor *monitor, const struct xlvs_ld_config *config,
			 struct xlvs_error *reterr)
{
	int r = 0;

	if (!is_wanted(config))
		return 0;
	if (config->n_virtuals > VIRTUALS_MAX)
		return xlvs_refuse(reterr, -E2BIG,
				   "checktarget = virtual is possible with up to %d virtual "
				   "services",
				   VIRTUALS_MAX);
	if (!monitor->path)
		r = xlvs_checkpath_open(&monitor->path, reterr);
	return r < 0 ? r : xlvs_checkpath_attach(monitor->path, reterr);
}

void xlvs_ld_set_path(struct xlvs_ld_monitor *monitor)
{
	const struct xlvs_ld_config *config = monitor->loaded.config;

	for (size_t i = 0; monitor->path && i < config->n_virtuals; i++) {
		const struct xlvs_service_key *key = &config->virtuals[i].spec.key;
		struct xlvs_check_way way = {};

		memcpy(way.vip, &key->address, sizeof(way.vip));
		xlvs_checkpath_set(monitor->path, xlvs_prober_way(i, XLVS_METHOD_DR), &way);
		way.tunnel = 1;
		xlvs_checkpath_set(monitor->path, xlvs_prober_way(i, XLVS_METHOD_TUN), &way);
	}
}
