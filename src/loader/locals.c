// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/locals.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "loader/chunks.h"
#include "loader/state.h"

_Static_assert(offsetof(union xlvs_chunk, locals.magic) == offsetof(union xlvs_chunk, head.magic) &&
		       offsetof(union xlvs_chunk, locals.n_chunks) ==
			       offsetof(union xlvs_chunk, head.n_chunks),
	       "a run of chunks begins alike, whatever it holds");

static uint32_t chunks_for(uint32_t n_addresses)
{
	return 1 + (n_addresses + XLVS_LOCALS_PER_CHUNK - 1) / XLVS_LOCALS_PER_CHUNK;
}

static __be32 *address_in(union xlvs_chunk *run, uint32_t nth)
{
	return run[1 + nth / XLVS_LOCALS_PER_CHUNK].locals_at[nth % XLVS_LOCALS_PER_CHUNK];
}

static uint32_t build(struct xlvs_loader *loader, const struct xlvs_model_service *service,
		      struct xlvs_error *reterr)
{
	uint32_t n_chunks = chunks_for(service->n_locals);
	uint32_t first = xlvs_chunks_take(loader, n_chunks, "the local addresses", reterr);
	union xlvs_chunk *run;

	if (first == XLVS_NONE)
		return XLVS_NONE;
	run = &loader->maps.chunks[first];
	memset(run, 0, n_chunks * sizeof(*run));
	run->locals = (struct xlvs_locals_head){
		.magic = XLVS_LOCALS_MAGIC,
		.n_chunks = n_chunks,
		.service = service->id,
		.n_addresses = service->n_locals,
		.n_ipv4 = xlvs_model_n_locals4(service),
	};
	for (uint32_t i = 0; i < service->n_locals; i++)
		memcpy(address_in(run, i), service->locals[i].address.bytes,
		       sizeof(service->locals[i].address));
	return first;
}

int xlvs_locals_publish(struct xlvs_loader *loader, const struct xlvs_model *model,
			uint32_t service_id, struct xlvs_error *reterr)
{
	const struct xlvs_model_service *service = xlvs_model_service(model, service_id);
	uint32_t slot = loader->slots.of_service[service_id];
	uint32_t *published = &loader->maps.services[slot].locals;
	uint32_t first = 0;

	if (service->n_locals)
		first = build(loader, service, reterr);
	if (first == XLVS_NONE)
		return -ENOSPC;
	if (*published)
		xlvs_chunks_leave(loader, *published);
	return xlvs_journal_store(&loader->journal, published, first);
}

int xlvs_locals_adopt(struct xlvs_loader *loader, struct xlvs_model *model, uint32_t service_id)
{
	const struct xlvs_service *service =
		&loader->maps.services[loader->slots.of_service[service_id]];
	uint32_t first = service->locals;
	union xlvs_chunk *run = &loader->maps.chunks[first % XLVS_CHUNKS_MAX];
	int r = 0;

	if (!first)
		return 0;
	if (first >= XLVS_CHUNKS_MAX || run->locals.magic != XLVS_LOCALS_MAGIC ||
	    run->locals.n_addresses > XLVS_LOCALS_MAX ||
	    run->locals.n_ipv4 > run->locals.n_addresses ||
	    run->locals.n_chunks != chunks_for(run->locals.n_addresses) ||
	    !xlvs_runs_take(&loader->chunks, first, run->locals.n_chunks))
		return -EINVAL;
	for (uint32_t i = 0; r == 0 && i < run->locals.n_addresses; i++) {
		struct xlvs_local_address local = {
			.family = i < run->locals.n_ipv4 ? AF_INET : AF_INET6,
		};

		memcpy(local.address.bytes, address_in(run, i), sizeof(local.address));
		r = xlvs_model_adopt_local(model, service_id, &local);
	}
	return r;
}
