// SPDX-License-Identifier: GPL-2.0-or-later
#include "preload/legacy.h"

#include "base/cleanup.h"
#include "control/client.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* A service and one of its destinations, as they stand behind each other in an argument. */
struct pair {
	struct ip_vs_service_user service;
	struct ip_vs_dest_user dest;
};

static const struct option {
	int number;
	size_t bytes;
	uint8_t command;
	uint32_t given;
} options[] = {
	{IP_VS_SO_SET_ADD, sizeof(struct ip_vs_service_user), IPVS_CMD_NEW_SERVICE,
	 XLVS_GIVEN_SERVICE_KEY | XLVS_GIVEN_SERVICE_FULL},
	{IP_VS_SO_SET_EDIT, sizeof(struct ip_vs_service_user), IPVS_CMD_SET_SERVICE,
	 XLVS_GIVEN_SERVICE_KEY | XLVS_GIVEN_SERVICE_FULL},
	{IP_VS_SO_SET_DEL, sizeof(struct ip_vs_service_user), IPVS_CMD_DEL_SERVICE,
	 XLVS_GIVEN_SERVICE_KEY},
	{IP_VS_SO_SET_FLUSH, 0, IPVS_CMD_FLUSH, 0},
	{IP_VS_SO_SET_ADDDEST, sizeof(struct pair), IPVS_CMD_NEW_DEST,
	 XLVS_GIVEN_SERVICE_KEY | XLVS_GIVEN_DEST_KEY | XLVS_GIVEN_DEST_FULL},
	{IP_VS_SO_SET_DELDEST, sizeof(struct pair), IPVS_CMD_DEL_DEST,
	 XLVS_GIVEN_SERVICE_KEY | XLVS_GIVEN_DEST_KEY},
	{IP_VS_SO_SET_EDITDEST, sizeof(struct pair), IPVS_CMD_SET_DEST,
	 XLVS_GIVEN_SERVICE_KEY | XLVS_GIVEN_DEST_KEY | XLVS_GIVEN_DEST_FULL},
	{IP_VS_SO_SET_TIMEOUT, sizeof(struct ip_vs_timeout_user), IPVS_CMD_SET_CONFIG, 0},
	{IP_VS_SO_SET_STARTDAEMON, sizeof(struct ip_vs_daemon_user), IPVS_CMD_NEW_DAEMON,
	 XLVS_GIVEN_SYNC},
	{IP_VS_SO_SET_STOPDAEMON, sizeof(struct ip_vs_daemon_user), IPVS_CMD_DEL_DAEMON,
	 XLVS_GIVEN_SYNC},
	{IP_VS_SO_SET_ZERO, sizeof(struct ip_vs_service_user), IPVS_CMD_ZERO,
	 XLVS_GIVEN_SERVICE_KEY},
};

_Static_assert(XLVS_SCHEDULER_NAME_BYTES == IP_VS_SCHEDNAME_MAXLEN, "the same name in both");

static struct xlvs_address address4(__be32 address)
{
	struct xlvs_address wide = {{0}};

	memcpy(wide.bytes, &address, sizeof(address));
	return wide;
}

static __be32 narrow(const struct xlvs_address *address)
{
	__be32 narrow;

	memcpy(&narrow, address->bytes, sizeof(narrow));
	return narrow;
}

/* As over netlink, a mark is a TCP service without an address. */
static struct xlvs_service_key key_of(uint16_t protocol, __be32 address, __be16 port,
				      uint32_t fwmark)
{
	struct xlvs_service_key key = {.family = AF_INET, .protocol = IPPROTO_TCP};

	key.fwmark = fwmark;
	if (!fwmark) {
		key.protocol = protocol;
		key.address = address4(address);
		key.port = port;
	}
	return key;
}

static int take_service(const struct ip_vs_service_user *user, struct xlvs_request *request)
{
	size_t name_bytes = strnlen(user->sched_name, sizeof(user->sched_name));
	struct xlvs_service_spec *spec = &request->service;

	if (request->command == IPVS_CMD_ZERO && !user->fwmark && !user->addr && !user->port) {
		request->given = 0;
		return 0;
	}
	if (user->protocol != IPPROTO_TCP && user->protocol != IPPROTO_UDP &&
	    user->protocol != IPPROTO_SCTP)
		return -EFAULT;
	if (name_bytes == sizeof(user->sched_name))
		return -EINVAL;
	spec->key = key_of(user->protocol, user->addr, user->port, user->fwmark);
	if (request->given & XLVS_GIVEN_SERVICE_FULL) {
		memcpy(spec->scheduler, user->sched_name, name_bytes);
		spec->flags = user->flags & ~(unsigned int)XLVS_SERVICE_HASHED;
		spec->flags_mask = ~0U;
		spec->timeout_sec = user->timeout;
		spec->netmask = user->netmask;
	}
	return 0;
}

