// SPDX-License-Identifier: GPL-2.0-or-later
/* What the maps should say, read with the packet path's eyes. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "abi/hash.h"
#include "loader_fixture.h"

/* As the packet path searches; a slot that is not live when there is none. */
static struct xlvs_service find_slot(const struct xlvs_maps *maps,
				     const struct xlvs_service_key *key)
{
	const __u8 protocol = key->fwmark ? 0 : (__u8)key->protocol;
	const __u8 bytes[2] = {protocol, (__u8)key->family};
	__be32 address[4] = {htonl(key->fwmark)};
	__u16 kind;
	uint32_t first;

	memcpy(&kind, bytes, sizeof(kind));
	if (!key->fwmark)
		memcpy(address, key->address.bytes, sizeof(address));
	first = xlvs_hash_service(maps->runtime->constants.seed, address, key->port, kind,
				  XLVS_SERVICE_SLOTS);
	for (uint32_t i = 0; i < XLVS_SERVICE_PROBES; i++) {
		const struct xlvs_service *slot = &maps->services[(first + i) % XLVS_SERVICE_SLOTS];

		if (slot->state == XLVS_SLOT_EMPTY)
			break;
		if (slot->state == XLVS_SLOT_LIVE && slot->port == key->port &&
		    slot->protocol == protocol && slot->family == key->family &&
		    !memcmp(slot->address, address, sizeof(address)))
			return *slot;
	}
	return (struct xlvs_service){};
}

static void expect_dest(const struct xlvs_maps *maps, const struct xlvs_model_dest *dest)
{
	const struct xlvs_dest *slot = &maps->dests[dest->id];

	assert_int_equal(slot->flags & (XLVS_DEST_USED | XLVS_DEST_AVAILABLE),
			 dest->available ? XLVS_DEST_USED | XLVS_DEST_AVAILABLE : XLVS_DEST_USED);
	assert_int_equal(slot->service, dest->service);
	assert_memory_equal(slot->address, dest->spec.key.address.bytes, sizeof(slot->address));
	assert_int_equal(slot->port, dest->spec.key.port);
	assert_int_equal(slot->family, dest->spec.key.family);
	assert_int_equal(slot->protocol, dest->service_key.protocol);
	assert_int_equal(slot->service_port, dest->service_key.port);
	assert_int_equal(slot->method, dest->spec.method);
	assert_int_equal(slot->weight, dest->spec.weight);
	assert_int_equal(slot->last_weight, dest->last_weight);
	assert_int_equal(slot->upper_threshold, dest->spec.upper_threshold);
	assert_int_equal(slot->lower_threshold, dest->spec.lower_threshold);
}

/* Chunks of the list. */
static uint32_t expect_list_as_model(const struct xlvs_maps *maps, const struct xlvs_model *model,
				     const struct xlvs_model_service *service, uint32_t list)
{
	const union xlvs_chunk *run = &maps->chunks[list];
	uint32_t n_slots = xlvs_scheduler_slots(service->scheduler, XLVS_MH_SLOTS_DEFAULT);

	assert_in_range(list, 0, XLVS_CHUNKS_MAX - 1);
	assert_int_equal(run->head.magic, XLVS_LIST_MAGIC);
	assert_int_equal(run->head.n_chunks, xlvs_schedule_chunks(service->n_dests, n_slots));
	assert_int_equal(run->head.n_slots, n_slots);
	assert_int_equal(run->head.n_dests, service->n_dests);
	assert_int_equal(run->head.scheduler, service->scheduler);
	assert_int_equal(run->head.flags, (__u16)service->spec.flags);
	assert_int_equal(run->head.service, service->id);
	for (uint32_t i = 0; i < service->n_dests; i++) {
		const struct xlvs_cell *cell =
			&run[1 + i / XLVS_CELLS_PER_CHUNK].cells[i % XLVS_CELLS_PER_CHUNK];
		const struct xlvs_model_dest *dest = xlvs_model_dest(model, service->dests[i]);

		assert_int_equal(cell->dest, dest->id);
		assert_int_equal(cell->weight, dest->spec.weight);
	}
	return run->head.n_chunks;
}

/* Their chunks. */
static uint32_t expect_locals_as_model(const struct xlvs_maps *maps,
				       const struct xlvs_model_service *service, uint32_t first)
{
	const union xlvs_chunk *run = &maps->chunks[first];

	assert_int_equal(first != 0, service->n_locals != 0);
	if (!first)
		return 0;
	assert_in_range(first, 0, XLVS_CHUNKS_MAX - 1);
	assert_int_equal(run->locals.magic, XLVS_LOCALS_MAGIC);
	assert_int_equal(run->locals.service, service->id);
	assert_int_equal(run->locals.n_addresses, service->n_locals);
	for (uint32_t i = 0; i < service->n_locals; i++)
		assert_memory_equal(
			run[1 + i / XLVS_LOCALS_PER_CHUNK].locals_at[i % XLVS_LOCALS_PER_CHUNK],
			&service->locals[i].address, sizeof(struct xlvs_address));
	return run->locals.n_chunks;
}

