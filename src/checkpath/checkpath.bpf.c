// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes packets of marked health checks travel as forwarded packets do.
 *
 * To the director's stack such a check is a connection to the real server's own address: it is
 * routed there, and the frame has the next hop's MAC address. At the egress its destination becomes
 * the VIP, and for TUN it is put into another packet; at the ingress the server's answer, which
 * comes from the VIP, becomes one from its own address again. (A connection to the VIP itself would
 * never leave the director, which holds the VIP, and its answers would be refused as its own.)
 *
 * Connections from one port to several servers would be the same on the wire, where all of them go
 * to the VIP: so each takes a port that no other has there. The TTL is 1: a server that does not
 * hold the VIP must not send the packet back to the director, where another server would answer. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "abi/checkpath.h"

enum {
	MARK_MASK = 0xff000000,
	PORT_FIRST = 1024,
	PORT_STEP = 4099, /* to the next port that is tried */
	PORT_TRIES = 16,
	TCP_FLAGS_AT = 13,
	TCP_FIN_RST = 0x05,
	TCP_SYN = 0x02,
	IP4_FRAGMENT = 0x3fff, /* more fragments, or an offset */
	OUTER_TTL = 64,
};

/* A flow whose last packet is so old may lose its port to another one. */
#define IDLE_NS	    (120 * 1000000000ull)
#define FAREWELL_NS (2 * 1000000000ull) /* what is left to one that has ended */

/* As the packets look on the wire. */
struct flow_key {
	__be32 vip[4], director[4];
	__be16 vip_port, director_port;
	__u32 protocol;
};

/* As they look to the director's stack. */
struct flow {
	__be32 server[4];
	__be16 port;
	__u16 unused[3];
	__u64 idle_ns; /* when it may lose its port */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, XLVS_CHECK_WAYS_MAX);
	__type(key, __u32);
	__type(value, struct xlvs_check_way);
} xlvs_check_ways SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, XLVS_CHECK_FLOWS_MAX);
	__type(key, struct flow_key);
	__type(value, struct flow);
} xlvs_check_flow SEC(".maps");

struct packet {
	__be32 source[4], destination[4];
	__be16 source_port, destination_port;
	__u32 transport; /* offset of its header */
	__u8 protocol;
	__u8 tcp_flags;
	bool is_v6;
};

static __always_inline bool read_ip(struct __sk_buff *skb, struct packet *packet)
{
	struct ipv6hdr ip6;
	struct iphdr ip;

	packet->is_v6 = skb->protocol == bpf_htons(ETH_P_IPV6);
	if (packet->is_v6) {
		if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip6, sizeof(ip6)))
			return false;
		packet->protocol = ip6.nexthdr;
		packet->transport = ETH_HLEN + sizeof(ip6);
		__builtin_memcpy(packet->source, &ip6.saddr, sizeof(packet->source));
		__builtin_memcpy(packet->destination, &ip6.daddr, sizeof(packet->destination));
		return true;
	}
	if (skb->protocol != bpf_htons(ETH_P_IP) ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)) || ip.ihl != sizeof(ip) / 4 ||
	    ip.frag_off & bpf_htons(IP4_FRAGMENT))
		return false;
	packet->protocol = ip.protocol;
	packet->transport = ETH_HLEN + sizeof(ip);
	packet->source[0] = ip.saddr;
	packet->destination[0] = ip.daddr;
	return true;
}

/* A whole TCP or UDP packet. */
static __always_inline bool read_packet(struct __sk_buff *skb, struct packet *packet)
{
	__be16 ports[2];

	if (!read_ip(skb, packet) ||
	    (packet->protocol != IPPROTO_TCP && packet->protocol != IPPROTO_UDP) ||
	    bpf_skb_load_bytes(skb, packet->transport, ports, sizeof(ports)))
		return false;
	packet->source_port = ports[0];
	packet->destination_port = ports[1];
	return packet->protocol == IPPROTO_UDP ||
	       !bpf_skb_load_bytes(skb, packet->transport + TCP_FLAGS_AT, &packet->tcp_flags, 1);
}

static __always_inline __u32 checksum_at(const struct packet *packet)
{
	return packet->transport + (packet->protocol == IPPROTO_TCP
					    ? offsetof(struct tcphdr, check)
					    : offsetof(struct udphdr, check));
}

static __always_inline __u64 checksum_flags(const struct packet *packet)
{
	return packet->protocol == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
}

