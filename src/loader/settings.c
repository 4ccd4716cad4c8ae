// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "abi/limits.h"
#include "abi/reason.h"
#include "base/cleanup.h"
#include "model/spec.h"

enum {
	CONNS_MAX = 1 << 30, /* the packet path has no more bits for an index */
	CONNECTIONS_MAX = CONNS_MAX / 8 * 3,
	TICKS_PER_SEC_MAX = 250, /* 31 days of them fit in 31 bits */
	SWEEP_PERIOD_US = 4000,
	UNPRIVILEGED_PORT = 1024, /* the kernel's own */
	OWN_PORTS_FIRST = 32768, /* as well */
	OWN_PORTS_LAST = 60999,
	/* A turn in well under a second: a timer comes late, and its own work takes time too. */
	SWEEP_STEPS = 200,
};

static const uint32_t tcp_timeouts_sec[XLVS_TCP_STATES] = {
	[XLVS_TCP_NONE] = 2,	  [XLVS_TCP_ESTABLISHED] = 900, [XLVS_TCP_SYN_SENT] = 120,
	[XLVS_TCP_SYN_RECV] = 60, [XLVS_TCP_FIN_WAIT] = 120,	[XLVS_TCP_TIME_WAIT] = 120,
	[XLVS_TCP_CLOSE] = 10,	  [XLVS_TCP_CLOSE_WAIT] = 60,	[XLVS_TCP_LAST_ACK] = 30,
	[XLVS_TCP_LISTEN] = 120,  [XLVS_TCP_SYNACK] = 120,
};

static const uint32_t sctp_timeouts_sec[XLVS_SCTP_STATES] = {
	[XLVS_SCTP_NONE] = 2,
	[XLVS_SCTP_INIT1] = 4,
	[XLVS_SCTP_INIT] = 61,
	[XLVS_SCTP_COOKIE_SENT] = 61,
	[XLVS_SCTP_COOKIE_REPLIED] = 61,
	[XLVS_SCTP_COOKIE_WAIT] = 61,
	[XLVS_SCTP_COOKIE] = 61,
	[XLVS_SCTP_COOKIE_ECHOED] = 61,
	[XLVS_SCTP_ESTABLISHED] = 900,
	[XLVS_SCTP_SHUTDOWN_SENT] = 61,
	[XLVS_SCTP_SHUTDOWN_RECEIVED] = 61,
	[XLVS_SCTP_SHUTDOWN_ACK_SENT] = 61,
	[XLVS_SCTP_REJECTED] = 4,
	[XLVS_SCTP_CLOSED] = 61,
};

static const uint32_t udp_timeout_sec = 300;

static const int32_t initial[XLVS_SETTINGS_END] = {
#define INITIAL(name, initial, least, most) initial,
	XLVS_SETTINGS(INITIAL)
#undef INITIAL
};

int xlvs_settings_sizes(uint64_t connections, uint32_t n_cpus, struct xlvs_sizes *ret_sizes,
			struct xlvs_error *reterr)
{
	uint32_t conns;

	if (connections < 1 || connections > CONNECTIONS_MAX)
		return xlvs_refuse(
			reterr, -EINVAL,
			"a connection table has room for 1 to %d connections, not %" PRIu64,
			CONNECTIONS_MAX, connections);
	if (n_cpus > XLVS_CPUS_MAX)
		return xlvs_refuse(reterr, -EOPNOTSUPP, "%u CPUs: at most %d are supported", n_cpus,
				   XLVS_CPUS_MAX);

	/* Two records each, three quarters full. */
	conns = (uint32_t)((connections * 8 + 2) / 3);
	conns = (conns + XLVS_CONN_GROUP - 1) / XLVS_CONN_GROUP * XLVS_CONN_GROUP;
	*ret_sizes = (struct xlvs_sizes){
		.conns = conns,
		.traffic = n_cpus * XLVS_DESTS_MAX,
		.reasons = n_cpus * XLVS_REASONS_MAX,
	};
	return 0;
}

/* The coarse clocks advance once a jiffy, and say so. */
static uint32_t jiffies_per_sec(void)
{
	struct timespec jiffy;

	clock_getres(CLOCK_MONOTONIC_COARSE, &jiffy);
	return (uint32_t)((1000000000 + jiffy.tv_nsec / 2) / jiffy.tv_nsec);
}