static void take_dest(const struct ip_vs_dest_user *user, struct xlvs_request *request)
{
	struct xlvs_dest_spec *spec = &request->dest;

	spec->key = (struct xlvs_dest_key){AF_INET, address4(user->addr), user->port};
	if (!(request->given & XLVS_GIVEN_DEST_FULL))
		return;
	spec->method = user->conn_flags & IP_VS_CONN_F_FWD_MASK;
	spec->weight = user->weight;
	spec->upper_threshold = user->u_threshold;
	spec->lower_threshold = user->l_threshold;
}

static int take_timeouts(const struct ip_vs_timeout_user *user, struct xlvs_request *request)
{
	if (user->tcp_timeout < 0 || user->tcp_fin_timeout < 0 || user->udp_timeout < 0)
		return -EINVAL;
	request->timeouts = (struct xlvs_timeouts){
		(uint32_t)user->tcp_timeout,
		(uint32_t)user->tcp_fin_timeout,
		(uint32_t)user->udp_timeout,
	};
	return 0;
}

static int take_sync(const struct ip_vs_daemon_user *user, struct xlvs_request *request)
{
	size_t length = strnlen(user->mcast_ifn, sizeof(user->mcast_ifn));

	request->sync.role = (uint32_t)user->state;
	if (request->command == IPVS_CMD_DEL_DAEMON)
		return 0;
	if (length == sizeof(user->mcast_ifn))
		return -EINVAL;
	memcpy(request->sync.interface, user->mcast_ifn, length);
	request->sync.sync_id = (uint32_t)user->syncid;
	return 0;
}

int xlvs_legacy_request(int option, const void *argument, size_t bytes,
			struct xlvs_request *ret_request)
{
	const struct option *found = NULL;
	union {
		struct pair pair;
		struct ip_vs_timeout_user timeouts;
		struct ip_vs_daemon_user sync;
	} user = {.pair = {.service = {0}}};
	struct xlvs_request request = {.family = XLVS_FAMILY_IPVS};
	int r = 0;

	for (size_t i = 0; !found && i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].number == option)
			found = &options[i];
	if (!found || bytes != found->bytes)
		return -EINVAL;
	if (bytes)
		memcpy(&user, argument, bytes);
	request.command = found->command;
	request.given = found->given;
	if (option == IP_VS_SO_SET_TIMEOUT)
		r = take_timeouts(&user.timeouts, &request);
	else if (found->given & XLVS_GIVEN_SYNC)
		r = take_sync(&user.sync, &request);
	else if (found->given)
		r = take_service(&user.pair.service, &request);
	if (found->given & XLVS_GIVEN_DEST_KEY)
		take_dest(&user.pair.dest, &request);
	if (r == 0)
		*ret_request = request;
	return r;
}

static void put_stats(struct ip_vs_stats_user *user, const struct xlvs_stats *stats)
{
	user->conns = (__u32)stats->total.conns;
	user->inpkts = (__u32)stats->total.in_packets;
	user->outpkts = (__u32)stats->total.out_packets;
	user->inbytes = stats->total.in_bytes;
	user->outbytes = stats->total.out_bytes;
	user->cps = (__u32)stats->conns_per_sec;
	user->inpps = (__u32)stats->in_packets_per_sec;
	user->outpps = (__u32)stats->out_packets_per_sec;
	user->inbps = (__u32)stats->in_bytes_per_sec;
	user->outbps = (__u32)stats->out_bytes_per_sec;
}

/* The IPv4 ones among a service's destinations, to their front. */
static int fetch_dests(struct xlvs_client *client, const struct xlvs_service_key *key,
		       struct xlvs_dest_info **ret_dests, size_t *ret_n)
{
	size_t n_all = 0, n = 0;
	int r;