/* Both kinds of header have the destination behind the source. */
static __always_inline int set_address(struct __sk_buff *skb, const struct packet *packet,
				       const __be32 *old, const __be32 *new, bool source)
{
	__u32 bytes = packet->is_v6 ? sizeof(struct in6_addr) : sizeof(__be32);
	__u32 at = ETH_HLEN + (packet->is_v6 ? offsetof(struct ipv6hdr, saddr)
					     : offsetof(struct iphdr, saddr));
	__s64 change = packet->is_v6 ? bpf_csum_diff((__be32 *)old, sizeof(struct in6_addr),
						     (__be32 *)new, sizeof(struct in6_addr), 0)
				     : bpf_csum_diff((__be32 *)old, sizeof(__be32), (__be32 *)new,
						     sizeof(__be32), 0);
	__u64 flags = checksum_flags(packet);

	/* Of a received IPv6 packet whose sum the card gave nothing is to be corrected: the address
	 * and the checksum cancel out, there being no sum over the header. */
	if (!packet->is_v6 || !source)
		flags |= BPF_F_PSEUDO_HDR;
	if (change < 0 || bpf_l4_csum_replace(skb, checksum_at(packet), 0, (__u64)change, flags))
		return -1;
	if (!packet->is_v6 && bpf_l3_csum_replace(skb, ETH_HLEN + offsetof(struct iphdr, check),
						  old[0], new[0], sizeof(__be32)))
		return -1;
	return bpf_skb_store_bytes(skb, source ? at : at + bytes, new, bytes, 0);
}

static __always_inline int set_port(struct __sk_buff *skb, const struct packet *packet, __be16 old,
				    __be16 new, bool source)
{
	if (bpf_l4_csum_replace(skb, checksum_at(packet), old, new,
				checksum_flags(packet) | sizeof(new)))
		return -1;
	return bpf_skb_store_bytes(skb, packet->transport + (source ? 0 : sizeof(new)), &new,
				   sizeof(new), 0);
}

static __always_inline int set_ttl(struct __sk_buff *skb, const struct packet *packet)
{
	__u8 hop_limit = 1, old[2], new[2];
	__be16 words[2];

	if (packet->is_v6)
		return bpf_skb_store_bytes(skb, ETH_HLEN + offsetof(struct ipv6hdr, hop_limit),
					   &hop_limit, sizeof(hop_limit), 0);
	/* The checksum goes by words: the protocol is the other half. */
	if (bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct iphdr, ttl), old, sizeof(old)))
		return -1;
	new[0] = hop_limit;
	new[1] = old[1];
	__builtin_memcpy(&words[0], old, sizeof(old));
	__builtin_memcpy(&words[1], new, sizeof(new));
	if (bpf_l3_csum_replace(skb, ETH_HLEN + offsetof(struct iphdr, check), words[0], words[1],
				sizeof(words[0])))
		return -1;
	return bpf_skb_store_bytes(skb, ETH_HLEN + offsetof(struct iphdr, ttl), new, sizeof(new),
				   0);
}

static __always_inline bool same_flow(const struct flow *one, const struct flow *other)
{
	return one->port == other->port && one->server[0] == other->server[0] &&
	       one->server[1] == other->server[1] && one->server[2] == other->server[2] &&
	       one->server[3] == other->server[3];
}

/* Finds the flow, or makes it when this packet may open one; its port is then the key's. */
static __always_inline bool find_flow(struct flow_key *key, const struct flow *own, bool opens)
{
	__u32 range = 65536 - PORT_FIRST;
	__u32 port = bpf_ntohs(own->port);
	__u64 now_ns = bpf_ktime_get_ns();
	struct flow *found;

	for (int i = 0; i < PORT_TRIES; i++, port += PORT_STEP) {
		if (port < PORT_FIRST || port > 65535)
			port = PORT_FIRST + port % range;
		key->director_port = bpf_htons(port);
		found = bpf_map_lookup_elem(&xlvs_check_flow, key);
		if (found && same_flow(found, own)) {
			found->idle_ns = own->idle_ns;
			return true;
		}
		if (opens && (!found || now_ns > found->idle_ns) &&
		    !bpf_map_update_elem(&xlvs_check_flow, key, own, found ? BPF_ANY : BPF_NOEXIST))
			return true;
	}
	return false;
}

