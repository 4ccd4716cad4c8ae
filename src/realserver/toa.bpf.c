// SPDX-License-Identifier: GPL-2.0-or-later
/* Tells the programs of a real server behind FULLNAT who the client is.
 *
 * The director puts the client's address into a TCP option (TOA) of the segment that completes the
 * handshake. It is read here, when the connection comes into being, kept with its socket, and
 * given in the place of the director's address to whoever accepts the connection or asks for its
 * peer. The kernel itself goes on seeing the director.
 *
 * Segments with SYN are not read: there kind 254 may be that of TCP Fast Open (RFC 7413, appendix
 * A.1), which no other segment carries. So a port that looks like Fast Open's magic is a port. */
#include "abi/realserver.h"

#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/tcp.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, XLVS_RS_SPACES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct xlvs_rs_space);
} xlvs_rs_spaces SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, XLVS_RS_SOURCES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct xlvs_rs_director);
	__type(value, __u32);
} xlvs_rs_direct SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct xlvs_rs_client);
} xlvs_rs_clients SEC(".maps");

/* The loopback of each network namespace that has an entry, by the low half of its cookie: the
 * kernel takes it out when the namespace goes, and nothing else does. Not for the programs. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, XLVS_RS_SPACES_MAX);
	__type(key, __u32);
	__type(value, __u32);
} xlvs_rs_alive SEC(".maps");

enum toa_constant {
	FAMILY_IPV4 = 2, /* AF_INET */
	FAMILY_IPV6 = 10,
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTIONS_MAX = 40, /* bytes, so no more options than that */
	TOA4_BYTES = 8, /* kind, length, port, address */
	TOA6_BYTES = 20,
	DONE = 1, /* the return value of all programs here: nothing is refused */
};

int xlvs_rs_toa(struct bpf_sock_ops *ops);
int xlvs_rs_peer4(struct bpf_sock_addr *asked);
int xlvs_rs_peer6(struct bpf_sock_addr *asked);

/* An option's first two bytes. */
static __always_inline __u32 head(__u32 kind, __u32 bytes)
{
	return kind << 8 | bytes;
}

/* Without a branch, or the verifier would follow each of the many ways through the options. */
static __always_inline __u32 bytes_of(const __u8 *option)
{
	__u32 bytes = option[1], is_nop = ((__u32)(option[0] ^ OPTION_NOP) - 1) >> 31;

	asm volatile("" : "+r"(is_nop));
	return (bytes * (1 - is_nop) + is_nop) & 0xff;
}

/* The first one counts: the director's stands before what a client has sent. */
static __always_inline const __u8 *find_option(const struct xlvs_rs_space *space, const __u8 *at,
					       const void *end)
{
	__u32 toa4 = head(space->kind, TOA4_BYTES), toa6 = head(space->kind, TOA6_BYTES);
	__u32 other6 = head(space->kind6, TOA6_BYTES);

	for (int i = 0; i < OPTIONS_MAX; i++) {
		__u32 found;

		if ((const void *)(at + 2) > end || at[0] == OPTION_END)
			return NULL;
		found = head(at[0], at[1]);
		if (found == toa4 || found == toa6 || found == other6)
			return at;
		at += bytes_of(at);
	}
	return NULL;
}

static __always_inline bool read_option(const struct bpf_sock_ops *ops,
					const struct xlvs_rs_space *space,
					struct xlvs_rs_client *ret)
{
	const void *end = (const void *)(long)ops->skb_data_end;
	const struct tcphdr *tcp = (const void *)(long)ops->skb_data;
	const __u8 *at;

	if ((const void *)(tcp + 1) > end || tcp->syn)
		return false;
	at = find_option(space, (const void *)(tcp + 1), end);
	if (!at || (const void *)(at + TOA4_BYTES) > end)
		return false;
	__builtin_memcpy(&ret->port, at + 2, sizeof(ret->port));
	if (at[1] == TOA4_BYTES) {
		ret->address.word[2] = bpf_htonl(0xffff);
		__builtin_memcpy(&ret->address.word[3], at + 4, sizeof(ret->address.word[3]));
		return true;
	}
	if ((const void *)(at + TOA6_BYTES) > end)
		return false;
	__builtin_memcpy(&ret->address, at + 4, sizeof(ret->address));
	return true;
}