	r = xlvs_client_ask_dests(client, key);
	if (r == 0)
		r = xlvs_client_take_dests(client, ret_dests, &n_all);
	for (size_t i = 0; r == 0 && i < n_all; i++)
		if ((*ret_dests)[i].spec.key.family == AF_INET)
			(*ret_dests)[n++] = (*ret_dests)[i];
	*ret_n = n;
	return r;
}

static int put_service(struct xlvs_client *client, const struct xlvs_service_info *service,
		       struct ip_vs_service_entry *ret_entry)
{
	const struct xlvs_service_spec *spec = &service->spec;
	XLVS_AUTO_FREE struct xlvs_dest_info *dests = NULL;
	struct ip_vs_service_entry entry = {0};
	size_t n = 0;
	int r;

	r = fetch_dests(client, &spec->key, &dests, &n);
	if (r < 0)
		return r;
	entry.protocol = spec->key.protocol;
	entry.addr = narrow(&spec->key.address);
	entry.port = spec->key.port;
	entry.fwmark = spec->key.fwmark;
	memcpy(entry.sched_name, spec->scheduler, sizeof(entry.sched_name));
	entry.flags = spec->flags;
	entry.timeout = spec->timeout_sec;
	entry.netmask = spec->netmask;
	entry.num_dests = (unsigned int)n;
	put_stats(&entry.stats, &service->stats);
	memcpy(ret_entry, &entry, sizeof(entry));
	return 0;
}

static int fetch_services(struct xlvs_client *client, struct xlvs_service_info **ret_services,
			  size_t *ret_n)
{
	size_t n_all = 0, n = 0;
	int r = xlvs_client_services(client, ret_services, &n_all);

	for (size_t i = 0; r == 0 && i < n_all; i++)
		if ((*ret_services)[i].spec.key.family == AF_INET)
			(*ret_services)[n++] = (*ret_services)[i];
	*ret_n = n;
	return r;
}

static int get_version(struct xlvs_client *client, void *value, size_t *bytes)
{
	struct xlvs_director_info info;
	char text[64];
	int length, r;

	r = xlvs_client_info(client, &info);
	if (r < 0)
		return r;
	length = snprintf(text, sizeof(text), "IP Virtual Server version %u.%u.%u (size=%u)",
			  info.version >> 16 & 0xff, info.version >> 8 & 0xff, info.version & 0xff,
			  info.connection_table_size);
	if (*bytes < (size_t)length + 1)
		return -EINVAL;
	*bytes = (size_t)length + 1;
	memcpy(value, text, *bytes);
	return 0;
}

static int get_info(struct xlvs_client *client, void *value, size_t *bytes)
{
	XLVS_AUTO_FREE struct xlvs_service_info *services = NULL;
	struct xlvs_director_info info;
	size_t n = 0;
	int r;

	(void)bytes;
	r = xlvs_client_info(client, &info);
	if (r == 0)
		r = fetch_services(client, &services, &n);
	if (r == 0)
		memcpy(value,
		       &(struct ip_vs_getinfo){info.version, info.connection_table_size,
					       (unsigned int)n},
		       sizeof(struct ip_vs_getinfo));
	return r;
}

static int get_services(struct xlvs_client *client, void *value, size_t *bytes)
{
	struct ip_vs_service_entry *entries =
		(void *)((char *)value + offsetof(struct ip_vs_get_services, entrytable));
	XLVS_AUTO_FREE struct xlvs_service_info *services = NULL;
	unsigned int wanted;
	size_t n = 0;
	int r;

	memcpy(&wanted, value, sizeof(wanted));
	if (*bytes != sizeof(struct ip_vs_get_services) + wanted * sizeof(*entries))
		return -EINVAL;
	r = fetch_services(client, &services, &n);
	for (size_t i = 0; r == 0 && i < n && i < wanted; i++)
		r = put_service(client, &services[i], &entries[i]);
	return r;
}

static int get_service(struct xlvs_client *client, void *value, size_t *bytes)
{
	struct ip_vs_service_entry asked;
	struct xlvs_service_info service;
	struct xlvs_service_key key;
	int r;

	(void)bytes;
	memcpy(&asked, value, sizeof(asked));
	key = key_of(asked.protocol, asked.addr, asked.port, asked.fwmark);
	r = xlvs_client_service(client, &key, &service);
	return r < 0 ? r : put_service(client, &service, value);
}

