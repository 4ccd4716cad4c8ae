// SPDX-License-Identifier: GPL-2.0-or-later
/* A new connection of a persistent service (the kernel's ip_vs_sched_persist): its client's
 * template names the destination, and if there is none, or none that is valid, the scheduler does
 * and a template is made. The template is renewed by every new connection, never by the packets of
 * old ones. */
#include "datapath/persistence.bpf.h"

#include <linux/in.h>

#include <bpf/bpf_endian.h>

#include "abi/hash.h"
#include "datapath/threshold.bpf.h"
#include "pe/pe.bpf.h"

enum {
	INVALIDATE_TRIES = 4,
	BITS_PER_WORD = 32,
};

static __always_inline const struct xlvs_service *service_at(__u32 slot)
{
	return bpf_map_lookup_elem(&xlvs_services, &slot);
}

static __always_inline __be32 prefix_mask(__u32 prefix, __u32 word)
{
	__u32 bits = prefix > word * BITS_PER_WORD ? prefix - word * BITS_PER_WORD : 0;

	if (!bits)
		return 0;
	return bits >= BITS_PER_WORD ? ~0U : bpf_htonl(~0U << (BITS_PER_WORD - bits));
}

/* The client's network, and whose template it is. */
static __always_inline void write_addresses(const struct xlvs_service *service,
					    const struct xlvs_tuple *packet, bool by_mark,
					    struct xlvs_tuple *tuple)
{
	if (packet->family == XLVS_AF_INET) {
		tuple->key.v4.saddr = packet->key.v4.saddr & service->netmask;
		tuple->key.v4.daddr = by_mark ? bpf_htonl(service->fwmark) : packet->key.v4.daddr;
		return;
	}
	for (__u32 i = 0; i < 4; i++)
		tuple->key.v6.saddr[i] = packet->key.v6.saddr[i] & prefix_mask(service->netmask, i);
	if (by_mark)
		tuple->key.v6.daddr[0] = bpf_htonl(service->fwmark);
	else
		__builtin_memcpy(tuple->key.v6.daddr, packet->key.v6.daddr,
				 sizeof(tuple->key.v6.daddr));
}

/* With an engine, what it found stands in this CPU's scratch, and counts like an address. */
static __always_inline void write_session(struct xlvs_tuple *tuple)
{
	const struct xlvs_pe_scratch *scratch = xlvs_pe_scratch_get();

	if (!scratch)
		return;
	tuple->key.words[2] ^= scratch->data.digest[0];
	tuple->key.words[3] ^= scratch->data.digest[1];
}

/* A template is for the service's own port, or for all: of a service for all ports, of a firewall
 * mark, and of FTP, whose data goes to others. */
static __always_inline void template_tuple(const struct xlvs_service *service,
					   const struct xlvs_tuple *packet,
					   struct xlvs_tuple *tuple)
{
	bool own_port = packet->dport == service->port;
	bool by_mark = !own_port && service->fwmark;

	write_addresses(service, packet, by_mark, tuple);
	if (service->pe)
		write_session(tuple);
	tuple->family = packet->family | XLVS_FAMILY_TEMPLATE;
	tuple->protocol = by_mark ? IPPROTO_IP : packet->protocol;
	tuple->dport = own_port && service->port != bpf_htons(XLVS_FTP_PORT) ? packet->dport : 0;
	tuple->hash =
		xlvs_hash_ipv6(xlvs_constants.seed, tuple->key.words, tuple->ports, tuple->kind);
}

/* What the new connection is to be. */
static __always_inline void note(struct xlvs_packet *pkt, const struct xlvs_service *service,
				 __u32 template)
{
	pkt->template = template;
	pkt->meta = XLVS_META_CONTROLLED;
	if (pkt->tuple.dport != service->port)
		pkt->meta |= XLVS_META_KEEP_PORT;
}

/* May new connections still go there (the kernel's ip_vs_check_template)? */
static __always_inline bool is_valid(const struct xlvs_conn *template)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	struct xlvs_dest *dest = xlvs_dest_at(template->dest);

	return runtime && dest && dest->flags & XLVS_DEST_AVAILABLE &&
	       (dest->weight || !runtime->settings[XLVS_SETTING_expire_quiescent_template]);
}

/* From now on no search finds it, but its connections and its time go on. */
static __always_inline void invalidate(struct xlvs_conn *template)
{
	for (int i = 0; i < INVALIDATE_TRIES; i++) {
		__u64 word = *(volatile __u64 *)&template->word;

		if ((word & XLVS_LIFE_MASK) != XLVS_LIFE_LIVE)
			return;
		if (__sync_val_compare_and_swap(&template->word, word,
						word ^ (__u32)~XLVS_LIFE_MASK) != word)
			continue;
		__sync_fetch_and_or(&template->meta, XLVS_META_INVALID);
		return;
	}
}

/* Hold a template that was found, and give it its time anew; false when it is over. */
static __always_inline bool hold(struct xlvs_packet *pkt, const struct xlvs_tuple *tuple,
				 struct xlvs_conn *template, struct xlvs_control *control)
{
	__u32 held = __sync_fetch_and_add(&control->n_controlled, 1);