/* Chunks of the image, chunk 0 included, which stands for none. */
static uint32_t expect_marks_as_model(const struct xlvs_maps *maps, const struct xlvs_model *model)
{
	uint32_t n_rules = 0, first = maps->runtime->marks;
	const union xlvs_chunk *image = &maps->chunks[first];

	for (uint32_t i = 0; i < XLVS_MARK_RULES_MAX; i++) {
		const struct xlvs_model_mark *mark = xlvs_model_mark(model, i);

		assert_int_equal(maps->marks[i].mark, mark ? mark->spec.mark : 0);
		n_rules += mark != NULL;
	}
	assert_int_equal(first != 0, n_rules != 0);
	if (!first)
		return 1;
	assert_int_equal(image->marks.magic, XLVS_MARK_MAGIC);
	return 1 + image->marks.n_chunks;
}

static void expect_nothing_left_over(const struct xlvs_loader *loader, uint32_t n_services,
				     uint32_t n_dests, uint32_t n_chunks)
{
	const struct xlvs_maps *maps = &loader->maps;
	uint32_t n_live = 0, n_used = 0, n_taken = 0;

	for (uint32_t i = 0; i < XLVS_SERVICE_SLOTS; i++)
		n_live += maps->services[i].state == XLVS_SLOT_LIVE;
	for (uint32_t i = 0; i < XLVS_DESTS_MAX; i++)
		n_used += maps->dests[i].flags != 0;
	for (uint32_t i = 0; i < XLVS_CHUNKS_MAX; i++)
		n_taken += loader->chunks.taken[i];
	for (size_t i = 0; i < loader->resting.n; i++) {
		if (loader->resting.items[i].kind == XLVS_ITEM_RUN)
			n_taken -= loader->resting.items[i].extra;
	}
	assert_int_equal(n_live, n_services);
	assert_int_equal(n_used, n_dests);
	assert_int_equal(n_taken, n_chunks);
	assert_int_equal(loader->private->journal_words, 0);
}

void expect_maps_as_model(const struct xlvs_loader *loader, const struct xlvs_model *model)
{
	const struct xlvs_maps *maps = &loader->maps;
	uint32_t n_services = 0, n_dests = 0, n_chunks = expect_marks_as_model(maps, model);
	const struct xlvs_model_service *service = xlvs_model_next_service(model, 0);
	const struct xlvs_model_dest *dest = xlvs_model_next_dest(model, 0);
	struct xlvs_timeouts timeouts;

	for (; service; service = xlvs_model_next_service(model, service->id + 1)) {
		struct xlvs_service slot = find_slot(maps, &service->spec.key);

		assert_int_equal(slot.state, XLVS_SLOT_LIVE);
		assert_int_equal(slot.id, service->id);
		assert_int_equal(slot.flags, service->spec.flags);
		assert_int_equal(slot.timeout_sec, service->spec.timeout_sec);
		assert_int_equal(slot.netmask, service->spec.netmask);
		n_chunks += expect_list_as_model(maps, model, service, slot.list);
		n_chunks += expect_locals_as_model(maps, service, slot.locals);
		n_services++;
	}
	for (; dest; dest = xlvs_model_next_dest(model, dest->id + 1)) {
		expect_dest(maps, dest);
		n_dests++;
	}
	expect_nothing_left_over(loader, n_services, n_dests, n_chunks);
	assert_int_equal(maps->runtime->n_services4, xlvs_model_n_services(model, AF_INET));
	assert_int_equal(maps->runtime->n_services6, xlvs_model_n_services(model, AF_INET6));
	assert_int_equal(maps->runtime->lookups, xlvs_model_lookups(model));
	xlvs_model_timeouts(model, &timeouts);
	assert_int_equal(maps->runtime->timeout_ticks[XLVS_TIMEOUT_TCP + XLVS_TCP_ESTABLISHED],
			 timeouts.tcp_sec * maps->runtime->constants.ticks_per_sec);
	assert_int_equal(maps->runtime->timeout_ticks[XLVS_TIMEOUT_TCP + XLVS_TCP_FIN_WAIT],
			 timeouts.tcp_fin_sec * maps->runtime->constants.ticks_per_sec);
	assert_int_equal(maps->runtime->timeout_ticks[XLVS_TIMEOUT_UDP],
			 timeouts.udp_sec * maps->runtime->constants.ticks_per_sec);
}

static bool is_same_service_key(const struct xlvs_service_key *a, const struct xlvs_service_key *b)
{
	return a->family == b->family && a->protocol == b->protocol && a->port == b->port &&
	       a->fwmark == b->fwmark && !memcmp(&a->address, &b->address, sizeof(a->address));
}

