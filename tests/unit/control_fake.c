// SPDX-License-Identifier: GPL-2.0-or-later
#include "control_fake.h"

#include "base/error.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PEERS_MAX 32

static const char *const schedulers[] = {"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh",
					 "sh", "sed", "nq", "fo",  "ovf",  "mh",    "none"};

struct fake_director *fake_new(void)
{
	struct fake_director *director = calloc(1, sizeof(*director));

	if (director)
		director->timeouts = (struct xlvs_timeouts){900, 120, 300};
	return director;
}

static struct fake_service *find_service(struct fake_director *director,
					 const struct xlvs_service_key *key)
{
	for (size_t i = 0; i < director->n_services; i++)
		if (memcmp(&director->services[i].info.spec.key, key, sizeof(*key)) == 0)
			return &director->services[i];
	return NULL;
}

static struct xlvs_dest_info *find_dest(struct fake_service *service,
					const struct xlvs_dest_key *key)
{
	for (size_t i = 0; i < service->n_dests; i++)
		if (memcmp(&service->dests[i].spec.key, key, sizeof(*key)) == 0)
			return &service->dests[i];
	return NULL;
}

static int check_service(const struct xlvs_service_spec *spec)
{
	size_t i = 0;

	while (i < sizeof(schedulers) / sizeof(schedulers[0]) &&
	       strcmp(schedulers[i], spec->scheduler) != 0)
		i++;
	if (i == sizeof(schedulers) / sizeof(schedulers[0]))
		return -ENOENT;
	if (spec->pe[0] && strcmp(spec->pe, "sip") != 0)
		return -ENOENT;
	if (spec->key.family == AF_INET6 && (spec->netmask < 1 || spec->netmask > 128))
		return -EINVAL;
	return 0;
}

static int add_service(struct fake_director *director, const struct xlvs_service_spec *spec)
{
	struct fake_service *service = &director->services[director->n_services];
	int r;

	if (find_service(director, &spec->key))
		return -EEXIST;
	r = check_service(spec);
	if (r < 0)
		return r;
	if (director->n_services == FAKE_SERVICES_MAX)
		return -ENOSPC;
	*service = (struct fake_service){
		.info.spec = *spec,
		.dests = calloc(FAKE_DESTS_MAX, sizeof(struct xlvs_dest_info)),
	};
	if (!service->dests)
		return -ENOMEM;
	director->n_services++;
	return 0;
}

static void delete_service(struct fake_director *director, struct fake_service *service)
{
	free(service->dests);
	director->n_services--;
	memmove(service, service + 1,
		(size_t)(&director->services[director->n_services] - service) * sizeof(*service));
}

/* Any address that ends in 255 is taken for a broadcast address. */
static bool is_unicast(const struct xlvs_dest_key *key)
{
	static const struct xlvs_address none;

	if (memcmp(&key->address, &none, sizeof(none)) == 0)
		return false;
	if (key->family == AF_INET6)
		return key->address.bytes[0] != 0xff;
	return key->address.bytes[0] < 224 && key->address.bytes[3] != 255;
}

static int check_dest(const struct xlvs_service_key *key, const struct xlvs_dest_spec *spec)
{
	if (spec->key.family != key->family && spec->method != XLVS_METHOD_TUN &&
	    spec->method != XLVS_METHOD_FULLNAT)
		return -EINVAL;
	if (spec->weight < 0 || spec->lower_threshold > spec->upper_threshold)
		return -ERANGE;
	return 0;
}

static int change_dest(struct fake_service *service, const struct xlvs_request *request)
{
	const struct xlvs_dest_spec *spec = &request->dest;
	struct xlvs_dest_info *dest = find_dest(service, &spec->key);
	int r = request->command == IPVS_CMD_DEL_DEST ? 0
						      : check_dest(&service->info.spec.key, spec);

	if (r < 0)
		return r;
	if (request->command == IPVS_CMD_NEW_DEST) {
		if (dest)
			return -EEXIST;
		if (!is_unicast(&spec->key))
			return -EINVAL;
		if (service->n_dests == FAKE_DESTS_MAX)
			return -ENOSPC;
		service->dests[service->n_dests++] = (struct xlvs_dest_info){.spec = *spec};
		return 0;
	}
	if (!dest)
		return -ENOENT;
	if (request->command == IPVS_CMD_SET_DEST) {
		dest->spec = *spec;
	} else {
		service->n_dests--;
		memmove(dest, dest + 1,
			(size_t)(&service->dests[service->n_dests] - dest) * sizeof(*dest));
	}
	return 0;
}

