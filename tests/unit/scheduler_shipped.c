// SPDX-License-Identifier: GPL-2.0-or-later
#include "scheduler_shipped.h"

#include <string.h>

#include "host_kernel.h"
#include "host_maps.h"
#include "scheduler/scheduler.bpf.h"
#include "scheduler/scheduler.h"

/* The two places that a list is published to in turn. */
static const uint32_t places[] = {1, HOST_CHUNKS / 2};

static void publish(struct shipped *shipped, enum xlvs_schedule_change change)
{
	static uint64_t n_bindings;
	static struct xlvs_schedule_dest dests[XLVS_DESTS_PER_SERVICE];
	uint32_t list = shipped->list == places[0] ? places[1] : places[0];
	union xlvs_chunk *run = &host_chunks[list];
	struct xlvs_schedule schedule = {
		.chunks = run,
		.old = shipped->list ? &host_chunks[shipped->list] : NULL,
		.dests = dests,
		.binding = ++n_bindings,
		.change = change,
	};
	uint32_t n_slots = xlvs_scheduler_slots(shipped->scheduler, shipped->mh_slots);
	uint32_t n_chunks = xlvs_schedule_chunks(shipped->n_dests, n_slots);

	memset(run, 0, n_chunks * sizeof(*run));
	run->head.magic = XLVS_LIST_MAGIC;
	run->head.n_chunks = n_chunks;
	run->head.n_dests = shipped->n_dests;
	run->head.scheduler = shipped->scheduler;
	run->head.n_slots = n_slots;
	if (n_slots)
		run->head.table =
			n_chunks - (n_slots + XLVS_SLOTS_PER_CHUNK - 1) / XLVS_SLOTS_PER_CHUNK;
	for (uint32_t i = 0; i < shipped->n_dests; i++) {
		run[1 + i / XLVS_CELLS_PER_CHUNK].cells[i % XLVS_CELLS_PER_CHUNK] =
			(struct xlvs_cell){
				.dest = shipped->dests[i],
				.weight = host_dests[shipped->dests[i]].weight,
			};
		dests[i] = (struct xlvs_schedule_dest){
			.address = reference_address(shipped->dests[i]),
			.last_weight = shipped->last_weights[shipped->dests[i]],
			.port = REFERENCE_PORT,
		};
	}
	xlvs_scheduler_build(&schedule);
	shipped->list = list;
}

void shipped_init(struct shipped *shipped, uint16_t scheduler)
{
	memset(host_dests, 0, sizeof(host_dests));
	host_n_localities = 0;
	xlvs_runtime.timeout_ticks[XLVS_TIMEOUT_LBLC] = REFERENCE_EXPIRATION_SEC;
	xlvs_runtime.timeout_ticks[XLVS_TIMEOUT_LBLCR] = REFERENCE_EXPIRATION_SEC;
	shipped->scheduler = scheduler;
	shipped->list = 0;
	shipped->mh_slots = XLVS_MH_SLOTS_DEFAULT;
	shipped->n_dests = 0;
	publish(shipped, XLVS_SCHEDULE_BIND);
}

void shipped_add(struct shipped *shipped, uint32_t id, int32_t weight)
{
	memmove(shipped->dests + 1, shipped->dests, shipped->n_dests * sizeof(uint32_t));
	shipped->dests[0] = id;
	shipped->n_dests++;
	host_dests[id] = (struct xlvs_dest){
		.flags = XLVS_DEST_USED | XLVS_DEST_AVAILABLE,
		.weight = weight,
		.serial = host_dests[id].serial + 1,
	};
	shipped->last_weights[id] = weight;
	publish(shipped, XLVS_SCHEDULE_DEST_ADDED);
}

void shipped_delete(struct shipped *shipped, uint32_t id)
{
	uint32_t i = 0;

	while (shipped->dests[i] != id)
		i++;
	host_dests[id].flags = XLVS_DEST_USED;
	shipped->n_dests--;
	memmove(shipped->dests + i, shipped->dests + i + 1,
		(shipped->n_dests - i) * sizeof(uint32_t));
	publish(shipped, XLVS_SCHEDULE_DEST_DELETED);
}

void shipped_edit(struct shipped *shipped, uint32_t id, int32_t weight)
{
	host_dests[id].weight = weight;
	if (weight)
		shipped->last_weights[id] = weight;
	publish(shipped, XLVS_SCHEDULE_DEST_EDITED);
}

void shipped_bind(struct shipped *shipped, uint16_t scheduler)
{
	bool same = shipped->scheduler == scheduler;

	shipped->scheduler = scheduler;
	publish(shipped, same ? XLVS_SCHEDULE_KEPT : XLVS_SCHEDULE_BIND);
}

int64_t shipped_pick(const struct shipped *shipped, const struct arrival *arrival)
{
	struct xlvs_pick pick = {
		.list = shipped->list,
		.n_dests = shipped->n_dests,
		.scheduler = shipped->scheduler,
		.flags = arrival->flags,
	};
	struct xlvs_tuple tuple = {
		.family = XLVS_AF_INET,
		.sport = bpf_htons(arrival->port),
		.key.v4 = {bpf_htonl(arrival->client), bpf_htonl(arrival->address)},
	};
	int answer = -XLVS_DROP_NO_DEST;

	host_jiffies = arrival->now_sec; /* a jiffy and a tick a second */
	if (!shipped->n_dests)
		return -1;
	switch (shipped->scheduler) {
#define PICK(name, number)                                 \
	case XLVS_SCHEDULER_##name:                        \
		answer = xlvs_sched_##name(&pick, &tuple); \
		break;
		XLVS_SCHEDULERS(PICK)
#undef PICK
	default:
		break;
	}
	return answer == -XLVS_DROP_NO_DEST ? -1 : answer;
}
