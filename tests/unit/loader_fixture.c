// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader_fixture.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "loader/settings.h"

static const size_t memory_bytes[XLVS_MEMORIES_END] = {
	[XLVS_MEMORY_CONNS] = (size_t)FIXTURE_CONNS * sizeof(struct xlvs_conn),
	[XLVS_MEMORY_CONTROLS] = (size_t)FIXTURE_CONNS * sizeof(struct xlvs_control),
	[XLVS_MEMORY_SERVICES] = XLVS_SERVICE_SLOTS * sizeof(struct xlvs_service),
	[XLVS_MEMORY_DESTS] = XLVS_DESTS_MAX * sizeof(struct xlvs_dest),
	[XLVS_MEMORY_CHUNKS] = XLVS_CHUNKS_MAX * sizeof(union xlvs_chunk),
	[XLVS_MEMORY_NEXTHOPS] = XLVS_NEXTHOPS_MAX * sizeof(struct xlvs_nexthop),
	[XLVS_MEMORY_GATEWAYS] = XLVS_GATEWAYS_MAX * sizeof(struct xlvs_nexthop),
	[XLVS_MEMORY_TRAFFIC] = (size_t)FIXTURE_CPUS * XLVS_DESTS_MAX * sizeof(struct xlvs_traffic),
	[XLVS_MEMORY_REASONS] = (size_t)FIXTURE_CPUS * XLVS_REASONS_MAX * sizeof(uint64_t),
	[XLVS_MEMORY_DEST_LEDGER] = XLVS_DESTS_MAX * sizeof(struct xlvs_ledger),
	[XLVS_MEMORY_SERVICE_LEDGER] = XLVS_SERVICES_MAX * sizeof(struct xlvs_ledger),
	[XLVS_MEMORY_MARKS] = XLVS_MARK_RULES_MAX * sizeof(struct xlvs_mark_rule),
	[XLVS_MEMORY_RUNTIME] = sizeof(struct xlvs_runtime),
	[XLVS_MEMORY_PRIVATE] = sizeof(struct xlvs_private),
};

struct xlvs_loader *loader_over_memory(const struct xlvs_memory *memories)
{
	struct xlvs_loader *loader = calloc(1, sizeof(*loader));

	assert_non_null(loader);
	memcpy(loader->memories, memories, sizeof(loader->memories));
	assert_int_equal(xlvs_loader_init(loader), 0);
	return loader;
}

void loader_free(struct xlvs_loader *loader)
{
	xlvs_loader_done(loader);
	free(loader);
}

void loader_free_with_memory(struct xlvs_loader *loader)
{
	for (int i = 0; i < XLVS_MEMORIES_END; i++)
		munmap(loader->memories[i].base, loader->memories[i].bytes);
	loader_free(loader);
}

int director_setup(void **state)
{
	struct director *d = calloc(1, sizeof(*d));
	struct xlvs_memory memories[XLVS_MEMORIES_END];
	struct xlvs_constants constants;

	assert_non_null(d);
	for (int i = 0; i < XLVS_MEMORIES_END; i++) {
		memories[i] = (struct xlvs_memory){
			.base = mmap(NULL, memory_bytes[i], PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0),
			.bytes = memory_bytes[i],
		};
		assert_ptr_not_equal(memories[i].base, MAP_FAILED);
	}
	assert_int_equal(xlvs_settings_constants(FIXTURE_CONNS, &constants), 0);
	xlvs_settings_runtime(&constants, memories[XLVS_MEMORY_RUNTIME].base);
	d->loader = loader_over_memory(memories);
	d->f.model = xlvs_model_new();
	assert_non_null(d->f.model);
	*state = d;
	return 0;
}

int director_teardown(void **state)
{
	struct director *d = *state;

	loader_free_with_memory(d->loader);
	xlvs_model_free(d->f.model);
	xlvs_plan_done(&d->f.plan);
	free(d);
	return 0;
}

int carry_out(struct director *d, int answer)
{
	if (answer == 0)
		answer = xlvs_loader_apply(d->loader, d->f.model, &d->f.plan, &d->f.error);
	d->f.plan.n_ops = 0;
	return answer;
}

void make(struct director *d, int answer)
{
	assert_int_equal(carry_out(d, answer), 0);
}

void refuse(struct director *d, int answer, int code, const char *text)
{
	assert_int_equal(answer, 0);
	assert_int_equal(carry_out(d, answer), code);
	assert_string_equal(d->f.error.text, text);
	d->f.error.text[0] = '\0';
}

void restart(struct director *d)
{
	struct xlvs_loader *former = d->loader;

	d->loader = loader_over_memory(former->memories);
	loader_free(former);
	xlvs_model_free(d->f.model);
	d->f.model = xlvs_model_new();
	assert_non_null(d->f.model);
	if (xlvs_loader_adopt(d->loader, d->f.model, &d->f.error))
		fail_msg("%s", d->f.error.text);
}

struct xlvs_mark_spec mark_spec(const char *address, uint16_t port, uint32_t mark)
{
	struct xlvs_dest_key key = dest_key(address);

	return (struct xlvs_mark_spec){
		.family = key.family,
		.protocol = IPPROTO_TCP,
		.address = key.address,
		.length = key.family == AF_INET ? 32 : 128,
		.first_port = port,
		.last_port = port,
		.mark = mark,
	};
}

int add_mark(struct director *d, const char *address, uint16_t port, uint32_t mark)
{
	struct xlvs_mark_spec spec = mark_spec(address, port, mark);

	return xlvs_model_add_marks(d->f.model, &spec, 1, &d->f.plan, &d->f.error);
}

uint32_t service_id(const struct director *d, const char *service)
{
	struct xlvs_service_key key = service_key(service);
	const struct xlvs_model_service *found = xlvs_model_find_service(d->f.model, &key);

	return found ? found->id : XLVS_NONE;
}

uint32_t dest_id(const struct director *d, const char *service, const char *address)
{
	struct xlvs_dest_key key = dest_key(address);
	const struct xlvs_model_dest *dest = xlvs_model_next_dest(d->f.model, 0);

	for (; dest; dest = xlvs_model_next_dest(d->f.model, dest->id + 1)) {
		if (!memcmp(&dest->spec.key, &key, sizeof(key)) &&
		    dest->service == service_id(d, service))
			return dest->id;
	}
	return XLVS_NONE;
}