static int change_service(struct fake_director *director, const struct xlvs_request *request)
{
	struct fake_service *service = find_service(director, &request->service.key);
	int r;

	if (request->command == IPVS_CMD_NEW_SERVICE)
		return add_service(director, &request->service);
	if (!service)
		return -ESRCH;
	if (request->command == IPVS_CMD_DEL_SERVICE) {
		delete_service(director, service);
	} else if (request->command == IPVS_CMD_SET_SERVICE) {
		r = check_service(&request->service);
		if (r < 0)
			return r;
		service->info.spec = request->service;
	} else if (request->command != IPVS_CMD_ZERO) {
		return change_dest(service, request);
	}
	return 0;
}

static int change_sync(struct fake_director *director, const struct xlvs_request *request)
{
	struct xlvs_sync_spec *sync;

	if (request->sync.role < XLVS_SYNC_MASTER || request->sync.role > XLVS_SYNC_BACKUP)
		return -EINVAL;
	sync = &director->syncs[request->sync.role - 1];
	if (request->command == IPVS_CMD_DEL_DAEMON) {
		if (!sync->role)
			return -ESRCH;
		*sync = (struct xlvs_sync_spec){0};
		return 0;
	}
	if (sync->role)
		return -EEXIST;
	if (!if_nametoindex(request->sync.interface))
		return -ENODEV;
	*sync = request->sync;
	if (!sync->group_family) {
		sync->group_family = AF_INET;
		memcpy(&sync->group, (const uint8_t[]){224, 0, 0, 81}, 4);
	}
	if (!sync->max_message_bytes)
		sync->max_message_bytes = sync->group_family == AF_INET6 ? 1452 : 1472;
	if (!sync->port)
		sync->port = 8848;
	if (!sync->ttl)
		sync->ttl = 1;
	return 0;
}

static void set_timeouts(struct fake_director *director, const struct xlvs_timeouts *timeouts)
{
	if (timeouts->tcp_sec)
		director->timeouts.tcp_sec = timeouts->tcp_sec;
	if (timeouts->tcp_fin_sec)
		director->timeouts.tcp_fin_sec = timeouts->tcp_fin_sec;
	if (timeouts->udp_sec)
		director->timeouts.udp_sec = timeouts->udp_sec;
}

static int change(struct fake_director *director, const struct xlvs_request *request,
		  struct xlvs_error *reterr)
{
	if (director->refusal)
		return xlvs_refuse(reterr, director->refusal, "%s",
				   director->refusal_text ? director->refusal_text : "");
	if (request->command == IPVS_CMD_FLUSH) {
		while (director->n_services)
			delete_service(director, director->services);
		return 0;
	}
	if (request->command == IPVS_CMD_SET_CONFIG) {
		set_timeouts(director, &request->timeouts);
		return 0;
	}
	if (request->command == IPVS_CMD_ZERO && !request->given)
		return 0;
	if (request->given & XLVS_GIVEN_SYNC)
		return change_sync(director, request);
	return change_service(director, request);
}

struct cursor {
	const struct fake_director *director;
	const struct fake_service *service; /* NULL: services or connections */
	bool is_conns;
	size_t n_left;
	size_t n_sent;
};

/* One message per portion, so that the shortest dump has several portions. */
static int next_portion(void *context, struct xlvs_reply *reply)
{
	struct cursor *cursor = context;
	size_t n = 1;
	int r;

	if (!cursor->n_left)
		return 0;
	if (cursor->is_conns) {
		n = cursor->n_left < XLVS_CONNS_PER_REPLY ? cursor->n_left : XLVS_CONNS_PER_REPLY;
		r = xlvs_reply_conns(reply, cursor->director->conns + cursor->n_sent, n, NULL);
	} else if (cursor->service) {
		r = xlvs_reply_dest(reply, &cursor->service->dests[cursor->n_left - 1]);
	} else {
		r = xlvs_reply_service(reply, &cursor->director->services[cursor->n_left - 1].info);
	}
	cursor->n_left -= n;
	cursor->n_sent += n;
	return r < 0 ? r : 1;
}

