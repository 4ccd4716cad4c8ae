/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hashes both sides must agree on: the packet path searches by them, the daemon places
 * services and fills tables by them and the tests predict with them. This is the only code in abi/.
 *
 * Keyed, and without helper calls: pairs of 32-bit words are added to secret 64-bit words and
 * multiplied (pair-multiply-shift, Thorup, "High Speed Hashing for Integers and Strings", 2015,
 * section 3.5: any two keys collide with probability 2^-32 over the secret), then a multiplication
 * and a shift spread what arithmetic progressions of addresses and ports would leave regular. */
#ifndef XLVS_ABI_HASH_H
#define XLVS_ABI_HASH_H

#include <linux/types.h>

#include "abi/connection.h"

static inline __attribute__((always_inline)) __u64 xlvs_hash_finish(__u64 h, __u64 secret)
{
	h ^= h >> 32;
	h *= secret | 1;
	return h ^ (h >> 29);
}

/* ports: source and destination as they lie in the packet; kind: protocol and family. */
static inline __attribute__((always_inline)) __u64
xlvs_hash_ipv4(const volatile __u64 *seed, __be32 saddr, __be32 daddr, __u32 ports, __u32 kind)
{
	__u64 h = (seed[0] + saddr) * (seed[1] + daddr) + (seed[2] + ports) * (seed[3] + kind);

	return xlvs_hash_finish(h, seed[4]);
}

/* The 32 bytes of both addresses; each 64-bit word counts as a pair. */
static inline __attribute__((always_inline)) __u64
xlvs_hash_ipv6(const volatile __u64 *seed, const __u64 *words, __u32 ports, __u32 kind)
{
	__u64 h = (seed[2] + ports) * (seed[3] + kind);

	h += (seed[0] + (__u32)words[0]) * (seed[1] + (words[0] >> 32));
	h += (seed[4] + (__u32)words[1]) * (seed[5] + (words[1] >> 32));
	h += ((seed[0] ^ seed[2]) + (__u32)words[2]) * ((seed[1] ^ seed[3]) + (words[2] >> 32));
	h += ((seed[4] ^ seed[2]) + (__u32)words[3]) * ((seed[5] ^ seed[3]) + (words[3] >> 32));
	return xlvs_hash_finish(h, seed[4]);
}

/* First slot of a service's search: address as in struct xlvs_service, n_slots a power of two. */
static inline __attribute__((always_inline)) __u32 xlvs_hash_service(const volatile __u64 *seed,
								     const __be32 *address,
								     __u32 port, __u32 kind,
								     __u32 n_slots)
{
	__u64 h = (seed[0] + address[0]) * (seed[1] + ((port << 16) | kind));

	h += (seed[2] + address[1]) * (seed[3] + address[2]) + seed[5] * address[3];
	return (__u32)(xlvs_hash_finish(h, seed[4]) >> 32) & (n_slots - 1);
}

static inline __attribute__((always_inline)) __u64 xlvs_rotate(__u64 x, int bits)
{
	return x << bits | x >> (64 - bits);
}

struct xlvs_sip {
	__u64 a, b, c, d;
};

static inline __attribute__((always_inline)) void xlvs_sip_round(struct xlvs_sip *v)
{
	v->a += v->b;
	v->b = xlvs_rotate(v->b, 13) ^ v->a;
	v->a = xlvs_rotate(v->a, 32);
	v->c += v->d;
	v->d = xlvs_rotate(v->d, 16) ^ v->c;
	v->a += v->d;
	v->d = xlvs_rotate(v->d, 21) ^ v->a;
	v->c += v->b;
	v->b = xlvs_rotate(v->b, 17) ^ v->c;
	v->c = xlvs_rotate(v->c, 32);
}

/* SipHash-1-3 of words, their number part of the key, with 128 bits of result. */
static inline __attribute__((always_inline)) void
xlvs_hash_words(const volatile __u64 *seed, const __u64 *words, __u32 n_words, __u64 *ret_hash)
{
	struct xlvs_sip v = {
		.a = seed[0] ^ 0x736f6d6570736575ULL ^ n_words,
		.b = seed[1] ^ 0x646f72616e646f6dULL ^ 0xee,
		.c = seed[0] ^ 0x6c7967656e657261ULL,
		.d = seed[1] ^ 0x7465646279746573ULL,
	};

	for (__u32 i = 0; i < n_words; i++) {
		v.d ^= words[i];
		xlvs_sip_round(&v);
		v.a ^= words[i];
	}
	v.c ^= 0xee;
	for (__u32 i = 0; i < 2; i++) {
		xlvs_sip_round(&v);
		xlvs_sip_round(&v);
		xlvs_sip_round(&v);
		ret_hash[i] = v.a ^ v.b ^ v.c ^ v.d;
		v.b ^= 0xdd;
	}
}

/* Keys of the two hashes of Maglev hashing, public, for every director must hash alike. */
#define XLVS_MAGLEV_OFFSET 2654435761ULL
#define XLVS_MAGLEV_STEP   2654446892ULL

/* The kernel's hsiphash() of one 32-bit word on 64-bit machines, both halves of the key the same:
 * SipHash with one round for the word and three at the end, its lower half. */
static inline __attribute__((always_inline)) __u32 xlvs_hash_maglev(__u32 value, __u64 key)
{
	__u64 word = 4ULL << 56 | value; /* and its length in bytes */
	struct xlvs_sip v = {
		.a = key ^ 0x736f6d6570736575ULL,
		.b = key ^ 0x646f72616e646f6dULL,
		.c = key ^ 0x6c7967656e657261ULL,
		.d = key ^ 0x7465646279746573ULL ^ word,
	};

	xlvs_sip_round(&v);
	v.a ^= word;
	v.c ^= 0xff;
	xlvs_sip_round(&v);
	xlvs_sip_round(&v);
	xlvs_sip_round(&v);
	return (__u32)(v.a ^ v.b ^ v.c ^ v.d);
}

#endif