static __always_inline int encapsulate4(struct __sk_buff *skb, const struct packet *packet)
{
	struct iphdr outer = {
		.version = 4,
		.ihl = sizeof(outer) / 4,
		.frag_off = bpf_htons(0x4000), /* not to be fragmented */
		.ttl = OUTER_TTL,
		.protocol = IPPROTO_IPIP,
		.saddr = packet->source[0],
		.daddr = packet->destination[0],
	};
	__u32 sum;

	if (bpf_skb_adjust_room(skb, sizeof(outer), BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_ENCAP_L3_IPV4))
		return -1;
	outer.tot_len = bpf_htons(skb->len - ETH_HLEN);
	sum = (__u32)bpf_csum_diff(NULL, 0, (__be32 *)&outer, sizeof(outer), 0);
	sum = (sum & 0xffff) + (sum >> 16);
	outer.check = (__u16) ~((sum & 0xffff) + (sum >> 16));
	return bpf_skb_store_bytes(skb, ETH_HLEN, &outer, sizeof(outer), 0);
}

static __always_inline int encapsulate6(struct __sk_buff *skb, const struct packet *packet)
{
	struct ipv6hdr outer = {
		.version = 6,
		.nexthdr = IPPROTO_IPV6,
		.hop_limit = OUTER_TTL,
	};

	__builtin_memcpy(&outer.saddr, packet->source, sizeof(outer.saddr));
	__builtin_memcpy(&outer.daddr, packet->destination, sizeof(outer.daddr));
	if (bpf_skb_adjust_room(skb, sizeof(outer), BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_ENCAP_L3_IPV6))
		return -1;
	outer.payload_len = bpf_htons(skb->len - ETH_HLEN - sizeof(outer));
	return bpf_skb_store_bytes(skb, ETH_HLEN, &outer, sizeof(outer), 0);
}

int xlvs_check_out(struct __sk_buff *skb);

SEC("tc")
int xlvs_check_out(struct __sk_buff *skb)
{
	__u32 index = skb->mark & ~MARK_MASK;
	const struct xlvs_check_way *way;
	struct packet packet = {};
	struct flow_key key = {};
	struct flow own = {};
	bool ends;

	if ((skb->mark & MARK_MASK) != XLVS_CHECK_MARK)
		return TC_ACT_UNSPEC;
	way = bpf_map_lookup_elem(&xlvs_check_ways, &index);
	if (!way || !read_packet(skb, &packet))
		return TC_ACT_UNSPEC;

	ends = packet.tcp_flags & TCP_FIN_RST;
	__builtin_memcpy(key.vip, way->vip, sizeof(key.vip));
	__builtin_memcpy(key.director, packet.source, sizeof(key.director));
	key.vip_port = packet.destination_port;
	key.protocol = packet.protocol;
	__builtin_memcpy(own.server, packet.destination, sizeof(own.server));
	own.port = packet.source_port;
	own.idle_ns = bpf_ktime_get_ns() + (ends ? FAREWELL_NS : IDLE_NS);
	if (!find_flow(&key, &own, packet.protocol == IPPROTO_UDP || packet.tcp_flags & TCP_SYN))
		return TC_ACT_SHOT;

	/* Translated once, whatever interfaces lie below this one. */
	skb->mark = 0;
	if (set_address(skb, &packet, packet.destination, key.vip, false) ||
	    set_port(skb, &packet, packet.source_port, key.director_port, true) ||
	    set_ttl(skb, &packet))
		return TC_ACT_SHOT;
	if (!way->tunnel)
		return TC_ACT_UNSPEC;
	if (packet.is_v6 ? encapsulate6(skb, &packet) : encapsulate4(skb, &packet))
		return TC_ACT_SHOT;
	return TC_ACT_UNSPEC;
}

int xlvs_check_in(struct __sk_buff *skb);

SEC("tc")
int xlvs_check_in(struct __sk_buff *skb)
{
	struct packet packet = {};
	struct flow_key key = {};
	const struct flow *found;
	struct flow flow;

	if (!read_packet(skb, &packet))
		return TC_ACT_UNSPEC;
	__builtin_memcpy(key.vip, packet.source, sizeof(key.vip));
	__builtin_memcpy(key.director, packet.destination, sizeof(key.director));
	key.vip_port = packet.source_port;
	key.director_port = packet.destination_port;
	key.protocol = packet.protocol;
	found = bpf_map_lookup_elem(&xlvs_check_flow, &key);
	if (!found)
		return TC_ACT_UNSPEC;
	flow = *found;
	if (set_address(skb, &packet, packet.source, flow.server, true) ||
	    set_port(skb, &packet, packet.destination_port, flow.port, false))
		return TC_ACT_SHOT;
	return TC_ACT_UNSPEC;
}

char xlvs_checkpath_license[] SEC("license") = "GPL";
