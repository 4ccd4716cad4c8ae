/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ICMP and ICMPv6 errors: those the director sends because it could not forward a packet, and those
 * that others send about packets it forwarded. As net/netfilter/ipvs/ip_vs_core.c and ip_vs_xmit.c
 * do it, the errors themselves as net/ipv4/icmp.c and net/ipv6/icmp.c. */
#ifndef XLVS_DATAPATH_ICMP_BPF_H
#define XLVS_DATAPATH_ICMP_BPF_H

#include <linux/ip.h>
#include <linux/ipv6.h>

#include "datapath/packet.bpf.h"
#include "datapath/parse.bpf.h"
#include "forward/forward.bpf.h"

enum xlvs_icmp_constant {
	XLVS_ICMP_BYTES = 8, /* an error's header, of either family */
	XLVS_QUOTED4 = sizeof(struct ethhdr) + sizeof(struct iphdr) + XLVS_ICMP_BYTES,
	XLVS_QUOTED6 = sizeof(struct ethhdr) + sizeof(struct ipv6hdr) + XLVS_ICMP_BYTES,
	XLVS_QUOTED_PORTS_BYTES = 8, /* an error has at least so much of the transport header */
	XLVS_ICMP4_UNREACHABLE = 3,
	XLVS_ICMP4_SOURCE_QUENCH = 4,
	XLVS_ICMP4_TIME_EXCEEDED = 11,
	XLVS_ICMP4_PORT = 3, /* codes of "unreachable" */
	XLVS_ICMP4_TOO_BIG = 4,
	XLVS_ICMP6_UNREACHABLE = 1,
	XLVS_ICMP6_TOO_BIG = 2,
	XLVS_ICMP6_TIME_EXCEEDED = 3,
	XLVS_ICMP6_INFORMATIONAL = 128, /* types from here on are no errors */
	XLVS_ICMP6_PORT = 4, /* code of "unreachable" */
};

/* Of either family, with the MTU that "too big" tells. */
struct xlvs_icmp_header {
	__u8 type;
	__u8 code;
	__u16 checksum;
	__be16 mtu_high; /* IPv6 */
	__be16 mtu;
};

/* Turn a packet that was to be dropped for `reason`, and is as it came, into the error that tells
 * its sender, and send that: an XDP action. Negative when there is nothing to tell, nobody to be
 * told, or enough has been said (the kernel's default rates). */
int xlvs_icmp_answer(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 reason);

/* Of an error that the director words itself. */
struct xlvs_icmp_word {
	__u32 quote_offset; /* where in the frame the packet stands that is quoted */
	__u16 mtu_bytes; /* 0: none to be told; of a parameter problem what it points to */
	__u8 type;
	__u8 code;
	bool relayed; /* somebody else's, which the director does not count against its rate */
};

/* Turn a frame that holds the beginning of a packet, pkt->length_bytes of it, into the error that
 * tells its sender of it, in the name of whom it was for, and send that: an XDP action. Negative as
 * above; the frame is as it came. */
int xlvs_icmp_tell_sender(struct xdp_md *ctx, struct xlvs_packet *pkt, struct xlvs_icmp_word *word);

/* An error about no connection that there is. */
#define XLVS_ICMP_UNKNOWN (XLVS_NOT_OURS + 1)
/* An error about a FULLNAT connection between address families: pkt->record is what was found by
 * the packet it quotes, whose transport header stands at pkt->l4_offset. */
#define XLVS_ICMP_CROSS (XLVS_NOT_OURS + 2)

/* A packet that is neither TCP nor UDP, or not a whole one: if it is an error about a connection,
 * it is sent on to whom it concerns, what it quotes translated. An XDP action, XLVS_NOT_OURS or a
 * negative reason, XLVS_ICMP_CROSS among them; while the setting schedule_icmp is on also
 * XLVS_ICMP_UNKNOWN, with what the error is about in *pkt. */
int xlvs_icmp_error(struct xdp_md *ctx, struct xlvs_packet *pkt);

/* Such an error opens the connection, if there is a service for it, and goes on by it. An XDP
 * action, XLVS_NOT_OURS or a negative reason. `pkt` is overwritten. */
