// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/ipvsadm_values.h"

#include "cli/ipvsadm_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
	TIMEOUT_MAX_SEC = 31 * 86400,
	PERSISTENCE_DEFAULT_SEC = 360,
	SYNC_MESSAGE_MAX_BYTES = 65535 - 20 - 8,
};

int xlvs_ipvsadm_timeout(const char *word, long min, uint32_t *ret_sec, struct xlvs_error *reterr)
{
	long value = xlvs_ipvsadm_parse_number(word, min, TIMEOUT_MAX_SEC);

	if (value < 0)
		return xlvs_refuse(reterr, IPVSADM_REFUSED, "invalid timeout value `%s' specified",
				   word);
	*ret_sec = (uint32_t)value;
	return IPVSADM_DONE;
}

int xlvs_ipvsadm_service(struct ipvsadm_command *command, int parameter, const char *word,
			 struct xlvs_error *reterr)
{
	struct xlvs_service_key *key = &command->service.key;
	struct xlvs_dest_key address;
	bool has_port;

	key->protocol = (uint16_t)parameter;
	if (xlvs_ipvsadm_parse_address(word, key->protocol, &address, &has_port) < 0)
		return xlvs_refuse(reterr, IPVSADM_REFUSED,
				   "illegal virtual server address[:port] specified");
	key->family = address.family;
	key->address = address.address;
	key->port = address.port;
	if (key->family == AF_INET6)
		command->service.netmask = 128;
	return IPVSADM_DONE;
}

int xlvs_ipvsadm_fwmark(struct ipvsadm_command *command, int parameter, const char *word,
			struct xlvs_error *reterr)
{
	unsigned long mark;
	char *end;

	(void)parameter;
	errno = 0;
	mark = strtoul(word, &end, 10);
	if (end == word || *end || errno || mark == 0 || mark > UINT32_MAX)
		return xlvs_refuse(reterr, IPVSADM_REFUSED, "invalid fwmark value `%s' specified",
				   word);
	command->service.key.family = AF_INET;
	command->service.key.protocol = IPPROTO_TCP;
	command->service.key.fwmark = (uint32_t)mark;
	return IPVSADM_DONE;
}

int xlvs_ipvsadm_ipv6(struct ipvsadm_command *command, int parameter, const char *word,
		      struct xlvs_error *reterr)
{
	(void)parameter;
	(void)word;
	/* The sentence ends with an empty line of its own. */
	if (!command->service.key.fwmark)
		return xlvs_refuse(reterr, IPVSADM_REFUSED, "-6 used before -f\n");
	command->service.key.family = AF_INET6;
	command->service.netmask = 128;
	return IPVSADM_DONE;
}

int xlvs_ipvsadm_name(struct ipvsadm_command *command, int parameter, const char *word,
		      struct xlvs_error *reterr)
{
	(void)reterr;
	if (parameter == IPVSADM_SCHEDULER)
		strncpy(command->service.scheduler, word, sizeof(command->service.scheduler) - 1);
	else if (parameter == IPVSADM_PE)
		strncpy(command->service.pe, word, sizeof(command->service.pe) - 1);
	else
		strncpy(command->sync.interface, word, sizeof(command->sync.interface) - 1);
	return IPVSADM_DONE;
}

static const struct {
	long min;
	long max;
	const char *what;
} numbers[IPVSADM_OPTIONS] = {
	[IPVSADM_WEIGHT] = {0, INT_MAX, "weight"},
	[IPVSADM_U_THRESHOLD] = {0, INT_MAX, "u_threshold"},
	[IPVSADM_L_THRESHOLD] = {0, INT_MAX, "l_threshold"},
	[IPVSADM_TUN_PORT] = {1, UINT16_MAX, "tunnel port"},
	[IPVSADM_SYNCID] = {0, UINT8_MAX, "syncid"},
	[IPVSADM_SYNC_MAXLEN] = {1, SYNC_MESSAGE_MAX_BYTES, "sync-maxlen"},
	[IPVSADM_MCAST_PORT] = {1, UINT16_MAX, "mcast-port"},
	[IPVSADM_MCAST_TTL] = {1, UINT8_MAX, "mcast-ttl"},
};

int xlvs_ipvsadm_number(struct ipvsadm_command *command, int parameter, const char *word,
			struct xlvs_error *reterr)
{
	long value =
		xlvs_ipvsadm_parse_number(word, numbers[parameter].min, numbers[parameter].max);

