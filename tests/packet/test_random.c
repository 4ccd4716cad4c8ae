// SPDX-License-Identifier: GPL-2.0-or-later
/* Random and damaged frames, a hundred thousand of them, against what an independent reading of
 * each says: nothing malformed is forwarded, what is forwarded is the frame that came with the
 * headers its service calls for and checksums as right as they were, everything else stays as it
 * was.
 *
 *   test_random [SEED] */
#include "fixture.h"

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/packet_read.h"

enum {
	FRAMES = 100000,
	FRAMES_PER_TABLE = 1000,
	SECONDS_MAX = 6, /* in an emulated guest there is time for fewer */
	WAYS = 4,
	SERVED = 6 * WAYS,
	CLIENTS = 8,
	PAYLOAD_MAX = 200,
	DAMAGE_BYTES = 90, /* the part of a frame that is damaged most */
	FTP_DATA_PORT = 20, /* opens no connections */
};

static const struct way {
	uint8_t method;
	bool other_family; /* of the tunnel */
} ways[WAYS] = {
	{XLVS_FORWARD_dr, false},
	{XLVS_FORWARD_nat, false},
	{XLVS_FORWARD_tun, false},
	{XLVS_FORWARD_tun, true},
};

/* A service, and its one destination. */
static struct served {
	struct packet request; /* an example */
	const struct way *way;
	const char *server;
	uint32_t dest;
} served[SERVED];

static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)((random_state >> 33) % n);
}

static bool chance(uint32_t one_in)
{
	return random_below(one_in) == 0;
}

/* Connections that have been opened since begin(), by their hash. */
static uint64_t opened[FRAMES_PER_TABLE];
static uint32_t n_opened;

static void serve(struct served *service, int n)
{
	static const uint8_t protocols[] = {PACKET_TCP, PACKET_UDP, PACKET_SCTP};
	struct dest_words words = {.weight = 1, .ifindex = INGRESS};

	service->request = request_packet(n & 1 ? 6 : 4, protocols[n / 2 % 3]);
	service->way = &ways[n / 6];
	service->request.dport = (uint16_t)(VIP_PORT + n / 6);
	words.family =
		service->way->other_family ? 10 - service->request.family : service->request.family;
	service->server = server_address(words.family, 1 + n);
	words.address = service->server;
	words.method = service->way->method;
	words.port = words.method == XLVS_FORWARD_nat ? SERVER_PORT : 0;
	service->dest = director_add_dest(
		director_add_service(&service->request, XLVS_SCHEDULER_rr), &words);
}

static void begin(void)
{
	n_opened = 0;
	director_reset();
	for (int i = 0; i < SERVED; i++)
		serve(&served[i], i);
}

/* A good packet, of the kind that clients and servers send. */
static void make_good(struct frame *ret_frame)
{
	static const uint8_t flags[] = {SYN, SYN, ACK, ACK | PSH, ACK | FIN, RST, SYN | ACK};
	static const uint8_t chunks[] = {INIT, INIT, COOKIE_ECHO, DATA, ABORT, COOKIE_ACK, 99};
	const struct served *service = &served[random_below(SERVED)];
	struct packet packet = service->request;

	packet.sport = (uint16_t)(CLIENT_PORT + random_below(CLIENTS));
	if (service->way->method == XLVS_FORWARD_nat && chance(3))
		packet = reply_packet(&packet, service->server, SERVER_PORT);
	packet.tcp_flags =
		chance(6) ? (uint8_t)random_below(64) : flags[random_below(sizeof(flags))];
	packet.chunk = chunks[random_below(sizeof(chunks))];
	packet.next_chunk = chance(3) ? ABORT : 0;
	packet.payload_bytes = (uint16_t)random_below(PAYLOAD_MAX);
	if (chance(20)) /* about as long as may be */
		packet.payload_bytes = (uint16_t)(MTU_BYTES - random_below(120));
	packet.tos = (uint8_t)random_below(256);
	packet.id = (uint16_t)random_below(1 << 16);
	packet.fragment = chance(2) ? DONT_FRAGMENT : 0;
	packet.option_bytes = chance(4) ? (uint16_t)(4 * random_below(11)) : 0;
	packet.no_checksum = chance(8);
	packet.padding_bytes = chance(3) ? (uint16_t)random_below(20) : 0;
	if (chance(10))
		packet.ttl = (uint8_t)random_below(4);
	packet_build(&packet, ret_frame);
}

/* Change the word at `at` so that the checksum over it comes out as `wanted`. */
static void aim(struct frame *frame, size_t at, size_t check_at, uint16_t wanted)
{
	uint32_t word = packet_get16(frame->data + at);

	word += packet_get16(frame->data + check_at) + (uint16_t)~wanted;
	packet_put16(frame->data + at, (uint16_t)(word % 0xffff));
	packet_seal(frame);
}

