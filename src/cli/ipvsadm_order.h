/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The order in which ipvsadm lists and saves. */
#ifndef XLVS_CLI_IPVSADM_ORDER_H
#define XLVS_CLI_IPVSADM_ORDER_H

#include "control/info.h"

#include <stddef.h>

/* By mark, family, protocol, address and port; dests by address and port. Marks and the words of
 * addresses are compared by their wrapped difference, so that marks from 2^31 on come first. */
void xlvs_ipvsadm_sort_services(struct xlvs_service_info *services, size_t n);
void xlvs_ipvsadm_sort_dests(struct xlvs_dest_info *dests, size_t n);

#endif
