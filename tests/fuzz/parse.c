// SPDX-License-Identifier: GPL-2.0-or-later
/* The shipped parser on arbitrary frames: it reads nothing beyond the frame, takes exactly the
 * packets that an independent reading of the RFCs takes, and sees in them what that sees. */
#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/parse.bpf.h"
#include "host_kernel.h"
#include "packet_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum {
	REGION_BYTES = 1 << 16,
	/* IPv4 addresses on a multiple of eight, as the sanitizer wants them read. */
	FRAME_AT = HOST_HEADROOM + 6,
};

/* The frame where a driver would have it, everything around it out of bounds. */
static struct xdp_md receive(const uint8_t *data, size_t bytes)
{
	static uint8_t *region;

	if (!region)
		region = host_low_memory(REGION_BYTES);
	if (!region)
		abort();
	__asan_unpoison_memory_region(region, REGION_BYTES);
	memset(region, 0xee, REGION_BYTES);
	memcpy(region + FRAME_AT, data, bytes);
	__asan_poison_memory_region(region, FRAME_AT & ~7);
	__asan_poison_memory_region(region + FRAME_AT + bytes, REGION_BYTES - FRAME_AT - bytes);
	return host_xdp(region + FRAME_AT, bytes, 1);
}

/* As the entry point decides. */
static int parse(struct xdp_md *xdp, struct xlvs_packet *pkt)
{
	const uint8_t *bytes;
	void *frame;

	if (!xlvs_frame(xdp, XLVS_PARSE_BYTES, &frame))
		return xlvs_parse_unusual(xdp, pkt);
	bytes = frame;
	if (bytes[0] & 1)
		return XLVS_NOT_OURS;
	if (bytes[12] == 0x08 && bytes[13] == 0x00)
		return xlvs_parse_ipv4(xdp, frame, pkt);
	if (bytes[12] == 0x86 && bytes[13] == 0xdd)
		return xlvs_parse_ipv6(xdp, pkt);
	return XLVS_NOT_OURS;
}

static void compare(const struct xlvs_packet *pkt, const struct packet_facts *facts,
		    const uint8_t *data)
{
	static const uint8_t zeros[32];
	size_t key_bytes = 2 * facts->address_bytes;

	if (pkt->tuple.family != (facts->family == 4 ? XLVS_AF_INET : XLVS_AF_INET6) ||
	    pkt->tuple.protocol != facts->protocol || pkt->tuple.flags ||
	    pkt->tuple.sport != bpf_htons(facts->sport) ||
	    pkt->tuple.dport != bpf_htons(facts->dport))
		abort();
	if (memcmp(&pkt->tuple.key, data + facts->from_at, key_bytes) != 0 ||
	    memcmp((const uint8_t *)&pkt->tuple.key + key_bytes, zeros, 32 - key_bytes) != 0)
		abort();
	if (pkt->tcp_flags != (facts->tcp_flags | facts->chunk) ||
	    pkt->l4_offset != facts->transport_at ||
	    pkt->length_bytes + sizeof(struct ethhdr) != facts->end_at)
		abort();
}

static __u64 hash_of(const struct xlvs_tuple *tuple)
{
	if (tuple->family == XLVS_AF_INET)
		return xlvs_hash_ipv4(xlvs_constants.seed, tuple->key.v4.saddr, tuple->key.v4.daddr,
				      tuple->ports, tuple->kind);
	return xlvs_hash_ipv6(xlvs_constants.seed, tuple->key.words, tuple->ports, tuple->kind);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct packet_facts facts;
	struct xlvs_packet pkt;
	struct xdp_md xdp;
	bool taken;

	if (bytes > REGION_BYTES / 2)
		return 0;
	host_set_constants(&(struct xlvs_constants){.seed = {1, 2, 3, 4, 5, 6}});
	memset(&pkt, 0xa5, sizeof(pkt));
	xdp = receive(data, bytes);
	taken = !parse(&xdp, &pkt);
	if (taken != packet_read(data, bytes, &facts))
		abort();
	if (!taken)
		return 0;
	compare(&pkt, &facts, data);
	if (pkt.tuple.hash != hash_of(&pkt.tuple))
		abort();
	return 0;
}
