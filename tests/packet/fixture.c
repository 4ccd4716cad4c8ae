// SPDX-License-Identifier: GPL-2.0-or-later
#include "fixture.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "xlvs.skel.h"

enum {
	SLOTS_USED_MAX = 64,
	DESTS_USED_MAX = 256,
};

/* The packet path's constants in this process, for table.c. */
struct xlvs_constants xlvs_constants;

struct director director;

const char *const client_address[7] = {[4] = "198.51.100.7", [6] = "2001:db8:1::7"};
const char *const vip_address[7] = {[4] = "203.0.113.10", [6] = "2001:db8:2::10"};
const char *const director_address[7] = {[4] = "192.0.2.1", [6] = "2001:db8:3::1"};

static const uint32_t timeouts_sec[XLVS_TIMEOUTS] = {
	[XLVS_TCP_NONE] = 2,	     [XLVS_TCP_ESTABLISHED] = 900, [XLVS_TCP_SYN_SENT] = 120,
	[XLVS_TCP_SYN_RECV] = 60,    [XLVS_TCP_FIN_WAIT] = 120,	   [XLVS_TCP_TIME_WAIT] = 120,
	[XLVS_TCP_CLOSE] = 10,	     [XLVS_TCP_CLOSE_WAIT] = 60,   [XLVS_TCP_LAST_ACK] = 30,
	[XLVS_TCP_LISTEN] = 120,     [XLVS_TCP_SYNACK] = 120,	   [XLVS_TIMEOUT_UDP] = 300,
};

static const char *const network =
	"link set lo up\n"
	"link add client address 02:00:00:00:c0:01 type veth peer name clients\n"
	"link set clients up\n"
	"link set client up\n"
	"addr add 198.51.100.1/24 dev client\n"
	"-6 addr add 2001:db8:1::1/64 dev client nodad\n"
	"neigh add 198.51.100.7 lladdr 02:00:00:00:c0:07 dev client\n"
	"-6 neigh add 2001:db8:1::7 lladdr 02:00:00:00:c0:07 dev client\n";

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t written = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return written < 0 ? -1 : 0;
}

static int make_network(void)
{
	FILE *ip;

	if (unshare(CLONE_NEWNET) || write_file("/proc/sys/net/ipv4/conf/all/forwarding", "1") ||
	    write_file("/proc/sys/net/ipv6/conf/all/forwarding", "1"))
		return -1;
	ip = popen("ip -batch -", "w");
	if (!ip)
		return -1;
	fputs(network, ip);
	if (pclose(ip))
		return -1;
	director.client_ifindex = if_nametoindex("client");
	return director.client_ifindex ? 0 : -1;
}

static void *map_memory(const struct bpf_map *map)
{
	size_t bytes = (size_t)bpf_map__max_entries(map) * bpf_map__value_size(map);
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static int map_all(void)
{
	struct xlvs *skeleton = director.skeleton;

	director.table = (struct table){
		.conns = map_memory(skeleton->maps.xlvs_conns),
		.n_conns = bpf_map__max_entries(skeleton->maps.xlvs_conns),
		.dests = map_memory(skeleton->maps.xlvs_dests),
		.n_dests = DESTS_USED_MAX,
		.runtime = map_memory(skeleton->maps.xlvs_runtime),
	};
	director.services = map_memory(skeleton->maps.xlvs_services);
	director.chunks = map_memory(skeleton->maps.xlvs_chunks);
	director.nexthops = map_memory(skeleton->maps.xlvs_nexthops);
	director.gateways = map_memory(skeleton->maps.xlvs_gateways);
	director.traffic = map_memory(skeleton->maps.xlvs_traffic);
	director.reasons = map_memory(skeleton->maps.xlvs_reasons);
	if (!director.table.conns || !director.table.dests || !director.table.runtime ||
	    !director.services || !director.chunks || !director.nexthops || !director.gateways ||
	    !director.traffic || !director.reasons)
		return -1;
	return 0;
}

static int load(const struct director_options *options)
{
	struct xlvs *skeleton = xlvs__open();

	if (!skeleton)
		return -1;
	director.skeleton = skeleton;
	xlvs_constants = (struct xlvs_constants){
		.seed = {0x9d2c5680a3f1b747, 0xc6bc279692b5c323, 0x2545f4914f6cdd1d,
			 0x5851f42d4c957f2d, 0x14057b7ef767814f, 0xda942042e4dd58b5},
		.conn_groups = options->n_conns / XLVS_CONN_GROUP,
		.ticks_per_sec = options->ticks_per_sec ? options->ticks_per_sec : TICKS_PER_SEC,
	};
	skeleton->rodata->xlvs_constants = xlvs_constants;
	director.n_cpus = (uint32_t)libbpf_num_possible_cpus();
	if (bpf_map__set_max_entries(skeleton->maps.xlvs_conns, options->n_conns) ||
	    bpf_map__set_max_entries(skeleton->maps.xlvs_traffic,
				     director.n_cpus * XLVS_DESTS_MAX) ||
	    bpf_map__set_max_entries(skeleton->maps.xlvs_reasons,
				     director.n_cpus * XLVS_REASONS_MAX) ||
	    xlvs__load(skeleton))
		return -1;
	director.program_fd = bpf_program__fd(skeleton->progs.xlvs_main);
	return map_all();
}

int director_open(const struct director_options *options)
{
	if (make_network()) {
		fprintf(stderr, "no network namespace: %s\n", strerror(errno));
		return -1;
	}
	if (load(options)) {
		fprintf(stderr, "the packet path does not load: %s\n", strerror(errno));
		return -1;
	}
	director_reset();
	return 0;
}

void director_close(void)
{
	xlvs__destroy(director.skeleton);
	director = (struct director){};
}

void director_reset(void)
{
	struct xlvs_runtime *runtime = director.table.runtime;

	memset(director.services, 0, XLVS_SERVICE_SLOTS * sizeof(struct xlvs_service));
	memset(director.table.conns, 0, director.table.n_conns * sizeof(struct xlvs_conn));
	memset(director.table.dests, 0, DESTS_USED_MAX * sizeof(struct xlvs_dest));
	memset(director.nexthops, 0, DESTS_USED_MAX * sizeof(struct xlvs_nexthop));
	memset(director.gateways, 0, XLVS_GATEWAYS_MAX * sizeof(struct xlvs_nexthop));
	memset(director.reasons, 0, director.n_cpus * XLVS_REASONS_MAX * sizeof(uint64_t));
	for (uint32_t cpu = 0; cpu < director.n_cpus; cpu++)
		memset(&director.traffic[cpu * XLVS_DESTS_MAX], 0,
		       DESTS_USED_MAX * sizeof(struct xlvs_traffic));
	*runtime = (struct xlvs_runtime){
		.generation = 1,
		.conn_limit = director.table.n_conns / 4 * 3,
		.unproven_limit = director.table.n_conns / 4 * 3,
		.sweep_records = director.table.n_conns,
		.sweep_period_us = 5000,
		.constants = xlvs_constants,
	};
	for (int i = 0; i < XLVS_TIMEOUTS; i++)
		runtime->timeout_ticks[i] = timeouts_sec[i] * xlvs_constants.ticks_per_sec;
	director_say("%s", "");
	director_forget();
}
