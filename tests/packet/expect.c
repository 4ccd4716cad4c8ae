// SPDX-License-Identifier: GPL-2.0-or-later
/* Packets as the test network sends them, and what is expected of the director. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"

const char *const client_address[7] = {[4] = "198.51.100.7", [6] = "2001:db8:1::7"};
const char *const vip_address[7] = {[4] = "203.0.113.10", [6] = "2001:db8:2::10"};
const char *const director_address[7] = {[4] = "192.0.2.1", [6] = "2001:db8:3::1"};

enum {
	SLACK_TICKS = 3,
};

static char context[160];

static const uint8_t director_mac[6] = {2, 0, 0, 0, 0xd1, 0};
static const uint8_t gateway_mac[6] = {2, 0, 0, 0, 0x99, 1};

void director_say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(context, sizeof(context), format, arguments);
	va_end(arguments);
}

const char *director_said(void)
{
	return context;
}

struct packet request_packet(int family, uint8_t protocol)
{
	struct packet packet = {
		.family = family,
		.protocol = protocol,
		.ttl = 64,
		.id = 0x1234,
		.from = client_address[family],
		.to = vip_address[family],
		.sport = CLIENT_PORT,
		.dport = VIP_PORT,
		.tcp_flags = SYN,
		.chunk = INIT,
	};

	memcpy(packet.dmac, director_mac, sizeof(director_mac));
	memcpy(packet.smac, gateway_mac, sizeof(gateway_mac));
	return packet;
}

struct packet reply_packet(const struct packet *request, const char *server, uint16_t port)
{
	struct packet reply = *request;

	reply.from = server;
	reply.to = request->from;
	reply.sport = port;
	reply.dport = request->sport;
	reply.tcp_flags = SYN | ACK;
	reply.chunk = INIT_ACK;
	return reply;
}

struct packet served_packet(const struct packet *request)
{
	static char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
	const struct xlvs_conn *conn = director_conn(request), *reply;
	struct packet served = *request;
	int af;

	assert_non_null(conn);
	assert_in_range(conn->partner, 0, director.table.n_conns - 1);
	reply = &director.table.conns[conn->partner];
	af = reply->family;
	served.family = af == AF_INET ? 4 : 6;
	inet_ntop(af, af == AF_INET ? &reply->key.v4.daddr : reply->key.v6.daddr, from,
		  sizeof(from));
	inet_ntop(af, af == AF_INET ? &reply->key.v4.saddr : reply->key.v6.saddr, to, sizeof(to));
	served.from = from;
	served.to = to;
	served.sport = ntohs(reply->dport);
	served.dport = ntohs(reply->sport);
	return served;
}

struct packet sent_to_dest(const struct packet *packet, uint32_t dest)
{
	const struct xlvs_nexthop *nexthop = &director.nexthops[director.table.dests[dest].nexthop];
	struct packet sent = *packet;

	memcpy(sent.dmac, nexthop->dmac, sizeof(sent.dmac));
	memcpy(sent.smac, nexthop->smac, sizeof(sent.smac));
	sent.ttl--;
	return sent;
}

struct packet sent_to_client(const struct packet *packet)
{
	static const uint8_t client_mac[6] = {2, 0, 0, 0, 0xc0, 7};
	static const uint8_t own_mac[6] = {2, 0, 0, 0, 0xc0, 1};
	struct packet sent = *packet;

	memcpy(sent.dmac, client_mac, sizeof(client_mac));
	memcpy(sent.smac, own_mac, sizeof(own_mac));
	sent.ttl--;
	return sent;
}

struct packet tunnel_to_dest(const struct packet *packet, uint32_t dest)
{
	const struct xlvs_dest *record = &director.table.dests[dest];
	static char address[INET6_ADDRSTRLEN];
	struct packet outer = sent_to_dest(packet, dest);

	outer.family = record->family == AF_INET ? 4 : 6;
	inet_ntop(record->family, record->address, address, sizeof(address));
	outer.from = director_address[outer.family];
	outer.to = address;
	if ((packet->tos & 3) == 3) /* congestion met: stays inside (RFC 3168) */
		outer.tos = (uint8_t)(packet->tos - 1);
	outer.option_bytes = 0;
	outer.fragment = packet->family == 4 ? packet->fragment & DONT_FRAGMENT : 0;
	if (!director.table.runtime->tunnel_df)
		outer.fragment = 0;
	if (outer.fragment)
		outer.id = 0;
	outer.protocol = record->tunnel_type == XLVS_TUNNEL_GUE	  ? PACKET_UDP
			 : record->tunnel_type == XLVS_TUNNEL_GRE ? PACKET_GRE
								  : 0;
	outer.dport = GUE_PORT;
	outer.no_checksum = !record->tunnel_flags;
	return outer;
}