int xlvs_icmp_schedule(struct xdp_md *ctx, struct xlvs_packet *pkt);

/* What was found to be XLVS_ICMP_CROSS goes on to whom it concerns, in the words of the other
 * family. An XDP action, XLVS_NOT_OURS or a negative reason. `pkt` is overwritten. */
int xlvs_icmp_cross(struct xdp_md *ctx, struct xlvs_packet *pkt);

/* The same for an error about a tunnel between director and destination: the client is told of the
 * packet inside, and the daemon the MTU of the path. `pkt` is overwritten. */
int xlvs_icmp_tunnel(struct xdp_md *ctx, struct xlvs_packet *pkt);

/* Each: the IP header that an error quotes, readable, and the error's length in `pkt`; NULL for
 * what is no whole error. */
static __always_inline struct iphdr *xlvs_icmp_quoted_ipv4(struct xdp_md *ctx,
							   struct xlvs_packet *pkt)
{
	void *end = (void *)(long)ctx->data_end;
	const struct iphdr *ip;
	const __u8 *icmp;
	void *frame;

	if (!xlvs_frame(ctx, XLVS_QUOTED4 + sizeof(*ip), &frame))
		return (void *)0;
	ip = frame + sizeof(struct ethhdr);
	icmp = (void *)(ip + 1);
	pkt->length_bytes = bpf_ntohs(ip->tot_len);
	if (*(const __u8 *)ip != XLVS_IPV4_NO_OPTIONS || ip->protocol != IPPROTO_ICMP ||
	    ip->frag_off & bpf_htons(XLVS_IP_FRAGMENT) ||
	    pkt->length_bytes > end - (const void *)ip)
		return (void *)0;
	if (icmp[0] != XLVS_ICMP4_UNREACHABLE && icmp[0] != XLVS_ICMP4_SOURCE_QUENCH &&
	    icmp[0] != XLVS_ICMP4_TIME_EXCEEDED)
		return (void *)0;
	return frame + XLVS_QUOTED4;
}

static __always_inline struct ipv6hdr *xlvs_icmp_quoted_ipv6(struct xdp_md *ctx,
							     struct xlvs_packet *pkt)
{
	const struct ipv6hdr *ip;
	void *frame;

	if (!xlvs_frame(ctx, XLVS_QUOTED6 + sizeof(*ip) + XLVS_QUOTED_PORTS_BYTES, &frame))
		return (void *)0;
	ip = frame + sizeof(struct ethhdr);
	if (ip->nexthdr != IPPROTO_ICMPV6 ||
	    xlvs_parse_ipv6_header(ip, (void *)(long)ctx->data_end, pkt) ||
	    pkt->length_bytes <
		    XLVS_QUOTED6 + sizeof(*ip) + XLVS_QUOTED_PORTS_BYTES - sizeof(struct ethhdr) ||
	    *(const __u8 *)(ip + 1) >= XLVS_ICMP6_INFORMATIONAL)
		return (void *)0;
	return frame + XLVS_QUOTED6;
}

/* Do as many bytes as the IP header says have the checksum that stands in them? */
static __always_inline bool xlvs_icmp_sum_is_right(struct xdp_md *ctx, __u32 length_bytes,
						   bool ipv4)
{
	__u32 ip_bytes = ipv4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	__u32 bytes = length_bytes - ip_bytes;
	int sum = xlvs_udp_sum(ctx, sizeof(struct ethhdr) + ip_bytes, bytes);
	__u64 total = sum;
	const __u32 *addresses;
	void *frame;

	if (sum < 0)
		return false;
	if (!ipv4) {
		if (!xlvs_frame(ctx, sizeof(struct ethhdr) + sizeof(struct ipv6hdr), &frame))
			return false;
		addresses = frame + sizeof(struct ethhdr) + offsetof(struct ipv6hdr, saddr);
		total += bpf_htons(bytes) + bpf_htons(IPPROTO_ICMPV6);
		for (int i = 0; i < 8; i++)
			total += addresses[i];
	}
	return xlvs_checksum_fold(total) == 0xffff;
}

#endif
