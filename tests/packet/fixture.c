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

/* The packet path's constants in this process, for table.c. */
struct xlvs_constants xlvs_constants;

struct director director;

static const char *const network =
	"link set lo up\n"
	"link add client address 02:00:00:00:c0:01 type veth peer clients\n"
	"link set clients up\n"
	"link set client up\n"
	"addr add 198.51.100.1/24 dev client\n"
	"addr add 2001:db8:1::1/64 dev client nodad\n"
	"neigh add 198.51.100.7 lladdr 02:00:00:00:c0:07 dev client\n"
	"neigh add 2001:db8:1::7 lladdr 02:00:00:00:c0:07 dev client\n"
	"link add server address 02:00:00:00:5e:01 type veth peer servers\n"
	"link set servers up\n"
	"link set server up\n"
	"addr add 192.0.2.1/24 dev server\n"
	"addr add 2001:db8:3::1/64 dev server nodad\n"
	"neigh add 192.0.2.101 lladdr 02:00:00:00:5e:65 dev server\n"
	"neigh add 2001:db8:3::101 lladdr 02:00:00:00:5e:65 dev server\n";

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t written = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return written < 0 ? -1 : 0;
}

int director_ip(const char *commands)
{
	FILE *ip = popen("ip -batch -", "w");

	if (!ip)
		return -1;
	fputs(commands, ip);
	return pclose(ip) ? -1 : 0;
}

static int make_network(void)
{
	if (unshare(CLONE_NEWNET) || write_file("/proc/sys/net/ipv4/conf/all/forwarding", "1") ||
	    write_file("/proc/sys/net/ipv6/conf/all/forwarding", "1") || director_ip(network))
		return -1;
	director.client_ifindex = if_nametoindex("client");
	director.server_ifindex = if_nametoindex("server");
	return director.client_ifindex && director.server_ifindex ? 0 : -1;
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
		.n_dests = DIRECTOR_DESTS_MAX,
		.runtime = map_memory(skeleton->maps.data_runtime),
		.controls = map_memory(skeleton->maps.xlvs_controls),
	};
	director.lookups = &skeleton->bss->xlvs_lookups;
	director.services = map_memory(skeleton->maps.xlvs_services);
	director.chunks = map_memory(skeleton->maps.xlvs_chunks);
	director.nexthops = map_memory(skeleton->maps.xlvs_nexthops);
	director.gateways = map_memory(skeleton->maps.xlvs_gateways);
	director.traffic = map_memory(skeleton->maps.xlvs_traffic);
	director.reasons = map_memory(skeleton->maps.xlvs_reasons);
	director.icmp_rates = map_memory(skeleton->maps.xlvs_icmp_rates);
	if (!director.icmp_rates || !director.table.conns || !director.table.controls ||
	    !director.table.dests || !director.table.runtime || !director.services ||
	    !director.chunks || !director.nexthops || !director.gateways || !director.traffic ||
	    !director.reasons)
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
	director.constants = xlvs_constants;
	skeleton->rodata->xlvs_constants = xlvs_constants;
	director.n_cpus = (uint32_t)libbpf_num_possible_cpus();
	if (bpf_map__set_max_entries(skeleton->maps.xlvs_conns, options->n_conns) ||
	    bpf_map__set_max_entries(skeleton->maps.xlvs_controls, options->n_conns) ||
	    bpf_map__set_max_entries(skeleton->maps.xlvs_pe_data, options->n_conns) ||
	    bpf_map__set_max_entries(skeleton->maps.xlvs_traffic,
				     director.n_cpus * XLVS_DESTS_MAX) ||
	    bpf_map__set_max_entries(skeleton->maps.xlvs_reasons,
				     director.n_cpus * XLVS_REASONS_MAX) ||
	    xlvs__load(skeleton))
		return -1;
	director.program_fd = bpf_program__fd(skeleton->progs.xlvs_main);
	return map_all();
}

/* A datagram's connection tells what time it is in the packet path. */
static void set_clock(void)
{
	struct packet packet = request_packet(4, PACKET_UDP);
	struct dest_words words = {.method = XLVS_FORWARD_dr};

	director_serve(&packet, &words);
	clock_gettime(CLOCK_MONOTONIC_COARSE, &director.opened_at);
	expect_forwarded(&packet);
	director.opened_at_tick = director_conn(&packet)->deadline -
				  director.table.runtime->timeout_ticks[XLVS_TIMEOUT_UDP];
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
	set_clock();
	director_reset();
	return 0;
}

void director_start_expiry(void)
{
	uint8_t frame[ETHERNET_BYTES + 20] = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame));

	assert_int_equal(
		bpf_prog_test_run_opts(bpf_program__fd(director.skeleton->progs.xlvs_start), &opts),
		0);
	assert_int_equal(opts.retval, 0);
}

static void unmap(void *memory, const struct bpf_map *map)
{
	munmap(memory, (size_t)bpf_map__max_entries(map) * bpf_map__value_size(map));
}

void director_forget_icmp(void)
{
	const struct bpf_map *map = director.skeleton->maps.xlvs_icmp_rates;

	memset(director.icmp_rates, 0,
	       (size_t)bpf_map__max_entries(map) * bpf_map__value_size(map));
}

void director_close(void)
{
	struct xlvs *skeleton = director.skeleton;

	unmap(director.table.conns, skeleton->maps.xlvs_conns);
	unmap(director.table.dests, skeleton->maps.xlvs_dests);
	unmap(director.table.runtime, skeleton->maps.data_runtime);
	unmap(director.services, skeleton->maps.xlvs_services);
	unmap(director.chunks, skeleton->maps.xlvs_chunks);
	unmap(director.nexthops, skeleton->maps.xlvs_nexthops);
	unmap(director.gateways, skeleton->maps.xlvs_gateways);
	unmap(director.traffic, skeleton->maps.xlvs_traffic);
	unmap(director.reasons, skeleton->maps.xlvs_reasons);
	unmap(director.icmp_rates, skeleton->maps.xlvs_icmp_rates);
	xlvs__destroy(director.skeleton);
	director = (struct director){};
}

int director_set_up(void **state)
{
	(void)state;
	return director_open(&(struct director_options){.n_conns = 4096});
}

int director_tear_down(void **state)
{
	(void)state;
	director_close();
	return 0;
}