static bool is_of(const struct xlvs_conn *conn, const struct packet *packet)
{
	int af = packet->family == 4 ? AF_INET : AF_INET6;
	size_t bytes = packet->family == 4 ? 4 : 16;
	uint8_t ends[32];

	assert_int_equal(inet_pton(af, packet->from, ends), 1);
	assert_int_equal(inet_pton(af, packet->to, ends + bytes), 1);
	return ((uint32_t)conn->word & XLVS_LIFE_MASK) == XLVS_LIFE_LIVE && conn->family == af &&
	       conn->protocol == packet->protocol && conn->sport == htons(packet->sport) &&
	       conn->dport == htons(packet->dport) && !memcmp(&conn->key, ends, 2 * bytes);
}

static bool is_template_of(const struct xlvs_conn *conn, const struct packet *request,
			   uint16_t port)
{
	int af = request->family == 4 ? AF_INET : AF_INET6;
	size_t bytes = request->family == 4 ? 4 : 16;
	uint8_t ends[32];

	assert_int_equal(inet_pton(af, request->from, ends), 1);
	assert_int_equal(inet_pton(af, request->to, ends + bytes), 1);
	return ((uint32_t)conn->word & XLVS_LIFE_MASK) == XLVS_LIFE_LIVE &&
	       conn->family == (af | XLVS_FAMILY_TEMPLATE) && conn->protocol == request->protocol &&
	       !conn->sport && conn->dport == htons(port) && !memcmp(&conn->key, ends, 2 * bytes);
}

struct xlvs_conn *director_template(const struct packet *request, uint16_t port)
{
	struct xlvs_conn *found = NULL;

	for (uint32_t i = 0; i < director.table.n_conns; i++) {
		struct xlvs_conn *conn = &director.table.conns[i];

		if (is_template_of(conn, request, port) &&
		    (!found || !(conn->meta & XLVS_META_INVALID)))
			found = conn;
	}
	return found;
}

struct xlvs_conn *director_conn(const struct packet *packet)
{
	for (uint32_t i = 0; i < director.table.n_conns; i++) {
		if (is_of(&director.table.conns[i], packet))
			return &director.table.conns[i];
	}
	return NULL;
}

void director_age(struct xlvs_conn *conn, uint32_t ticks)
{
	conn->deadline -= ticks;
	if (!(conn->meta & XLVS_META_REPLY))
		conn->refreshed = (uint16_t)(conn->refreshed - ticks);
}

uint32_t director_now(void)
{
	struct timespec jiffy, now;
	int64_t passed_ns;

	/* The coarse clock stands still when jiffies do, while nobody runs a virtual machine. */
	clock_getres(CLOCK_MONOTONIC_COARSE, &jiffy);
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	passed_ns = (now.tv_sec - director.opened_at.tv_sec) * 1000000000 + now.tv_nsec -
		    director.opened_at.tv_nsec;
	return director.opened_at_tick + (uint32_t)(passed_ns / jiffy.tv_nsec);
}

struct xlvs_traffic director_traffic(uint32_t dest)
{
	struct xlvs_traffic sum = {};

	for (uint32_t cpu = 0; cpu < director.n_cpus; cpu++) {
		const struct xlvs_traffic *one = &director.traffic[cpu * XLVS_DESTS_MAX + dest];

		sum.in_packets += one->in_packets;
		sum.in_bytes += one->in_bytes;
		sum.out_packets += one->out_packets;
		sum.out_bytes += one->out_bytes;
	}
	return sum;
}

uint64_t director_reason(uint32_t reason)
{
	uint64_t sum = 0;

	for (uint32_t cpu = 0; cpu < director.n_cpus; cpu++)
		sum += director.reasons[cpu * XLVS_REASONS_MAX + reason];
	return sum;
}

uint32_t director_run(const struct frame *in, struct frame *ret_out)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->data,
		    .data_size_in = (uint32_t)in->bytes, .data_out = ret_out->data,
		    .data_size_out = sizeof(ret_out->data));

	director.ran_at_tick = director_now();
	assert_int_equal(bpf_prog_test_run_opts(director.program_fd, &opts), 0);
	ret_out->bytes = opts.data_size_out;
	return opts.retval;
}

static const char *action_name(uint32_t action)
{
	static const char *const names[] = {"aborted", "drop", "pass", "tx", "redirect"};

	return action < sizeof(names) / sizeof(names[0]) ? names[action] : "unknown";
}

static void print_reasons(void)
{
	static const char *const names[XLVS_REASONS_MAX] = {
#define NAME(symbol, name, text) [XLVS_DROP_##symbol] = name,
		XLVS_DROPS(NAME)
#undef NAME
#define NAME(symbol, name, text) [XLVS_EVENT_##symbol] = name,
			XLVS_EVENTS(NAME)
#undef NAME
	};

	for (uint32_t i = 0; i < XLVS_REASONS_END; i++) {
		if (director_reason(i))
			fprintf(stderr, "%s: %lu\n", names[i] ? names[i] : "pass",
				(unsigned long)director_reason(i));
	}
}

static void expect_action(uint32_t got, uint32_t wanted)
{
	if (got == wanted)
		return;
	print_reasons();
	fail_msg("%s: action %s, wanted %s", context, action_name(got), action_name(wanted));
}