/* Sums are easily wrong by one where they overflow. */
static void aim_sums(struct frame *frame)
{
	static const uint16_t edges[] = {0x0000, 0x0001, 0x00ff, 0x0100, 0xfe00,
					 0xfeff, 0xff00, 0xff01, 0xfffe, 0xffff};
	uint16_t wanted = edges[random_below(sizeof(edges) / sizeof(edges[0]))];
	struct packet_facts facts;

	if (!packet_read(frame->data, frame->bytes, &facts))
		return;
	if (facts.family == 4)
		aim(frame, ETHERNET_BYTES + 4, ETHERNET_BYTES + 10, wanted);
	if (facts.protocol == PACKET_TCP)
		aim(frame, facts.transport_at + 6, facts.transport_at + 16, wanted);
	else if (facts.protocol == PACKET_UDP && facts.end_at >= facts.transport_at + 10)
		aim(frame, facts.transport_at + 8, facts.transport_at + 6, wanted);
}

static void damage(struct frame *frame)
{
	static const uint8_t likely[] = {0, 1, 4, 5, 6, 17, 0x40, 0x45, 0x4f, 0x60, 0x86, 0xff};
	size_t reach = frame->bytes < DAMAGE_BYTES ? frame->bytes : DAMAGE_BYTES;
	size_t at = random_below((uint32_t)reach);

	switch (random_below(5)) {
	case 0:
		frame->data[at] ^= (uint8_t)(1 << random_below(8));
		break;
	case 1:
		frame->data[at] = likely[random_below(sizeof(likely))];
		break;
	case 2:
		frame->data[at] = (uint8_t)random_below(256);
		break;
	case 3: /* shorter */
		frame->bytes -= random_below((uint32_t)(frame->bytes - ETHERNET_BYTES) + 1);
		break;
	default: /* a length */
		if (frame->bytes > ETHERNET_BYTES + 6)
			packet_put16(
				frame->data + ETHERNET_BYTES + (chance(2) ? 2 : 4),
				(uint16_t)(frame->bytes - ETHERNET_BYTES - 40 + random_below(80)));
	}
}

static void make_frame(struct frame *ret_frame)
{
	struct packet_facts facts;

	make_good(ret_frame);
	if (chance(6))
		aim_sums(ret_frame);
	if (chance(3))
		return;
	if (chance(12)) {
		for (size_t i = chance(2) ? 0 : 14; i < ret_frame->bytes; i++)
			ret_frame->data[i] = (uint8_t)random_below(256);
		return;
	}
	do
		damage(ret_frame);
	while (chance(2));
	/* Mostly damaged on purpose, with the right checksums. */
	if (!chance(4) && packet_read(ret_frame->data, ret_frame->bytes, &facts))
		packet_seal(ret_frame);
}

static bool has_address(const struct frame *frame, size_t at, int family, const char *address)
{
	uint8_t bytes[16];

	inet_pton(family == 4 ? AF_INET : AF_INET6, address, bytes);
	return !memcmp(frame->data + at, bytes, family == 4 ? 4 : 16);
}

/* The service a packet is for, or that it is a reply of; NULL when it is neither. */
static const struct served *service_of(const struct frame *frame, const struct packet_facts *facts,
				       bool is_reply)
{
	for (int i = 0; i < SERVED; i++) {
		const struct packet *request = &served[i].request;

		if (request->family != facts->family || request->protocol != facts->protocol)
			continue;
		if (is_reply && served[i].way->method == XLVS_FORWARD_nat &&
		    facts->sport == SERVER_PORT &&
		    has_address(frame, facts->from_at, facts->family, served[i].server))
			return &served[i];
		if (!is_reply && facts->dport == request->dport &&
		    has_address(frame, facts->to_at, facts->family, request->to))
			return &served[i];
	}
	return NULL;
}

static void put_end(struct frame *frame, size_t address_at, size_t port_at, const char *address,
		    uint16_t port)
{
	inet_pton(strchr(address, ':') ? AF_INET6 : AF_INET, address, frame->data + address_at);
	packet_put16(frame->data + port_at, port);
}

/* The frame that came, one hop further: TTL, MAC addresses, and translated. */
static void travel(struct frame *frame, const struct packet_facts *facts,
		   const struct served *service, bool is_reply)
{
	struct packet plain = service->request, sent;

	sent = is_reply ? sent_to_client(&plain) : sent_to_dest(&plain, service->dest);
	memcpy(frame->data, sent.dmac, 6);
	memcpy(frame->data + 6, sent.smac, 6);
	frame->data[ETHERNET_BYTES + (facts->family == 4 ? 8 : 7)]--;
	if (is_reply)
		put_end(frame, facts->from_at, facts->transport_at, service->request.to,
			service->request.dport);
	else if (service->way->method == XLVS_FORWARD_nat)
		put_end(frame, facts->to_at, facts->transport_at + 2, service->server, SERVER_PORT);
}