int xlvs_settings_constants(uint32_t n_conns, struct xlvs_constants *ret_constants)
{
	struct xlvs_constants constants = {
		.conn_groups = n_conns / XLVS_CONN_GROUP,
		.ticks_per_sec = jiffies_per_sec(),
	};

	if (getrandom(constants.seed, sizeof(constants.seed), 0) != sizeof(constants.seed))
		return -EIO;
	for (; constants.ticks_per_sec > TICKS_PER_SEC_MAX; constants.tick_shift++)
		constants.ticks_per_sec /= 2;
	*ret_constants = constants;
	return 0;
}

uint32_t xlvs_settings_unprivileged_port(void)
{
	XLVS_AUTO_FCLOSE FILE *file = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");
	unsigned int port = UNPRIVILEGED_PORT;

	if (file && fscanf(file, "%u", &port) != 1)
		port = UNPRIVILEGED_PORT;
	return port;
}

void xlvs_settings_own_ports(uint32_t *ret_first, uint32_t *ret_last)
{
	XLVS_AUTO_FCLOSE FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	unsigned int first, last;

	if (!file || fscanf(file, "%u %u", &first, &last) != 2) {
		first = OWN_PORTS_FIRST;
		last = OWN_PORTS_LAST;
	}
	*ret_first = first;
	*ret_last = last;
}

__be32 xlvs_settings_tunnel_df(int32_t pmtu_disc)
{
	return pmtu_disc ? htonl(IP_DF) : 0;
}

uint32_t xlvs_settings_ticks(const struct xlvs_constants *constants, uint32_t seconds)
{
	return seconds * constants->ticks_per_sec;
}

void xlvs_settings_runtime(const struct xlvs_constants *constants, struct xlvs_runtime *runtime)
{
	uint32_t n_conns = constants->conn_groups * XLVS_CONN_GROUP;

	runtime->constants = *constants;
	runtime->conn_limit = n_conns / 4 * 3;
	runtime->unproven_limit = runtime->conn_limit / 2;
	runtime->sweep_records = (n_conns + SWEEP_STEPS - 1) / SWEEP_STEPS;
	runtime->sweep_period_us = SWEEP_PERIOD_US;
	for (int i = 0; i < XLVS_TCP_STATES; i++)
		runtime->timeout_ticks[XLVS_TIMEOUT_TCP + i] =
			xlvs_settings_ticks(constants, tcp_timeouts_sec[i]);
	for (int i = 0; i < XLVS_SCTP_STATES; i++)
		runtime->timeout_ticks[XLVS_TIMEOUT_SCTP + i] =
			xlvs_settings_ticks(constants, sctp_timeouts_sec[i]);
	runtime->timeout_ticks[XLVS_TIMEOUT_UDP] = xlvs_settings_ticks(constants, udp_timeout_sec);
	runtime->timeout_ticks[XLVS_TIMEOUT_LBLC] =
		xlvs_settings_ticks(constants, initial[XLVS_SETTING_lblc_expiration]);
	runtime->timeout_ticks[XLVS_TIMEOUT_LBLCR] =
		xlvs_settings_ticks(constants, initial[XLVS_SETTING_lblcr_expiration]);
	memcpy(runtime->settings, initial, sizeof(initial));
	runtime->tunnel_df = xlvs_settings_tunnel_df(initial[XLVS_SETTING_pmtu_disc]);
}

void xlvs_settings_timeouts(const struct xlvs_runtime *runtime, struct xlvs_timeouts *ret_timeouts)
{
	const uint32_t *ticks = runtime->timeout_ticks;
	uint32_t per_sec = runtime->constants.ticks_per_sec;

	*ret_timeouts = (struct xlvs_timeouts){
		.tcp_sec = ticks[XLVS_TIMEOUT_TCP + XLVS_TCP_ESTABLISHED] / per_sec,
		.tcp_fin_sec = ticks[XLVS_TIMEOUT_TCP + XLVS_TCP_FIN_WAIT] / per_sec,
		.udp_sec = ticks[XLVS_TIMEOUT_UDP] / per_sec,
	};
}