void expect_frame(const struct frame *got, const struct frame *wanted)
{
	if (got->bytes == wanted->bytes && !memcmp(got->data, wanted->data, got->bytes))
		return;
	packet_print_difference(wanted, got);
	fail_msg("%s: the frame is not as wanted", context);
}

void expect_leaving(uint32_t action, uint32_t ifindex)
{
	expect_action(action, ifindex == INGRESS ? XDP_TX : XDP_REDIRECT);
}

void expect_sent(const struct frame *in, const struct frame *wanted, uint32_t ifindex)
{
	struct frame out;

	expect_leaving(director_run(in, &out), ifindex);
	expect_frame(&out, wanted);
}

static uint64_t count_all(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < XLVS_REASONS_MAX; i++)
		sum += director_reason(i);
	for (uint32_t i = 0; i < DIRECTOR_DESTS_MAX; i++) {
		struct xlvs_traffic traffic = director_traffic(i);

		sum += traffic.in_packets + traffic.in_bytes + traffic.out_packets +
		       traffic.out_bytes;
	}
	return sum;
}

void expect_passed(const struct frame *in)
{
	uint64_t before = count_all();
	struct frame out;

	expect_action(director_run(in, &out), XDP_PASS);
	expect_frame(&out, in);
	if (count_all() != before)
		fail_msg("%s: something was counted", context);
}

/* Run a frame of which `reason` alone is to be counted among the drops. */
static uint32_t run_for_reason(const struct frame *in, uint32_t reason, struct frame *ret_out)
{
	uint64_t before[XLVS_DROPS_END];
	uint32_t action;

	for (uint32_t i = 0; i < XLVS_DROPS_END; i++)
		before[i] = director_reason(i);
	action = director_run(in, ret_out);
	for (uint32_t i = 0; i < XLVS_DROPS_END; i++) {
		if (director_reason(i) - before[i] != (i == reason))
			fail_msg("%s: reason %u counted %d times", context, i,
				 (int)(director_reason(i) - before[i]));
	}
	return action;
}

void expect_dropped(const struct frame *in, uint32_t reason)
{
	struct frame out;

	expect_action(run_for_reason(in, reason, &out), XDP_DROP);
	expect_frame(&out, in);
}

/* `outer` has the MACs, family and addresses of the error. */
static void expect_told(const struct packet *packet, uint32_t reason, struct packet outer,
			uint32_t ifindex, const struct packet_error *error)
{
	uint64_t told = director_reason(XLVS_EVENT_ICMP_SENT);
	struct packet quoted = *packet;
	struct frame in, out, wanted;

	packet_build(packet, &in);
	expect_leaving(run_for_reason(&in, reason, &out), ifindex);
	assert_int_equal(director_reason(XLVS_EVENT_ICMP_SENT) - told, 1);
	quoted.ttl -= reason == XLVS_DROP_TOO_BIG;
	packet_build(&quoted, &in);
	outer.ttl = 64;
	outer.tos = packet->family == 4 ? (packet->tos & 0x1e) | 0xc0 : 0;
	outer.id = packet_get16(out.data + ETHERNET_BYTES + 4);
	outer.fragment = outer.option_bytes = 0;
	packet_tell(&outer, error, &in, &wanted);
	expect_frame(&out, &wanted);
}

void expect_client_told(const struct packet *packet, uint32_t reason,
			const struct packet_error *error)
{
	struct packet outer = sent_to_client(packet);

	outer.from = packet->to;
	outer.to = packet->from;
	expect_told(packet, reason, outer, director.client_ifindex, error);
}

void expect_no_dest(const struct packet *packet)
{
	static const struct packet_error unreachable[7] = {
		[4] = {.type = 3, .code = 3},
		[6] = {.type = 1, .code = 4},
	};

	director_forget_icmp();
	expect_client_told(packet, XLVS_DROP_NO_DEST, &unreachable[packet->family]);
}

void expect_server_told(const struct packet *packet, uint32_t dest, uint32_t reason,
			const struct packet_error *error)
{
	struct packet outer = sent_to_dest(packet, dest);

	outer.from = director_address[packet->family];
	outer.to = packet->from;
	expect_told(packet, reason, outer, INGRESS, error);
}

void expect_forwarded(const struct packet *packet)
{
	struct frame in, out;
	uint32_t action;

	packet_build(packet, &in);
	action = director_run(&in, &out);
	if (action != XDP_TX && action != XDP_REDIRECT)
		expect_action(action, XDP_TX);
}

void expect_timeout(const struct xlvs_conn *conn, uint32_t seconds)
{
	uint32_t set_at = conn->deadline - seconds * director.constants.ticks_per_sec;
	int32_t early = (int32_t)(director.ran_at_tick - set_at);
	int32_t late = (int32_t)(set_at - director_now());

	if (early > SLACK_TICKS || late > SLACK_TICKS)
		fail_msg("%s: times out %d ticks too early or %d too late", context, early, late);
}

void expect_sound_table(void)
{
	struct table_census census;

	if (table_audit(&director.table, &census))
		fail_msg("%s: the connection table contradicts itself", context);
}
