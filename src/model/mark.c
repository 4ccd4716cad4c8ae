// SPDX-License-Identifier: GPL-2.0-or-later
/* Mark rules: add, delete, flush, adopt. Two rules are the same when they are for the same packets,
 * whatever marks they give. */
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "abi/limits.h"
#include "abi/mark.h"
#include "model/plan.h"
#include "model/state.h"

#define entry_of(node_pointer)                \
	((struct xlvs_mark_entry *)(void *)(( \
		char *)(node_pointer)-offsetof(struct xlvs_mark_entry, node)))

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
	return hash ^ (hash >> 32);
}

static uint64_t hash_of(const struct xlvs_mark_spec *spec)
{
	uint64_t words[2];

	memcpy(words, spec->address.bytes, sizeof(words));
	return mix(mix(mix(mix(0, words[0]), words[1]), (uint64_t)spec->family << 32 |
								(uint64_t)spec->protocol << 16 |
								spec->length),
		   (uint64_t)spec->first_port << 16 | spec->last_port);
}

static bool is_same(const struct xlvs_mark_spec *a, const struct xlvs_mark_spec *b)
{
	return a->family == b->family && a->protocol == b->protocol && a->length == b->length &&
	       a->first_port == b->first_port && a->last_port == b->last_port &&
	       !memcmp(&a->address, &b->address, sizeof(a->address));
}

static struct xlvs_mark_entry *find(const struct xlvs_model *model,
				    const struct xlvs_mark_spec *spec)
{
	struct xlvs_table_node *node = xlvs_table_first(&model->mark_keys, hash_of(spec));

	for (; node; node = xlvs_table_next(node)) {
		struct xlvs_mark_entry *entry = entry_of(node);

		if (is_same(&entry->rule.spec, spec))
			return entry;
	}
	return NULL;
}

/* Is every bit past the prefix 0? */
static bool is_cut(const struct xlvs_mark_spec *spec)
{
	for (unsigned int bit = spec->length; bit < 8 * sizeof(spec->address); bit++) {
		if (spec->address.bytes[bit / 8] & (0x80 >> bit % 8))
			return false;
	}
	return true;
}

static int check(const struct xlvs_mark_spec *spec, struct xlvs_error *reterr)
{
	unsigned int longest = spec->family == AF_INET ? 32 : 128;

	if (spec->family != AF_INET && spec->family != AF_INET6)
		return xlvs_refuse(reterr, -EAFNOSUPPORT, "address family %u of a mark rule",
				   spec->family);
	if (!spec->mark)
		return xlvs_refuse(reterr, -EINVAL, "a mark is 1 to 4294967295, not 0");
	if (spec->protocol && spec->protocol != IPPROTO_TCP && spec->protocol != IPPROTO_UDP)
		return xlvs_refuse(reterr, -EINVAL, "a mark rule is for tcp, udp or any, not %u",
				   spec->protocol);
	if (spec->length > longest)
		return xlvs_refuse(reterr, -EINVAL, "a prefix has at most %u bits, not %u", longest,
				   spec->length);
	if (!is_cut(spec))
		return xlvs_refuse(reterr, -EINVAL, "the address has bits set past its prefix");
	if (spec->first_port > spec->last_port)
		return xlvs_refuse(reterr, -EINVAL,
				   "a range of ports does not end before it begins");
	return 0;
}

static int enter(struct xlvs_model *model, uint32_t id, const struct xlvs_mark_spec *spec)
{
	struct xlvs_mark_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return -ENOMEM;
	entry->rule = (struct xlvs_model_mark){.id = id, .spec = *spec};
	xlvs_ids_take(&model->mark_ids, id);
	model->marks[id] = entry;
	xlvs_table_insert(&model->mark_keys, &entry->node, hash_of(spec));
	return 0;
}

static void leave(struct xlvs_model *model, struct xlvs_mark_entry *entry)
{
	uint32_t id = entry->rule.id;

	xlvs_table_remove(&model->mark_keys, &entry->node);
	model->marks[id] = NULL;
	xlvs_ids_give(&model->mark_ids, id);
	free(entry);
}