static bool is_same_service(const struct xlvs_model_service *a, const struct xlvs_model_service *b)
{
	return a->id == b->id && is_same_service_key(&a->spec.key, &b->spec.key) &&
	       !strcmp(a->spec.scheduler, b->spec.scheduler) && !strcmp(a->spec.pe, b->spec.pe) &&
	       a->spec.flags == b->spec.flags && a->spec.timeout_sec == b->spec.timeout_sec &&
	       a->spec.netmask == b->spec.netmask && a->scheduler == b->scheduler &&
	       a->n_dests == b->n_dests && a->n_locals == b->n_locals &&
	       (!a->n_dests || !memcmp(a->dests, b->dests, a->n_dests * sizeof(*a->dests))) &&
	       (!a->n_locals || !memcmp(a->locals, b->locals, a->n_locals * sizeof(*a->locals)));
}

static bool is_same_dest(const struct xlvs_model_dest *a, const struct xlvs_model_dest *b)
{
	const struct xlvs_dest_spec *x = &a->spec, *y = &b->spec;

	return a->id == b->id && a->service == b->service && a->last_weight == b->last_weight &&
	       a->available == b->available &&
	       is_same_service_key(&a->service_key, &b->service_key) &&
	       x->key.family == y->key.family && x->key.port == y->key.port &&
	       !memcmp(&x->key.address, &y->key.address, sizeof(x->key.address)) &&
	       x->method == y->method && x->weight == y->weight &&
	       x->upper_threshold == y->upper_threshold &&
	       x->lower_threshold == y->lower_threshold && x->tunnel_type == y->tunnel_type &&
	       x->tunnel_port == y->tunnel_port && x->tunnel_flags == y->tunnel_flags;
}

static bool is_same_mark(const struct xlvs_model_mark *a, const struct xlvs_model_mark *b)
{
	return !a == !b && (!a || !memcmp(&a->spec, &b->spec, sizeof(a->spec)));
}

bool is_same_model(const struct xlvs_model *a, const struct xlvs_model *b)
{
	struct xlvs_timeouts x, y;

	for (uint32_t i = 0; i < XLVS_SERVICES_MAX; i++) {
		const struct xlvs_model_service *s = xlvs_model_service(a, i);
		const struct xlvs_model_service *t = xlvs_model_service(b, i);

		if (!s != !t || (s && !is_same_service(s, t)))
			return false;
	}
	for (uint32_t i = 0; i < XLVS_DESTS_MAX; i++) {
		const struct xlvs_model_dest *s = xlvs_model_dest(a, i);
		const struct xlvs_model_dest *t = xlvs_model_dest(b, i);

		if (!s != !t || (s && !is_same_dest(s, t)))
			return false;
	}
	for (uint32_t i = 0; i < XLVS_MARK_RULES_MAX; i++) {
		if (!is_same_mark(xlvs_model_mark(a, i), xlvs_model_mark(b, i)))
			return false;
	}
	for (int i = 0; i < XLVS_SETTINGS_END; i++) {
		if (xlvs_model_setting(a, i) != xlvs_model_setting(b, i))
			return false;
	}
	xlvs_model_timeouts(a, &x);
	xlvs_model_timeouts(b, &y);
	return !memcmp(&x, &y, sizeof(x)) && xlvs_model_drop_rate(a) == xlvs_model_drop_rate(b);
}

struct xlvs_model *copy_of_model(const struct xlvs_model *model)
{
	struct xlvs_model *copy = xlvs_model_new();
	const struct xlvs_model_service *service = xlvs_model_next_service(model, 0);
	const struct xlvs_model_dest *dest = xlvs_model_next_dest(model, 0);
	const struct xlvs_model_mark *mark = xlvs_model_next_mark(model, 0);
	int32_t settings[XLVS_SETTINGS_END];
	struct xlvs_timeouts timeouts;

	assert_non_null(copy);
	for (; mark; mark = xlvs_model_next_mark(model, mark->id + 1))
		assert_int_equal(xlvs_model_adopt_mark(copy, mark->id, &mark->spec), 0);
	for (; service; service = xlvs_model_next_service(model, service->id + 1))
		assert_int_equal(xlvs_model_adopt_service(copy, service->id, &service->spec), 0);
	service = xlvs_model_next_service(model, 0);
	for (; service; service = xlvs_model_next_service(model, service->id + 1)) {
		for (uint32_t i = 0; i < service->n_dests; i++)
			assert_int_equal(xlvs_model_adopt_dest(
						 copy, xlvs_model_dest(model, service->dests[i])),
					 0);
		for (uint32_t i = 0; i < service->n_locals; i++)
			assert_int_equal(
				xlvs_model_adopt_local(copy, service->id, &service->locals[i]), 0);
	}
	for (; dest; dest = xlvs_model_next_dest(model, dest->id + 1)) {
		if (!dest->available)
			assert_int_equal(xlvs_model_adopt_dest(copy, dest), 0);
	}
	xlvs_model_timeouts(model, &timeouts);
	xlvs_model_adopt_timeouts(copy, &timeouts);
	for (int i = 0; i < XLVS_SETTINGS_END; i++)
		settings[i] = xlvs_model_setting(model, i);
	assert_int_equal(xlvs_model_adopt_settings(copy, settings, xlvs_model_drop_rate(model)), 0);
	return copy;
}
