// SPDX-License-Identifier: GPL-2.0-or-later
/* What the director's own stack sends, at the egress of interfaces: replies of destinations that
 * are addresses of the director. With NAT their source becomes the virtual one again; the others
 * leave as they are, and like them are counted and move their connection's state on. What is sent
 * on for others is not looked at.
 *
 * A packet here may be a large one that is cut later (GSO), its checksum half made: the kernel's
 * helpers see to both. It counts as one, as in IPVS.
 *
 * On the loopback the same is done, and what a program on the director says to a service is sent
 * round to the packet path by a veth pair, whose near end has the kernel cut it and finish its
 * checksums. What the packet path has for such a client takes the same way to it (route.bpf.c). */
#include <linux/pkt_cls.h>

#include "datapath/advance.bpf.h"
#include "datapath/connection.bpf.h"
#include "datapath/counters.bpf.h"
#include "datapath/parse.bpf.h"
#include "datapath/route.bpf.h"
#include "datapath/service.bpf.h"
#include "forward/forward.bpf.h"

enum egress_constant {
	L3 = sizeof(struct ethhdr),
	TCP_BYTES_READ = XLVS_TCP_FLAGS_BYTE + 1,
	SCTP_BYTES_READ = sizeof(struct xlvs_sctp) + 1, /* the first chunk's type */
};

/* What is read of a transport header, 0 for others than those that are looked at. */
static __always_inline __u32 l4_bytes(__u8 protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return TCP_BYTES_READ;
	case IPPROTO_UDP:
		return sizeof(struct udphdr);
	case IPPROTO_SCTP:
		return SCTP_BYTES_READ;
	default:
		return 0;
	}
}

static __always_inline bool read_l4(struct __sk_buff *skb, struct xlvs_packet *pkt)
{
	__u8 l4[TCP_BYTES_READ] = {};
	__u32 bytes = l4_bytes(pkt->tuple.protocol);

	if (!bytes || bpf_skb_load_bytes(skb, pkt->l4_offset, l4, bytes))
		return false;
	__builtin_memcpy(&pkt->tuple.ports, l4, sizeof(pkt->tuple.ports));
	if (pkt->tuple.protocol == IPPROTO_TCP)
		pkt->tcp_flags = l4[XLVS_TCP_FLAGS_BYTE];
	else if (pkt->tuple.protocol == IPPROTO_SCTP)
		pkt->sctp_chunk = l4[sizeof(struct xlvs_sctp)];
	return true;
}

static __always_inline bool read_ipv4(struct __sk_buff *skb, struct xlvs_packet *pkt)
{
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, L3, &ip, sizeof(ip)) ||
	    ip.frag_off & bpf_htons(XLVS_IP_FRAGMENT))
		return false;
	pkt->tuple.kind = ip.protocol | XLVS_AF_INET << 8;
	pkt->tuple.key.v4.saddr = ip.saddr;
	pkt->tuple.key.v4.daddr = ip.daddr;
	pkt->l4_offset = L3 + ip.ihl * 4;
	return read_l4(skb, pkt);
}

static __always_inline bool read_ipv6(struct __sk_buff *skb, struct xlvs_packet *pkt)
{
	struct ipv6hdr ip;

	if (bpf_skb_load_bytes(skb, L3, &ip, sizeof(ip)))
		return false;
	pkt->tuple.kind = ip.nexthdr | XLVS_AF_INET6 << 8;
	__builtin_memcpy(&pkt->tuple.key, &ip.saddr, sizeof(pkt->tuple.key));
	pkt->l4_offset = L3 + sizeof(ip);
	return read_l4(skb, pkt);
}

static __always_inline void hash_packet(struct xlvs_packet *pkt, bool ipv4)
{
	if (ipv4)
		pkt->tuple.hash =
			xlvs_hash_ipv4(xlvs_constants.seed, pkt->tuple.key.v4.saddr,
				       pkt->tuple.key.v4.daddr, pkt->tuple.ports, pkt->tuple.kind);
	else
		xlvs_hash_packet_ipv6(pkt);
}

