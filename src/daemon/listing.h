/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services and destinations as they are listed: configuration, counters and rates. A listing of
 * any length is sent in portions, between which the configuration may change. */
#ifndef XLVS_DAEMON_LISTING_H
#define XLVS_DAEMON_LISTING_H

#include "control/reply.h"
#include "daemon/director.h"

/* The answer to GET_SERVICE for one of them. */
int xlvs_listing_service(const struct xlvs_director *director,
			 const struct xlvs_model_service *service, struct xlvs_reply *reply);

/* All services; -ENOMEM. */
int xlvs_listing_services(const struct xlvs_director *director, struct xlvs_reply *reply);

/* The destinations a service has now, without those that are deleted meanwhile; -ENOMEM. */
int xlvs_listing_dests(const struct xlvs_director *director,
		       const struct xlvs_model_service *service, struct xlvs_reply *reply);

#endif