	if (value < 0)
		return xlvs_refuse(reterr, IPVSADM_REFUSED, "illegal %s specified",
				   numbers[parameter].what);
	switch (parameter) {
	case IPVSADM_WEIGHT:
		command->dest.weight = (int32_t)value;
		break;
	case IPVSADM_U_THRESHOLD:
		command->dest.upper_threshold = (uint32_t)value;
		break;
	case IPVSADM_L_THRESHOLD:
		command->dest.lower_threshold = (uint32_t)value;
		break;
	case IPVSADM_TUN_PORT:
		command->dest.tunnel_port = htons((uint16_t)value);
		break;
	case IPVSADM_SYNCID:
		command->sync.sync_id = (uint32_t)value;
		break;
	case IPVSADM_SYNC_MAXLEN:
		command->sync.max_message_bytes = (uint16_t)value;
		break;
	case IPVSADM_MCAST_PORT:
		command->sync.port = (uint16_t)value;
		break;
	default:
		command->sync.ttl = (uint8_t)value;
	}
	return IPVSADM_DONE;
}

int xlvs_ipvsadm_persistent(struct ipvsadm_command *command, int parameter, const char *word,
			    struct xlvs_error *reterr)
{
	(void)parameter;
	command->service.flags |= XLVS_SERVICE_PERSISTENT;
	command->service.timeout_sec = PERSISTENCE_DEFAULT_SEC;
	if (!word)
		return IPVSADM_DONE;
	return xlvs_ipvsadm_timeout(word, 1, &command->service.timeout_sec, reterr);
}

/* Of which family the mask is depends on the service read so far. */
int xlvs_ipvsadm_netmask(struct ipvsadm_command *command, int parameter, const char *word,
			 struct xlvs_error *reterr)
{
	struct in_addr mask;
	long length;

	(void)parameter;
	if (command->service.key.family == AF_INET6) {
		length = strtol(word, NULL, 10);
		if (length < 1 || length > 128)
			return xlvs_refuse(reterr, IPVSADM_REFUSED,
					   "illegal ipv6 netmask specified");
		command->service.netmask = (uint32_t)length;
		return IPVSADM_DONE;
	}
	if (!inet_aton(word, &mask))
		return xlvs_refuse(reterr, IPVSADM_REFUSED,
				   "illegal virtual server persistent mask specified");
	command->service.netmask = mask.s_addr;
	return IPVSADM_DONE;
}

int xlvs_ipvsadm_ops(struct ipvsadm_command *command, int parameter, const char *word,
		     struct xlvs_error *reterr)
{
	(void)parameter;
	(void)word;
	(void)reterr;
	command->service.flags |= XLVS_SERVICE_ONE_PACKET;
	return IPVSADM_DONE;
}

/* A port that is not given is the service's, if that was read already. */
int xlvs_ipvsadm_real_server(struct ipvsadm_command *command, int parameter, const char *word,
			     struct xlvs_error *reterr)
{
	const struct xlvs_service_key *service = &command->service.key;
	struct xlvs_dest_key key;
	bool has_port;

	(void)parameter;
	if (xlvs_ipvsadm_parse_address(word, service->protocol, &key, &has_port) < 0)
		return xlvs_refuse(reterr, IPVSADM_REFUSED,
				   "illegal real server address[:port] specified");
	if (!has_port)
		key.port = service->port;
	command->dest.key = key;
	return IPVSADM_DONE;
}

int xlvs_ipvsadm_method(struct ipvsadm_command *command, int parameter, const char *word,
			struct xlvs_error *reterr)
{
	(void)word;
	(void)reterr;
	command->dest.method = (uint32_t)parameter;
	return IPVSADM_DONE;
}

int xlvs_ipvsadm_tunnel_type(struct ipvsadm_command *command, int parameter, const char *word,
			     struct xlvs_error *reterr)
{
	(void)parameter;
	for (enum xlvs_tunnel_type type = XLVS_TUNNEL_IPIP; type <= XLVS_TUNNEL_GRE; type++) {
		if (strcmp(word, xlvs_ipvsadm_tunnel_name(type)) == 0) {
			command->dest.tunnel_type = (uint8_t)type;
			return IPVSADM_DONE;
		}
	}
	return xlvs_refuse(reterr, IPVSADM_REFUSED, "illegal tunnel type specified");
}

int xlvs_ipvsadm_tunnel_flag(struct ipvsadm_command *command, int parameter, const char *word,
			     struct xlvs_error *reterr)
{
	(void)word;
	(void)reterr;
	command->dest.tunnel_flags |= (uint16_t)parameter;
	return IPVSADM_DONE;
}

int xlvs_ipvsadm_toa_kind(struct ipvsadm_command *command, int parameter, const char *word,
			  struct xlvs_error *reterr)
{
	long kind = xlvs_ipvsadm_parse_number(word, 0, UINT8_MAX);