	if (xlvs_conn_matches(template, tuple, false)) {
		if (!xlvs_conn_expired(template, pkt->now))
			return true;
		if (held) { /* the expiry has not come by yet */
			control->timeout_ticks =
				XLVS_TEMPLATE_PROLONG_SEC * xlvs_constants.ticks_per_sec;
			return true;
		}
	}
	__sync_fetch_and_add(&control->n_controlled, -1);
	return false;
}

static __always_inline int find(struct xlvs_packet *pkt, const struct xlvs_service *service,
				struct xlvs_tuple *tuple)
{
	struct xlvs_control *control;
	struct xlvs_conn *template;
	__u32 index;

	template = xlvs_conn_find(tuple, false, &index);
	if (!template)
		return -XLVS_DROP_NO_DEST;
	control = xlvs_control_at(index);
	if (!control || !hold(pkt, tuple, template, control))
		return -XLVS_DROP_NO_DEST;
	if (!is_valid(template)) {
		invalidate(template);
		__sync_fetch_and_add(&control->n_controlled, -1);
		return -XLVS_DROP_NO_DEST;
	}
	template->deadline = pkt->now + control->timeout_ticks;
	note(pkt, service, index);
	return template->dest;
}

int xlvs_template_find(struct xlvs_packet *pkt, __u32 slot)
{
	const struct xlvs_service *service = service_at(slot);
	struct xlvs_tuple tuple = {};

	if (!pkt || !service)
		return -XLVS_DROP_INTERNAL;
	template_tuple(service, &pkt->tuple, &tuple);
	return find(pkt, service, &tuple);
}

/* A record for a template: the one of its predecessor that is over, or another. */
static __always_inline int claim(struct xlvs_tuple *tuple)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	__u32 index;

	if (xlvs_conn_find(tuple, false, &index))
		return xlvs_conn_reclaim(tuple, index);
	return xlvs_conn_take(tuple, runtime && xlvs_conns_full(runtime));
}

/* Keep what the engine found, for listings; false when there is no room. */
static __always_inline bool keep_session(__u32 index)
{
	const struct xlvs_pe_scratch *scratch = xlvs_pe_scratch_get();

	return scratch && !bpf_map_update_elem(&xlvs_pe_data, &index, &scratch->data, BPF_ANY);
}

static __always_inline int make(struct xlvs_packet *pkt, const struct xlvs_service *service,
				__u32 index, __u32 dest_index)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	struct xlvs_control *control = xlvs_control_at(index);
	struct xlvs_dest *dest = xlvs_dest_at(dest_index);
	struct xlvs_conn *conn = xlvs_conn_at(index);
	__u32 turn;

	if (!runtime || !control || !dest || !conn)
		return -XLVS_DROP_INTERNAL;
	if (service->pe && !keep_session(index)) {
		xlvs_conn_abandon(conn);
		return -XLVS_DROP_TABLE_FULL;
	}
	__sync_fetch_and_add(&control->n_controlled, 1);
	control->timeout_ticks = service->timeout_sec * xlvs_constants.ticks_per_sec;
	conn->dest = dest_index;
	conn->partner = XLVS_NONE;
	conn->deadline = pkt->now + control->timeout_ticks;
	__sync_fetch_and_add(&dest->persistent, 1);
	xlvs_dest_bound(dest);
	__sync_fetch_and_add(&runtime->unproven, 1);
	turn = ((conn->meta >> XLVS_META_TURN_SHIFT) + 1) & XLVS_META_TURN;
	conn->meta = turn << XLVS_META_TURN_SHIFT | (service->pe ? XLVS_META_ENGINE : 0) |
		     XLVS_TEMPLATE_NONE;
	xlvs_conn_publish(conn);
	note(pkt, service, index);
	return dest_index;
}

int xlvs_template_open(struct xlvs_packet *pkt, __u32 slot, __u32 dest)
{
	const struct xlvs_service *service = service_at(slot);
	struct xlvs_tuple tuple = {};
	int index;

	if (!pkt || !service)
		return -XLVS_DROP_INTERNAL;
	template_tuple(service, &pkt->tuple, &tuple);
	index = claim(&tuple);
	return index < 0 ? index : make(pkt, service, index, dest);
}

int xlvs_template_vouch(__u32 index, bool assured)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	struct xlvs_control *control = xlvs_control_at(index);
	struct xlvs_conn *template;
	__u32 old, new = XLVS_META_PROVEN | (assured ? XLVS_TEMPLATE_ASSURED : 0);

	if (!control || !runtime)
		return -XLVS_DROP_INTERNAL;
	template = xlvs_conn_at(control->template);
	if (!template || (template->meta & new) == new)
		return 0;
	old = __sync_fetch_and_or(&template->meta, new);
	if (!(old & XLVS_META_PROVEN))
		__sync_fetch_and_add(&runtime->unproven, -1);
	return 0;
}
