// SPDX-License-Identifier: GPL-2.0-or-later
#include "model_fixture.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/limits.h"

int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->model = xlvs_model_new();
	assert_non_null(f->model);
	*state = f;
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	xlvs_model_free(f->model);
	xlvs_plan_done(&f->plan);
	free(f);
	return 0;
}

static uint16_t parse(const char *text, struct xlvs_address *ret_address)
{
	uint16_t family = strchr(text, ':') ? AF_INET6 : AF_INET;

	assert_int_equal(inet_pton(family, text, ret_address->bytes), 1);
	return family;
}

struct xlvs_service_key service_key(const char *address)
{
	struct xlvs_service_key key = {.protocol = IPPROTO_TCP, .port = htons(80)};

	key.family = parse(address, &key.address);
	return key;
}

struct xlvs_service_spec service_spec(const char *address, const char *scheduler)
{
	struct xlvs_service_spec spec = {.key = service_key(address), .flags_mask = ~0U};

	spec.netmask = spec.key.family == AF_INET ? ~0U : 128;
	snprintf(spec.scheduler, sizeof(spec.scheduler), "%s", scheduler);
	return spec;
}

struct xlvs_dest_key dest_key(const char *address)
{
	struct xlvs_dest_key key = {.port = htons(80)};

	key.family = parse(address, &key.address);
	return key;
}

struct xlvs_dest_spec dest_spec(const char *address, int32_t weight)
{
	return (struct xlvs_dest_spec){
		.key = dest_key(address),
		.method = XLVS_METHOD_NAT,
		.weight = weight,
	};
}

static int with_text(struct fixture *f, int answer)
{
	assert_int_equal(answer < 0, f->error.text[0] != '\0');
	f->error.text[0] = '\0';
	return answer;
}

int add_service(struct fixture *f, const char *address, const char *scheduler)
{
	struct xlvs_service_spec spec = service_spec(address, scheduler);

	return with_text(f, xlvs_model_add_service(f->model, &spec, &f->plan, &f->error));
}

int edit_service(struct fixture *f, const char *address, const char *scheduler)
{
	struct xlvs_service_spec spec = service_spec(address, scheduler);

	return with_text(f, xlvs_model_edit_service(f->model, &spec, &f->plan, &f->error));
}

int delete_service(struct fixture *f, const char *address)
{
	struct xlvs_service_key key = service_key(address);

	return with_text(f, xlvs_model_delete_service(f->model, &key, &f->plan, &f->error));
}

int add_dest(struct fixture *f, const char *service, const char *address)
{
	struct xlvs_service_key key = service_key(service);
	struct xlvs_dest_spec spec = dest_spec(address, 1);

	return with_text(f, xlvs_model_add_dest(f->model, &key, &spec, &f->plan, &f->error));
}

int edit_dest(struct fixture *f, const char *service, const char *address, int32_t weight)
{
	struct xlvs_service_key key = service_key(service);
	struct xlvs_dest_spec spec = dest_spec(address, weight);

	return with_text(f, xlvs_model_edit_dest(f->model, &key, &spec, &f->plan, &f->error));
}

int delete_dest(struct fixture *f, const char *service, const char *address)
{
	struct xlvs_service_key key = service_key(service);
	struct xlvs_dest_key dest = dest_key(address);

	return with_text(f, xlvs_model_delete_dest(f->model, &key, &dest, &f->plan, &f->error));
}

static void print_op(FILE *stream, const struct xlvs_op *op)
{
	static const char *const words[] = {
		[XLVS_OP_DEST_PUT] = "put",	   [XLVS_OP_SCHEDULE] = "schedule",
		[XLVS_OP_SERVICE_PUT] = "service", [XLVS_OP_SERVICE_DELETE] = "delete",
		[XLVS_OP_DEST_DELETE] = "delete",  [XLVS_OP_DEST_FREE] = "free",
		[XLVS_OP_DEST_ZERO] = "zero",	   [XLVS_OP_TIMEOUTS] = "timeouts",
		[XLVS_OP_SETTINGS] = "settings",   [XLVS_OP_ZERO_SERVICE] = "zero",
		[XLVS_OP_ZERO_ALL] = "zero all",   [XLVS_OP_LOCALS] = "locals",
	};
	static const char *const changes[] = {
		[XLVS_SCHEDULE_BIND] = "bind",
		[XLVS_SCHEDULE_DEST_ADDED] = "added",
		[XLVS_SCHEDULE_DEST_DELETED] = "deleted",
		[XLVS_SCHEDULE_DEST_EDITED] = "edited",
		[XLVS_SCHEDULE_KEPT] = "kept",
	};

	fputs(words[op->kind], stream);
	if (op->dest != XLVS_NONE)
		fprintf(stream, " d%u", op->dest);
	else if (op->service != XLVS_NONE)
		fprintf(stream, " s%u", op->service);
	if (op->kind == XLVS_OP_SCHEDULE)
		fprintf(stream, " %s", changes[op->change]);
}

void expect_plan(struct fixture *f, const char *expected)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *stream = open_memstream(&text, &bytes);

	assert_non_null(stream);
	for (size_t i = 0; i < f->plan.n_ops; i++) {
		fputs(i ? ", " : "", stream);
		print_op(stream, &f->plan.ops[i]);
	}
	fclose(stream);
	assert_string_equal(text, expected);
	free(text);
	f->plan.n_ops = 0;
}

void expect_list(const struct fixture *f, const char *service, const char *expected)
{
	struct xlvs_service_key key = service_key(service);
	const struct xlvs_model_service *found = xlvs_model_find_service(f->model, &key);
	char text[256] = "";
	size_t bytes = 0;

	assert_non_null(found);
	for (uint32_t i = 0; i < found->n_dests; i++)
		bytes += (size_t)snprintf(text + bytes, sizeof(text) - bytes, "%s%u", i ? " " : "",
					  found->dests[i]);
	assert_string_equal(text, expected);
}