static int begin_dump(struct fake_director *director, const struct xlvs_request *request,
		      struct xlvs_reply *reply)
{
	struct xlvs_dump dump = {.next = next_portion, .free = free};
	struct cursor *cursor = calloc(1, sizeof(*cursor));

	if (!cursor)
		return -ENOMEM;
	cursor->director = director;
	cursor->is_conns = request->family == XLVS_FAMILY_XLVS;
	if (cursor->is_conns) {
		cursor->n_left = director->n_conns;
	} else if (request->command == IPVS_CMD_GET_DEST) {
		cursor->service =
			request->given ? find_service(director, &request->service.key) : NULL;
		cursor->n_left = cursor->service ? cursor->service->n_dests : 0;
	} else {
		cursor->n_left = director->n_services;
	}
	dump.cursor = cursor;
	xlvs_reply_dump(reply, &dump);
	return 0;
}

static int get(struct fake_director *director, const struct xlvs_request *request,
	       struct xlvs_reply *reply)
{
	const struct xlvs_director_info info = {IP_VS_VERSION_CODE, 4096};
	const struct fake_service *service;
	int r = 0;

	switch (request->command) {
	case IPVS_CMD_GET_INFO:
		return xlvs_reply_info(reply, &info);
	case IPVS_CMD_GET_CONFIG:
		return xlvs_reply_config(reply, &director->timeouts);
	case IPVS_CMD_GET_DAEMON:
		for (size_t i = 0; i < 2 && r == 0; i++)
			if (director->syncs[i].role)
				r = xlvs_reply_sync(reply, &director->syncs[i]);
		return r;
	default: /* GET_SERVICE */
		service = find_service(director, &request->service.key);
		return service ? xlvs_reply_service(reply, &service->info) : -ESRCH;
	}
}

int fake_handle(void *context, const struct xlvs_request *request, struct xlvs_reply *reply,
		struct xlvs_error *reterr)
{
	struct fake_director *director = context;

	if (request->family == XLVS_FAMILY_XLVS && !request->dump)
		return xlvs_reply_json(reply, request->command == XLVS_CMD_GET_STATUS
						      ? director->status
						      : director->drops);
	if (request->dump && request->command != IPVS_CMD_GET_DAEMON)
		return begin_dump(director, request, reply);
	switch (request->command) {
	case IPVS_CMD_GET_INFO:
	case IPVS_CMD_GET_CONFIG:
	case IPVS_CMD_GET_DAEMON:
	case IPVS_CMD_GET_SERVICE:
		return get(director, request, reply);
	default:
		return change(director, request, reterr);
	}
}

static size_t serve_peers(struct xlvs_peer **peers, struct pollfd *polls, size_t n_peers)
{
	size_t kept = 0;

	for (size_t i = 0; i < n_peers; i++) {
		if (polls[i].revents && xlvs_peer_handle(peers[i], polls[i].revents) < 0)
			xlvs_peer_free(peers[i]);
		else
			peers[kept++] = peers[i];
	}
	return kept;
}

void fake_serve(struct xlvs_server *server)
{
	struct xlvs_peer *peers[PEERS_MAX];
	size_t n_peers = 0;

	for (;;) {
		struct pollfd polls[PEERS_MAX + 1];

		for (size_t i = 0; i < n_peers; i++)
			polls[i] = (struct pollfd){.fd = xlvs_peer_fd(peers[i]),
						   .events = xlvs_peer_events(peers[i])};
		polls[n_peers] = (struct pollfd){.fd = xlvs_server_fd(server), .events = POLLIN};
		if (poll(polls, n_peers + 1, -1) < 0)
			continue;
		bool waiting = polls[n_peers].revents & POLLIN;

		n_peers = serve_peers(peers, polls, n_peers);
		if (waiting && n_peers < PEERS_MAX &&
		    xlvs_server_accept(server, &peers[n_peers]) == 0)
			n_peers++;
	}
}

pid_t fake_start(const char *name, struct fake_director *director)
{
	struct xlvs_server *server;
	pid_t parent = getpid();
	pid_t pid;

	if (xlvs_server_open(name, fake_handle, director, &server) < 0)
		abort();
	pid = fork();
	if (pid < 0)
		abort();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			fake_serve(server);
		_exit(0);
	}
	xlvs_server_close(server);
	return pid;
}

void fake_stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