/* Take over the checksums that may have changed; whether they are right is another question. */
static void copy_sums(struct frame *to, const struct frame *from, const struct packet_facts *facts)
{
	bool sctp = facts->protocol == PACKET_SCTP;
	size_t check = facts->transport_at + (facts->protocol == PACKET_TCP ? 16 : sctp ? 8 : 6);

	if (facts->family == 4)
		memcpy(to->data + ETHERNET_BYTES + 10, from->data + ETHERNET_BYTES + 10, 2);
	memcpy(to->data + check, from->data + check, sctp ? 4 : 2);
}

/* The header of the tunnel goes around `inner`, as it does around any packet with its TTL, TOS, id
 * and flag. */
static void wrap(const struct frame *inner, const struct frame *out,
		 const struct packet_facts *facts, uint32_t dest, struct frame *ret_wanted)
{
	const uint8_t *ip = inner->data + ETHERNET_BYTES;
	struct packet packet = {.family = facts->family, .ttl = facts->ttl}, outer;

	packet.tos = facts->family == 4 ? ip[1] : (uint8_t)(ip[0] << 4 | ip[1] >> 4);
	packet.id = packet_get16(ip + 4);
	packet.fragment = facts->family == 4 ? packet_get16(ip + 6) : 0;
	outer = tunnel_to_dest(&packet, dest);
	if (facts->family == 6) /* any */
		outer.id = packet_get16(out->data + ETHERNET_BYTES + 4);
	packet_wrap(&outer, inner, ret_wanted);
}

static bool has_sum(const struct frame *frame, size_t udp_at)
{
	return packet_get16(frame->data + udp_at + 6) != 0;
}

static void expect_right(const struct frame *in, const struct frame *out,
			 const struct packet_facts *facts, const struct served *service,
			 bool is_reply)
{
	static struct frame inner, wanted;

	inner = *in;
	travel(&inner, facts, service, is_reply);
	if (service->way->method == XLVS_FORWARD_tun) {
		size_t overhead = out->bytes - in->bytes;

		/* The inner header's checksum, the only one that changed, is found further on. */
		if (facts->family == 4)
			memcpy(inner.data + ETHERNET_BYTES + 10,
			       out->data + overhead + ETHERNET_BYTES + 10, 2);
		wrap(&inner, out, facts, service->dest, &wanted);
	} else {
		wanted = inner;
		copy_sums(&wanted, out, facts);
	}
	expect_frame(out, &wanted);
	if (facts->protocol == PACKET_UDP && has_sum(in, facts->transport_at) &&
	    !has_sum(out, facts->transport_at + out->bytes - in->bytes))
		fail_msg("%s: a datagram has lost its checksum", director_said());
	if (packet_sums_right(out) != packet_sums_right(in)) {
		packet_print_difference(in, out);
		fail_msg("%s: the checksums are %s", director_said(),
			 packet_sums_right(in) ? "no longer right" : "suddenly right");
	}
}

/* Of a request's addresses, ports and protocol; a reply's as if it were its request. */
static uint64_t hash_of(const struct frame *frame, const struct packet_facts *facts,
			const struct served *service, bool is_reply)
{
	uint16_t client_port = is_reply ? facts->dport : facts->sport;
	uint64_t hash = (uint64_t)(service - served) << 16 | client_port;

	for (size_t i = 0; i < facts->address_bytes; i++)
		hash = (hash ^ frame->data[(is_reply ? facts->to_at : facts->from_at) + i]) *
		       0x100000001b3;
	return hash;
}

static bool is_opened(uint64_t hash)
{
	for (uint32_t i = 0; i < n_opened; i++) {
		if (opened[i] == hash)
			return true;
	}
	return false;
}

static bool may_open(const struct packet_facts *facts)
{
	return facts->sport != FTP_DATA_PORT &&
	       (facts->protocol != PACKET_TCP || (facts->tcp_flags & (SYN | RST)) == SYN) &&
	       (facts->protocol != PACKET_SCTP || facts->chunk == INIT);
}

/* Whether a packet of that service has a connection, or opens one. */
static bool is_connected(const struct frame *in, const struct packet_facts *facts,
			 const struct served *service, bool is_reply)
{
	uint64_t hash = hash_of(in, facts, service, is_reply);

	if (is_opened(hash))
		return true;
	if (is_reply || !may_open(facts))
		return false;
	opened[n_opened++] = hash;
	return true;
}