static __always_inline bool is_ipv4(const struct xlvs_rs_address *address)
{
	return !address->word[0] && !address->word[1] && address->word[2] == bpf_htonl(0xffff);
}

static __always_inline bool is_director(const struct bpf_sock_ops *ops, __u64 netns_cookie)
{
	struct xlvs_rs_director key = {.netns_cookie = netns_cookie};
	__be32 remote_ip4 = ops->remote_ip4;

	/* Loads from the context have fixed offsets: they must not be merged. */
	asm volatile("" : "+r"(remote_ip4));
	if (ops->family == FAMILY_IPV6) {
		key.director.word[0] = ops->remote_ip6[0];
		key.director.word[1] = ops->remote_ip6[1];
		key.director.word[2] = ops->remote_ip6[2];
		key.director.word[3] = ops->remote_ip6[3];
	} else {
		key.director.word[2] = bpf_htonl(0xffff);
		key.director.word[3] = remote_ip4;
	}
	return bpf_map_lookup_elem(&xlvs_rs_direct, &key);
}

static __always_inline int keep(struct bpf_sock_ops *ops, struct xlvs_rs_client *client)
{
	struct bpf_sock *sock = ops->sk;

	if (ops->family == FAMILY_IPV4 && !is_ipv4(&client->address))
		return XLVS_RS_TOA_WRONG_FAMILY;
	if (!sock ||
	    !bpf_sk_storage_get(&xlvs_rs_clients, sock, client, BPF_SK_STORAGE_GET_F_CREATE))
		return XLVS_RS_TOA_NO_MEMORY;
	return XLVS_RS_TOA_TOLD;
}

SEC("sockops")
int xlvs_rs_toa(struct bpf_sock_ops *ops)
{
	struct xlvs_rs_client client = {};
	struct xlvs_rs_space *space;
	__u64 netns_cookie;
	bool found, believed;
	int count;

	if (ops->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		return DONE;
	netns_cookie = bpf_get_netns_cookie(ops);
	space = bpf_map_lookup_elem(&xlvs_rs_spaces, &netns_cookie);
	if (!space)
		return DONE;
	found = read_option(ops, space, &client);
	believed = is_director(ops, netns_cookie);
	if (!found && !believed)
		return DONE;
	count = !believed ? XLVS_RS_TOA_WRONG_SOURCE
		: !found  ? XLVS_RS_TOA_NO_OPTION
			  : keep(ops, &client);
	__sync_fetch_and_add(&space->counts[count], 1);
	return DONE;
}

static __always_inline const struct xlvs_rs_client *client_of(struct bpf_sock_addr *asked)
{
	struct bpf_sock *sock = asked->sk;

	return sock ? bpf_sk_storage_get(&xlvs_rs_clients, sock, NULL, 0) : NULL;
}

SEC("cgroup/getpeername4")
int xlvs_rs_peer4(struct bpf_sock_addr *asked)
{
	const struct xlvs_rs_client *client = client_of(asked);

	if (!client || !is_ipv4(&client->address))
		return DONE;
	asked->user_ip4 = client->address.word[3];
	asked->user_port = client->port;
	return DONE;
}

SEC("cgroup/getpeername6")
int xlvs_rs_peer6(struct bpf_sock_addr *asked)
{
	const struct xlvs_rs_client *client = client_of(asked);

	if (!client)
		return DONE;
	asked->user_ip6[0] = client->address.word[0];
	asked->user_ip6[1] = client->address.word[1];
	asked->user_ip6[2] = client->address.word[2];
	asked->user_ip6[3] = client->address.word[3];
	asked->user_port = client->port;
	return DONE;
}

const char xlvs_license[] SEC("license") = "GPL";
