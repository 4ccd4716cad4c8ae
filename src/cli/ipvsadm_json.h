/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ipvsadm --json: what the listings tell, as JSON objects on one line each, without newline. Their
 * names are ABI. Nothing is left out or cut, whatever the other options are. */
#ifndef XLVS_CLI_IPVSADM_JSON_H
#define XLVS_CLI_IPVSADM_JSON_H

#include "control/info.h"

#include <stdio.h>

/* A service, up to and with the opening bracket of its array of destinations, and the end of both.
 * Destinations stand between, with commas. */
void xlvs_ipvsadm_json_service(FILE *out, const struct xlvs_service_info *service);
void xlvs_ipvsadm_json_dest(FILE *out, const struct xlvs_dest_info *dest);
void xlvs_ipvsadm_json_service_end(FILE *out);

void xlvs_ipvsadm_json_sync(FILE *out, const struct xlvs_sync_spec *sync);
void xlvs_ipvsadm_json_timeouts(FILE *out, const struct xlvs_timeouts *timeouts);

#endif