static void judge_forwarded(const struct frame *in, const struct frame *out)
{
	const struct served *service = NULL;
	struct packet_facts facts;
	bool is_reply = false;

	if (packet_read(in->data, in->bytes, &facts)) {
		service = service_of(in, &facts, false);
		is_reply = !service;
		if (is_reply)
			service = service_of(in, &facts, true);
	}
	if (!service || !is_connected(in, &facts, service, is_reply) || facts.ttl < 2 ||
	    out->bytes < in->bytes ||
	    facts.end_at + out->bytes - in->bytes > ETHERNET_BYTES + MTU_BYTES) {
		packet_print_difference(in, out);
		fail_msg("%s: must not be forwarded", director_said());
	}
	expect_right(in, out, &facts, service, is_reply);
}

/* A packet with nothing wrong, that fits with any tunnel's header. */
static bool must_be_forwarded(const struct frame *in)
{
	struct packet_facts facts;

	return packet_read(in->data, in->bytes, &facts) && service_of(in, &facts, false) &&
	       facts.ttl > 1 && may_open(&facts) && facts.end_at <= MTU_BYTES - 40;
}

static uint64_t drops(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 1; i < XLVS_DROPS_END; i++)
		sum += director_reason(i);
	return sum;
}

/* A packet may be dropped on its way out, after it has opened its connection. */
static void judge_dropped(const struct frame *in)
{
	const struct served *service;
	struct packet_facts facts;

	if (!packet_read(in->data, in->bytes, &facts))
		fail_msg("%s: malformed, not the director's to drop", director_said());
	service = service_of(in, &facts, false);
	if (service)
		is_connected(in, &facts, service, false);
	else
		assert_non_null(service_of(in, &facts, true));
}

/* Its sender was told: by where it sent it, quoting it as it was but for the TTL. */
static void judge_told(const struct frame *in, const struct frame *out)
{
	bool is4 = in->data[ETHERNET_BYTES] >> 4 == 4;
	size_t address = is4 ? 4 : 16, from = ETHERNET_BYTES + (is4 ? 12 : 8);
	size_t quoted = (is4 ? 20 : 40) + 8;

	judge_dropped(in);
	assert_true(out->bytes > quoted + from && out->bytes <= in->bytes + quoted);
	assert_memory_equal(out->data + from + address, in->data + from, address);
	assert_memory_equal(out->data + quoted + from, in->data + from, out->bytes - quoted - from);
}

static void judge_kept(uint32_t action, const struct frame *in, const struct frame *out,
		       uint64_t drops_before)
{
	expect_frame(out, in);
	if (must_be_forwarded(in))
		fail_msg("%s: must be forwarded, action %u", director_said(), action);
	assert_in_range(action, XDP_DROP, XDP_PASS);
	assert_int_equal(drops() - drops_before, action == XDP_DROP);
	if (action == XDP_DROP)
		judge_dropped(in);
}

/* They have a test of their own. */
static bool is_fragment(const struct frame *frame)
{
	return packet_get16(frame->data + 12) == 0x0800 &&
	       packet_get16(frame->data + ETHERNET_BYTES + 6) & 0x3fff;
}

static void test_only_good_packets_are_forwarded_and_nothing_else_is_touched(void **state)
{
	static struct frame in, out;
	uint32_t forwarded = 0, n = 0;
	time_t started = time(NULL);

	(void)state;
	for (; n < FRAMES && time(NULL) - started < SECONDS_MAX; n++) {
		uint64_t before;
		uint32_t action;

		if (n % FRAMES_PER_TABLE == 0)
			begin();
		before = drops();
		do
			make_frame(&in);
		while (is_fragment(&in));
		director_say("frame %u", n);
		action = director_run(&in, &out);
		if (drops() != before && action != XDP_DROP) {
			judge_told(&in, &out);
		} else if (action == XDP_TX || action == XDP_REDIRECT) {
			judge_forwarded(&in, &out);
			forwarded++;
		} else {
			judge_kept(action, &in, &out, before);
		}
		if (n % FRAMES_PER_TABLE == FRAMES_PER_TABLE - 1)
			expect_sound_table();
	}
	print_message("%u frames, %u forwarded\n", n, forwarded);
	assert_true(forwarded > n / 5);
	assert_true(forwarded < n * 4 / 5);
}

static int setup(void **state)
{
	const struct director_options options = {.n_conns = 8192};

	(void)state;
	return director_open(&options);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_good_packets_are_forwarded_and_nothing_else_is_touched),
	};

	random_state = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	return cmocka_run_group_tests(tests, setup, director_tear_down);
}