	(void)parameter;
	if (strcmp(word, "none") == 0)
		kind = XLVS_TOA_NONE;
	else if (kind < 0 || !xlvs_toa_kind_is_free((unsigned long)kind))
		return xlvs_refuse(reterr, IPVSADM_REFUSED,
				   "illegal kind of TCP options specified");
	command->dest.toa_kind = (uint8_t)kind;
	return IPVSADM_DONE;
}

int xlvs_ipvsadm_mss_clamp(struct ipvsadm_command *command, int parameter, const char *word,
			   struct xlvs_error *reterr)
{
	long mss = xlvs_ipvsadm_parse_number(word, XLVS_MSS_LEAST, XLVS_MSS_MOST);

	(void)parameter;
	if (strcmp(word, "auto") == 0)
		mss = XLVS_MSS_FITS;
	else if (mss < 0)
		return xlvs_refuse(reterr, IPVSADM_REFUSED,
				   "illegal maximum segment size specified, it is auto or %d to %d",
				   XLVS_MSS_LEAST, XLVS_MSS_MOST);
	command->dest.mss = (uint16_t)mss;
	return IPVSADM_DONE;
}

bool xlvs_ipvsadm_sync_role(struct ipvsadm_command *command, const char *word)
{
	if (strcmp(word, "master") == 0)
		command->sync.role = XLVS_SYNC_MASTER;
	else if (strcmp(word, "backup") == 0)
		command->sync.role = XLVS_SYNC_BACKUP;
	return command->sync.role != 0;
}

int xlvs_ipvsadm_mcast_group(struct ipvsadm_command *command, int parameter, const char *word,
			     struct xlvs_error *reterr)
{
	struct xlvs_sync_spec *sync = &command->sync;

	(void)parameter;
	if (inet_pton(AF_INET6, word, &sync->group) == 1) {
		sync->group_family = AF_INET6;
		if (sync->group.bytes[0] != 0xff)
			return xlvs_refuse(reterr, IPVSADM_REFUSED, "invalid IPv6 mcast-group `%s'",
					   word);
		return IPVSADM_DONE;
	}
	if (inet_pton(AF_INET, word, &sync->group) != 1 || (sync->group.bytes[0] & 0xf0) != 0xe0)
		return xlvs_refuse(reterr, IPVSADM_REFUSED, "invalid IPv4 mcast-group `%s'", word);
	sync->group_family = AF_INET;
	return IPVSADM_DONE;
}

int xlvs_ipvsadm_local_address(struct ipvsadm_command *command, int parameter, const char *word,
			       struct xlvs_error *reterr)
{
	struct xlvs_local_address *local = &command->local;

	(void)parameter;
	local->family = strchr(word, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(local->family, word, &local->address) != 1)
		return xlvs_refuse(reterr, IPVSADM_REFUSED, "illegal local address specified");
	return IPVSADM_DONE;
}

int xlvs_ipvsadm_sched_flags(struct ipvsadm_command *command, const char *word,
			     struct xlvs_error *reterr)
{
	static const struct {
		const char *name;
		const char *scheduler; /* NULL: any */
		uint32_t flag;
	} flags[] = {
		{"flag-1", NULL, XLVS_SERVICE_SCHED1},	{"flag-2", NULL, XLVS_SERVICE_SCHED2},
		{"flag-3", NULL, XLVS_SERVICE_SCHED3},	{"sh-fallback", "sh", XLVS_SERVICE_SCHED1},
		{"sh-port", "sh", XLVS_SERVICE_SCHED2}, {"mh-fallback", "mh", XLVS_SERVICE_SCHED1},
		{"mh-port", "mh", XLVS_SERVICE_SCHED2},
	};
	const size_t n_flags = sizeof(flags) / sizeof(flags[0]);

	for (; *(word += strspn(word, ",")); word += strcspn(word, ",")) {
		int length = (int)strcspn(word, ",");
		size_t i = 0;

		while (i < n_flags &&
		       (strncmp(flags[i].name, word, (size_t)length) != 0 || flags[i].name[length]))
			i++;
		if (i == n_flags)
			return xlvs_refuse(reterr, IPVSADM_REFUSED, "invalid scheduler flag `%.*s'",
					   length, word);
		if (flags[i].scheduler &&
		    strcmp(flags[i].scheduler, command->service.scheduler) != 0)
			return xlvs_refuse(reterr, IPVSADM_REFUSED,
					   "incompatible scheduler flag `%.*s'", length, word);
		command->service.flags |= flags[i].flag;
	}
	return IPVSADM_DONE;
}