static void plan_op(struct xlvs_plan *plan, enum xlvs_op_kind kind, uint32_t mark)
{
	xlvs_plan_add(plan, (struct xlvs_op){
				    .kind = kind,
				    .service = XLVS_NONE,
				    .dest = XLVS_NONE,
				    .mark = mark,
			    });
}

/* Enter one more; nothing is planned yet. */
static int add(struct xlvs_model *model, const struct xlvs_mark_spec *spec, uint32_t *ret_id,
	       struct xlvs_error *reterr)
{
	uint32_t id = xlvs_ids_next(&model->mark_ids);
	int r = check(spec, reterr);

	if (r < 0)
		return r;
	if (find(model, spec))
		return xlvs_refuse(reterr, -EEXIST, "there is a mark rule for the same packets");
	if (id == XLVS_NONE)
		return xlvs_refuse(reterr, -ENOSPC, "a director has at most %d mark rules",
				   XLVS_MARK_RULES_MAX);
	r = enter(model, id, spec);
	if (r == 0)
		*ret_id = id;
	return r;
}

int xlvs_model_add_marks(struct xlvs_model *model, const struct xlvs_mark_spec *specs,
			 size_t n_specs, struct xlvs_plan *plan, struct xlvs_error *reterr)
{
	uint32_t *ids = calloc(n_specs + 1, sizeof(*ids));
	size_t n_added = 0;
	int r = ids ? xlvs_plan_reserve(plan, n_specs + 1) : -ENOMEM;

	while (r == 0 && n_added < n_specs) {
		r = add(model, &specs[n_added], &ids[n_added], reterr);
		n_added += r == 0;
	}
	for (size_t i = 0; i < n_added; i++) {
		if (r < 0)
			leave(model, model->marks[ids[i]]);
		else
			plan_op(plan, XLVS_OP_MARK_PUT, ids[i]);
	}
	if (r == 0)
		plan_op(plan, XLVS_OP_MARKS, XLVS_NONE);
	free(ids);
	return r;
}

int xlvs_model_delete_mark(struct xlvs_model *model, const struct xlvs_mark_spec *spec,
			   struct xlvs_plan *plan, struct xlvs_error *reterr)
{
	struct xlvs_mark_entry *entry = find(model, spec);
	int r;

	if (!entry || (spec->mark && spec->mark != entry->rule.spec.mark))
		return xlvs_refuse(reterr, -ESRCH, "no such mark rule");
	r = xlvs_plan_reserve(plan, 2);
	if (r < 0)
		return r;
	plan_op(plan, XLVS_OP_MARKS, XLVS_NONE); /* first: until then packets find the rule */
	plan_op(plan, XLVS_OP_MARK_DELETE, entry->rule.id);
	leave(model, entry);
	return 0;
}

int xlvs_model_flush_marks(struct xlvs_model *model, struct xlvs_plan *plan)
{
	int r = xlvs_plan_reserve(plan, model->mark_ids.high + (size_t)1);

	if (r < 0)
		return r;
	plan_op(plan, XLVS_OP_MARKS, XLVS_NONE);
	for (uint32_t id = 0; id < model->mark_ids.high; id++) {
		if (!model->marks[id])
			continue;
		plan_op(plan, XLVS_OP_MARK_DELETE, id);
		leave(model, model->marks[id]);
	}
	return 0;
}

int xlvs_model_adopt_mark(struct xlvs_model *model, uint32_t id, const struct xlvs_mark_spec *spec)
{
	if (id >= XLVS_MARK_RULES_MAX || model->marks[id] || check(spec, NULL) || find(model, spec))
		return -EINVAL;
	return enter(model, id, spec);
}

const struct xlvs_model_mark *xlvs_model_mark(const struct xlvs_model *model, uint32_t id)
{
	if (id >= XLVS_MARK_RULES_MAX || !model->marks[id])
		return NULL;
	return &model->marks[id]->rule;
}

const struct xlvs_model_mark *xlvs_model_next_mark(const struct xlvs_model *model, uint32_t from)
{
	for (uint32_t id = from; id < model->mark_ids.high; id++) {
		if (model->marks[id])
			return &model->marks[id]->rule;
	}
	return NULL;
}