/* The tuple of the request that this is a reply to. */
static __always_inline void turn_round(struct xlvs_packet *pkt, bool ipv4)
{
	union xlvs_endpoints key = pkt->tuple.key;
	__be16 sport = pkt->tuple.sport;

	pkt->tuple.sport = pkt->tuple.dport;
	pkt->tuple.dport = sport;
	if (ipv4) {
		pkt->tuple.key.v4.saddr = key.v4.daddr;
		pkt->tuple.key.v4.daddr = key.v4.saddr;
	} else {
		__builtin_memcpy(pkt->tuple.key.v6.saddr, key.v6.daddr, sizeof(key.v6.daddr));
		__builtin_memcpy(pkt->tuple.key.v6.daddr, key.v6.saddr, sizeof(key.v6.saddr));
	}
	hash_packet(pkt, ipv4);
}

/* The destination of a record, when it is the director itself. */
static __always_inline struct xlvs_dest *local_dest(const struct xlvs_conn *conn)
{
	struct xlvs_dest *dest = xlvs_dest_at(conn->dest);

	return dest && dest->flags & XLVS_DEST_LOCAL ? dest : (void *)0;
}

static __always_inline void count(const struct __sk_buff *skb, const struct xlvs_conn *conn,
				  const struct xlvs_dest *dest)
{
	if (dest->flags & XLVS_DEST_AVAILABLE)
		xlvs_count_out(conn->dest, skb->len - L3);
}

/* The checksum of an SCTP packet for another source port. One of 0 is none, or still to be made. */
static __always_inline long replace_sctp_sum(struct __sk_buff *skb, const struct xlvs_packet *pkt,
					     __be16 port)
{
	__u32 at = pkt->l4_offset + offsetof(struct xlvs_sctp, sum), sum;
	long r = bpf_skb_load_bytes(skb, at, &sum, sizeof(sum));

	if (r || !sum || port == pkt->tuple.sport)
		return r;
	sum ^= xlvs_sctp_sum_change(pkt->tuple.sport ^ port, skb->len - pkt->l4_offset);
	return bpf_skb_store_bytes(skb, at, &sum, sizeof(sum), 0);
}

/* The transport's checksum for another source: `delta` is what the addresses' sum gains. */
static __always_inline long replace_sum(struct __sk_buff *skb, const struct xlvs_packet *pkt,
					__s64 delta, __be16 port)
{
	bool tcp = pkt->tuple.protocol == IPPROTO_TCP;
	__u32 check = pkt->l4_offset +
		      (tcp ? offsetof(struct tcphdr, check) : offsetof(struct udphdr, check));
	__u64 flags = tcp ? 0 : BPF_F_MARK_MANGLED_0;
	long r;

	if (pkt->tuple.protocol == IPPROTO_SCTP)
		return replace_sctp_sum(skb, pkt, port);
	r = bpf_l4_csum_replace(skb, check, 0, delta, flags | BPF_F_PSEUDO_HDR);
	return r ? r
		 : bpf_l4_csum_replace(skb, check, pkt->tuple.sport, port, flags | sizeof(port));
}

/* The packet's source becomes address and port of the virtual service. */
static __always_inline int translate(struct __sk_buff *skb, struct xlvs_packet *pkt,
				     struct xlvs_conn *first, bool ipv4)
{
	__u32 bytes = ipv4 ? 4 : 16;
	__u32 at = L3 + (ipv4 ? offsetof(struct iphdr, saddr) : offsetof(struct ipv6hdr, saddr));
	__be32 from[4], to[4];
	__be16 port = first->dport;
	__s64 delta;

