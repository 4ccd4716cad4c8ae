/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes, constants and first settings of a packet path that is loaded afresh. */
#ifndef XLVS_LOADER_SETTINGS_H
#define XLVS_LOADER_SETTINGS_H

#include <stdint.h>

#include "abi/config.h"
#include "base/error.h"

struct xlvs_timeouts;

struct xlvs_sizes {
	uint32_t conns; /* records; each two-way connection takes two */
	uint32_t traffic; /* elements: one row a CPU */
	uint32_t reasons;
};

/* -EINVAL when the connection table cannot be that large or small, -EOPNOTSUPP with more CPUs than
 * the packet path counts for. */
int xlvs_settings_sizes(uint64_t connections, uint32_t n_cpus, struct xlvs_sizes *ret_sizes,
			struct xlvs_error *reterr);

/* Fresh secrets, and the kernel's clock as it is here. -EIO without random numbers. */
int xlvs_settings_constants(uint32_t n_conns, struct xlvs_constants *ret_constants);

/* The settings a director starts with. */
void xlvs_settings_runtime(const struct xlvs_constants *constants, struct xlvs_runtime *runtime);

/* net.ipv4.ip_unprivileged_port_start of this network namespace. */
uint32_t xlvs_settings_unprivileged_port(void);
/* net.ipv4.ip_local_port_range, as it is now. */
void xlvs_settings_own_ports(uint32_t *ret_first, uint32_t *ret_last);

/* What the setting pmtu_disc makes of tunnel_df. */
__be32 xlvs_settings_tunnel_df(int32_t pmtu_disc);

uint32_t xlvs_settings_ticks(const struct xlvs_constants *constants, uint32_t seconds);
void xlvs_settings_timeouts(const struct xlvs_runtime *runtime, struct xlvs_timeouts *ret_timeouts);

#endif
