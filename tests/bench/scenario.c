// SPDX-License-Identifier: GPL-2.0-or-later
#include "scenario.h"

#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	PACKETS_LOOKED_AT = 16,
};

/* A word, and the set of actions it allows. */
static const struct {
	const char *word;
	__u32 actions;
} expectations[] = {
	{"drop", 1 << XDP_DROP},
	{"pass", 1 << XDP_PASS},
	{"out", 1 << XDP_TX | 1 << XDP_REDIRECT},
};

static int parse_expectation(const char *word, __u32 *ret_actions)
{
	for (__u32 i = 0; i < sizeof(expectations) / sizeof(*expectations); i++) {
		if (strcmp(word, expectations[i].word))
			continue;
		*ret_actions = expectations[i].actions;
		return 0;
	}
	return -EINVAL;
}

static bool expected(const struct scenario *scenario, __u32 action)
{
	return action < 32 && (scenario->expect & 1U << action);
}

static int parse_warm(struct scenario *scenario, char *value)
{
	char *rest = NULL;

	for (char *word = strtok_r(value, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		if (scenario->n_warm == SCENARIO_WARM_MAX ||
		    bench_traffic_kind(word, &scenario->warm[scenario->n_warm++]))
			return -EINVAL;
	}
	return 0;
}

static int parse_server(struct scenario *scenario, const char *value)
{
	scenario->has_server = true;
	scenario->learns = !strcmp(value, "learn");
	if (scenario->learns)
		return 0;
	scenario->server_port = scenario->traffic.dport;
	return bench_traffic_endpoint(&scenario->traffic, value, &scenario->server,
				      &scenario->server_port);
}

static int parse_word(struct scenario *scenario, const char *key, char *value)
{
	int r = bench_traffic_word(&scenario->traffic, key, value);

	if (r != -ENOENT)
		return r;
	if (!strcmp(key, "warm"))
		return parse_warm(scenario, value);
	if (!strcmp(key, "expect"))
		return parse_expectation(value, &scenario->expect);
	if (!strcmp(key, "server"))
		return parse_server(scenario, value);
	if (!strcmp(key, "from")) {
		scenario->from_server = !strcmp(value, "server");
		return scenario->from_server || !strcmp(value, "client") ? 0 : -EINVAL;
	}
	if (!strcmp(key, "dev")) {
		scenario->ifindex = if_nametoindex(value);
		return scenario->ifindex ? 0 : -EINVAL;
	}
	if (!strcmp(key, "entries"))
		return sscanf(value, "%u", &scenario->entries) == 1 ? 0 : -EINVAL;
	if (!strcmp(key, "packets"))
		return sscanf(value, "%u", &scenario->packets) == 1 ? 0 : -EINVAL;
	if (!strcmp(key, "touch"))
		return sscanf(value, "%u", &scenario->touch) == 1 ? 0 : -EINVAL;
	return -EINVAL;
}

int bench_scenario_parse(struct scenario *scenario, char *line, const char **ret_word)
{
	char *rest = NULL, *name = strtok_r(line, " \t\n", &rest);
	char *spec = strtok_r(NULL, " \t\n", &rest);

	*scenario = (struct scenario){.program.fd = -1};
	*ret_word = name;
	if (!name || !spec || strlen(name) >= sizeof(scenario->name) ||
	    strlen(spec) >= sizeof(scenario->spec))
		return -EINVAL;
	strcpy(scenario->name, name);
	strcpy(scenario->spec, spec);

	bench_traffic_init(&scenario->traffic);
	parse_expectation("out", &scenario->expect);
	for (char *word = strtok_r(NULL, " \t\n", &rest); word;
	     word = strtok_r(NULL, " \t\n", &rest)) {
		char *value = strchr(word, '=');

		*ret_word = word;
		if (!value)
			return -EINVAL;
		*value = '\0';
		if (parse_word(scenario, word, value + 1))
			return -EINVAL;
	}
	if (scenario->from_server && !scenario->has_server)
		return -EINVAL;
	return scenario->learns && (scenario->traffic.order == DRIVER_ORDER_NEW ||
				    scenario->traffic.flows > DRIVER_LEARNED_MAX)
		       ? -EINVAL
		       : 0;
}

/* The flow a reply to this frame would have. */
static int turn_round(const struct drive_frame *frame, struct driver_flow *ret_flow)
{
	const struct ether_header *eth = (const void *)frame->data;
	const struct iphdr *ip4 = (const void *)(eth + 1);
	const struct ip6_hdr *ip6 = (const void *)(eth + 1);
	const __be16 *ports;
	__be32 from, to;

	if (eth->ether_type == htons(ETHERTYPE_IP)) {
		from = ip4->saddr;
		to = ip4->daddr;
		ports = (const void *)(ip4 + 1);
	} else {
		from = ip6->ip6_src.s6_addr32[3];
		to = ip6->ip6_dst.s6_addr32[3];
		ports = (const void *)(ip6 + 1);
	}
	if (frame->length_bytes < (const unsigned char *)(ports + 2) - frame->data)
		return -EPROTO;
	*ret_flow = (struct driver_flow){
		.saddr = ntohl(to),
		.daddr = ntohl(from),
		.sport = ntohs(ports[1]),
		.dport = ntohs(ports[0]),
	};
	return 0;
}

/* Sends a frame of each flow and remembers the flow of its reply. */
static int learn(struct scenario *scenario, enum traffic_kind kind)
{
	struct driver_flow *list[2] = {
		bench_drive_learned(&scenario->drive),
		bench_drive_learned(&scenario->base),
	};
	struct traffic traffic = scenario->traffic;
	struct drive_frame frame;
	int r = list[0] && list[1] ? 0 : -ENOMEM;

	traffic.order = DRIVER_ORDER_SWEEP;
	traffic.kind = kind;
	bench_drive_traffic(&scenario->drive, &traffic);
	for (__u32 i = 0; r == 0 && i < traffic.flows; i++) {
		r = bench_drive_once(&scenario->drive, &frame);
		if (r == 0 && !expected(scenario, frame.action))
			r = -EPROTO;
		if (r == 0)
			r = turn_round(&frame, &list[0][i]);
		if (r == 0)
			list[1][i] = list[0][i];
	}
	for (int i = 0; i < 2; i++)
		if (list[i])
			munmap(list[i], sizeof(**list) * DRIVER_LEARNED_MAX);
	return r;
}

/* What the server sends. */
static struct traffic reply_traffic(const struct scenario *scenario)
{
	struct traffic reply = scenario->traffic;

	reply.src = scenario->server;
	reply.sport = scenario->server_port;
	reply.dst = scenario->traffic.src;
	reply.dport = scenario->traffic.sport;
	reply.vary = scenario->learns ? DRIVER_VARY_LEARNED : DRIVER_VARY_DESTINATION;
	return reply;
}

static int warm(struct scenario *scenario)
{
	for (unsigned int i = 0; i < scenario->n_warm; i++) {
		enum traffic_kind kind = scenario->warm[i];
		struct traffic traffic = scenario->traffic;
		__u32 action;
		__u64 ns;
		int r = 0;

		if (kind == TRAFFIC_SYNACK) {
			if (scenario->learns)
				r = learn(scenario, scenario->warm[0]);
			traffic = reply_traffic(scenario);
		}
		traffic.kind = kind;
		traffic.order = DRIVER_ORDER_SWEEP;
		bench_drive_traffic(&scenario->drive, &traffic);
		if (r == 0)
			r = bench_drive_run(&scenario->drive, traffic.flows, &ns, &action);
		if (r < 0)
			return r;
	}
	return 0;
}

static int look(struct scenario *scenario)
{
	struct drive_frame frame;

	for (int i = 0; i < PACKETS_LOOKED_AT; i++) {
		int r = bench_drive_once(&scenario->drive, &frame);

		if (r < 0)
			return r;
		if (!expected(scenario, frame.action))
			return -EPROTO;
	}
	return 0;
}

int bench_scenario_open(struct scenario *scenario)
{
	int r = bench_program_open(&scenario->program, scenario->spec, scenario->entries);

	if (r == 0)
		r = bench_drive_open(&scenario->drive, scenario->program.fd);
	if (r == 0)
		r = bench_drive_open(&scenario->base, -1);
	if (r < 0)
		return r;
	scenario->drive.touch = scenario->base.touch = scenario->touch;
	scenario->drive.ifindex = scenario->base.ifindex = scenario->ifindex;

	r = warm(scenario);
	if (r < 0)
		return r;
	if (scenario->from_server)
		scenario->traffic = reply_traffic(scenario);
	bench_drive_traffic(&scenario->drive, &scenario->traffic);
	bench_drive_traffic(&scenario->base, &scenario->traffic);
	return look(scenario);
}

void bench_scenario_close(struct scenario *scenario)
{
	bench_drive_close(&scenario->base);
	bench_drive_close(&scenario->drive);
	bench_program_close(&scenario->program);
}

int bench_scenario_round(struct scenario *scenario, __u32 packets, double *ret_base,
			 double *ret_gross)
{
	__u64 base_ns, gross_ns;
	__u32 action;
	int r;

	if (scenario->packets)
		packets = scenario->packets;
	r = bench_drive_run(&scenario->base, packets, &base_ns, &action);
	if (r < 0)
		return r;
	r = bench_drive_run(&scenario->drive, packets, &gross_ns, &action);
	if (r < 0)
		return r;
	if (!expected(scenario, action))
		return -EPROTO;
	*ret_base = (double)base_ns / packets;
	*ret_gross = (double)gross_ns / packets;
	return 0;
}