	__builtin_memcpy(from, pkt->tuple.key.words, sizeof(from));
	if (ipv4)
		to[0] = first->key.v4.daddr;
	else
		__builtin_memcpy(to, first->key.v6.daddr, sizeof(to));
	delta = bpf_csum_diff(from, bytes, to, bytes, 0);
	if (replace_sum(skb, pkt, delta, port) ||
	    (ipv4 && bpf_l3_csum_replace(skb, L3 + offsetof(struct iphdr, check), from[0], to[0],
					 sizeof(to[0]))) ||
	    bpf_skb_store_bytes(skb, at, to, bytes, 0) ||
	    bpf_skb_store_bytes(skb, pkt->l4_offset, &port, sizeof(port), 0)) {
		xlvs_count_reason(XLVS_DROP_INTERNAL);
		return TC_ACT_SHOT;
	}
	return TC_ACT_UNSPEC;
}

static __always_inline int send_reply(struct __sk_buff *skb, struct xlvs_packet *pkt,
				      struct xlvs_conn *record, __u32 index, bool ipv4)
{
	struct xlvs_conn *first = xlvs_conn_partner(record, index);
	struct xlvs_dest *dest = local_dest(record);

	if (!first || !dest || xlvs_advance_reply(pkt, index))
		return TC_ACT_UNSPEC;
	count(skb, record, dest);
	return translate(skb, pkt, first, ipv4);
}

/* May a packet without a connection be for a service? */
static __always_inline bool may_open(struct __sk_buff *skb, struct xlvs_packet *pkt)
{
	return xlvs_is_first(pkt) && xlvs_service_seek_marked(pkt, skb->mark) != (int)XLVS_NONE;
}

/* To the packet path, by the pair of interfaces that is there for it. */
static __always_inline int send_round(struct __sk_buff *skb)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();

	if (!runtime || !runtime->host_ifindex ||
	    bpf_skb_store_bytes(skb, 0, xlvs_host_mac, sizeof(xlvs_host_mac), 0))
		return TC_ACT_UNSPEC;
	return bpf_redirect(runtime->host_ifindex, 0);
}

static __always_inline int look(struct __sk_buff *skb, struct xlvs_packet *pkt, bool ipv4,
				bool is_loopback)
{
	struct xlvs_conn *conn;
	struct xlvs_dest *dest;
	__u32 index;

	hash_packet(pkt, ipv4);
	conn = xlvs_conn_find(&pkt->tuple, ipv4, &index);
	if (conn && conn->meta & XLVS_META_REPLY)
		return send_reply(skb, pkt, conn, index, ipv4);
	if (is_loopback && (conn || may_open(skb, pkt)))
		return send_round(skb);
	if (conn)
		return TC_ACT_UNSPEC;
	turn_round(pkt, ipv4);
	conn = xlvs_conn_find(&pkt->tuple, ipv4, &index);
	if (!conn || conn->meta & XLVS_META_REPLY || conn->partner != XLVS_NONE)
		return TC_ACT_UNSPEC;
	dest = local_dest(conn);
	if (dest && !xlvs_advance_own_reply(pkt, index))
		count(skb, conn, dest);
	return TC_ACT_UNSPEC;
}

static __always_inline int travel(struct __sk_buff *skb, bool is_loopback)
{
	struct xlvs_packet pkt = {};

	pkt.now = xlvs_now();
	if (skb->protocol == bpf_htons(ETH_P_IP) && read_ipv4(skb, &pkt))
		return look(skb, &pkt, true, is_loopback);
	if (skb->protocol == bpf_htons(ETH_P_IPV6) && read_ipv6(skb, &pkt))
		return look(skb, &pkt, false, is_loopback);
	return TC_ACT_UNSPEC;
}

int xlvs_egress(struct __sk_buff *skb);

SEC("tc")
int xlvs_egress(struct __sk_buff *skb)
{
	return skb->ingress_ifindex ? TC_ACT_UNSPEC : travel(skb, false);
}

int xlvs_loopback(struct __sk_buff *skb);

/* The loopback: what programs on the director say to its own addresses. */
SEC("tc")
int xlvs_loopback(struct __sk_buff *skb)
{
	return travel(skb, true);
}