static void put_dest(const struct xlvs_dest_info *dest, struct ip_vs_dest_entry *ret_entry)
{
	struct ip_vs_dest_entry entry = {
		.addr = narrow(&dest->spec.key.address),
		.port = dest->spec.key.port,
		.conn_flags = dest->spec.method,
		.weight = dest->spec.weight,
		.u_threshold = dest->spec.upper_threshold,
		.l_threshold = dest->spec.lower_threshold,
		.activeconns = dest->active,
		.inactconns = dest->inactive,
		.persistconns = dest->persistent,
	};

	put_stats(&entry.stats, &dest->stats);
	memcpy(ret_entry, &entry, sizeof(entry));
}

static int get_dests(struct xlvs_client *client, void *value, size_t *bytes)
{
	struct ip_vs_dest_entry *entries =
		(void *)((char *)value + offsetof(struct ip_vs_get_dests, entrytable));
	XLVS_AUTO_FREE struct xlvs_dest_info *dests = NULL;
	struct xlvs_service_info service;
	struct xlvs_service_key key;
	struct ip_vs_get_dests asked;
	size_t n = 0;
	int r;

	memcpy(&asked, value, sizeof(asked));
	if (*bytes != sizeof(asked) + asked.num_dests * sizeof(*entries))
		return -EINVAL;
	key = key_of(asked.protocol, asked.addr, asked.port, asked.fwmark);
	r = xlvs_client_service(client, &key, &service);
	if (r == 0)
		r = fetch_dests(client, &key, &dests, &n);
	for (size_t i = 0; r == 0 && i < n && i < asked.num_dests; i++)
		put_dest(&dests[i], &entries[i]);
	return r;
}

static int get_timeouts(struct xlvs_client *client, void *value, size_t *bytes)
{
	struct xlvs_timeouts timeouts;
	int r;

	(void)bytes;
	r = xlvs_client_timeouts(client, &timeouts);
	if (r == 0)
		memcpy(value,
		       &(struct ip_vs_timeout_user){(int)timeouts.tcp_sec,
						    (int)timeouts.tcp_fin_sec,
						    (int)timeouts.udp_sec},
		       sizeof(struct ip_vs_timeout_user));
	return r;
}

/* The master's place is the first, the backup's the second; an empty one is zero. */
static int get_syncs(struct xlvs_client *client, void *value, size_t *bytes)
{
	struct ip_vs_daemon_user users[2] = {{0}};
	struct xlvs_sync_spec syncs[2];
	size_t n = 0;
	int r;

	(void)bytes;
	r = xlvs_client_syncs(client, syncs, &n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct ip_vs_daemon_user *user = &users[syncs[i].role == XLVS_SYNC_BACKUP];

		user->state = (int)syncs[i].role;
		memcpy(user->mcast_ifn, syncs[i].interface, sizeof(user->mcast_ifn));
		user->syncid = (int)syncs[i].sync_id;
	}
	if (r == 0)
		memcpy(value, users, sizeof(users));
	return r;
}

int xlvs_legacy_get(struct xlvs_client *client, int option, void *value, size_t *bytes)
{
	static const struct {
		size_t least_bytes;
		int (*get)(struct xlvs_client *client, void *value, size_t *bytes);
	} getters[] = {
		[IP_VS_SO_GET_VERSION - IP_VS_BASE_CTL] = {64, get_version},
		[IP_VS_SO_GET_INFO - IP_VS_BASE_CTL] = {sizeof(struct ip_vs_getinfo), get_info},
		[IP_VS_SO_GET_SERVICES -
			IP_VS_BASE_CTL] = {sizeof(struct ip_vs_get_services), get_services},
		[IP_VS_SO_GET_SERVICE -
			IP_VS_BASE_CTL] = {sizeof(struct ip_vs_service_entry), get_service},
		[IP_VS_SO_GET_DESTS - IP_VS_BASE_CTL] = {sizeof(struct ip_vs_get_dests), get_dests},
		[IP_VS_SO_GET_TIMEOUT -
			IP_VS_BASE_CTL] = {sizeof(struct ip_vs_timeout_user), get_timeouts},
		[IP_VS_SO_GET_DAEMON -
			IP_VS_BASE_CTL] = {2 * sizeof(struct ip_vs_daemon_user), get_syncs},
	};
	size_t index = (size_t)(option - IP_VS_BASE_CTL);

	if (option < IP_VS_BASE_CTL || option > IP_VS_SO_GET_MAX || !getters[index].get ||
	    *bytes < getters[index].least_bytes)
		return -EINVAL;
	return getters[index].get(client, value, bytes);
}
