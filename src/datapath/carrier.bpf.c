// SPDX-License-Identifier: GPL-2.0-or-later
/* Carries netfilter's mark across a veth pair, at whose other end the packet path runs: at the
 * egress of the near end, where the packet still has its mark, it is written into the frame's
 * source address (abi/mark.h). Forwarding has taken one off the TTL, which the packet path does
 * itself, so that is given back. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "abi/mark.h"

static __always_inline void give_back_ttl(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	const struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	struct ipv6hdr *ip6 = data + sizeof(*eth);
	__u32 check;

	if (eth + 1 > (const struct ethhdr *)end)
		return;
	if (eth->h_proto == bpf_htons(ETH_P_IP) && (void *)(ip + 1) <= end) {
		/* One more in the high byte of a word is 0x0100 less in the checksum (RFC 1624). */
		check = ip->check + (__u32)bpf_htons(0xfeff);
		ip->check = check + (check >= 0xffff);
		ip->ttl++;
	} else if (eth->h_proto == bpf_htons(ETH_P_IPV6) && (void *)(ip6 + 1) <= end) {
		ip6->hop_limit++;
	}
}

int xlvs_carry_mark(struct __sk_buff *skb);

SEC("tc")
int xlvs_carry_mark(struct __sk_buff *skb)
{
	struct xlvs_mark_source source = {.prefix = XLVS_MARK_SOURCE, .mark = skb->mark};

	if (skb->ingress_ifindex) /* forwarded, not the director's own */
		give_back_ttl(skb);
	if (bpf_skb_store_bytes(skb, offsetof(struct ethhdr, h_source), &source, sizeof(source), 0))
		return TC_ACT_SHOT;
	return TC_ACT_OK;
}

char xlvs_carrier_license[] SEC("license") = "GPL";
