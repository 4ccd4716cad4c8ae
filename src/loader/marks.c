// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/marks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "loader/chunks.h"
#include "loader/mark_image.h"
#include "loader/state.h"

_Static_assert(offsetof(union xlvs_chunk, marks.magic) == offsetof(union xlvs_chunk, head.magic) &&
		       offsetof(union xlvs_chunk, marks.n_chunks) ==
			       offsetof(union xlvs_chunk, head.n_chunks),
	       "a run of chunks begins alike, whatever it holds");

static struct xlvs_mark_rule rule_of(const struct xlvs_mark_spec *spec)
{
	struct xlvs_mark_rule rule = {
		.mark = spec->mark,
		.first_port = spec->first_port,
		.last_port = spec->last_port,
		.family = (__u8)spec->family,
		.length = (__u8)spec->length,
		.protocol = (__u8)spec->protocol,
	};

	memcpy(rule.address, spec->address.bytes, sizeof(rule.address));
	return rule;
}

/* The element is free: what says that it is not comes last. */
int xlvs_marks_put(struct xlvs_loader *loader, const struct xlvs_model *model, uint32_t id)
{
	struct xlvs_mark_rule rule = rule_of(&xlvs_model_mark(model, id)->spec);
	struct xlvs_mark_rule *element = &loader->maps.marks[id];
	uint32_t mark = rule.mark;

	rule.mark = 0;
	*element = rule;
	return xlvs_journal_store(&loader->journal, &element->mark, mark);
}

int xlvs_marks_delete(struct xlvs_loader *loader, uint32_t id)
{
	return xlvs_journal_store(&loader->journal, &loader->maps.marks[id].mark, 0);
}

static int build_image(const struct xlvs_loader *loader, const struct xlvs_model *model,
		       struct xlvs_mark_image *ret_image)
{
	XLVS_AUTO_FREE struct xlvs_mark_rule *rules = NULL;
	const struct xlvs_model_mark *mark = xlvs_model_next_mark(model, 0);
	uint32_t n_rules = 0;

	for (; mark; mark = xlvs_model_next_mark(model, mark->id + 1))
		n_rules = mark->id + 1;
	rules = calloc(n_rules + (size_t)1, sizeof(*rules));
	if (!rules)
		return -ENOMEM;
	mark = xlvs_model_next_mark(model, 0);
	for (; mark; mark = xlvs_model_next_mark(model, mark->id + 1))
		rules[mark->id] = rule_of(&mark->spec);
	return xlvs_mark_image_build(rules, n_rules, loader->maps.runtime->constants.seed,
				     ret_image);
}

int xlvs_marks_publish(struct xlvs_loader *loader, const struct xlvs_model *model,
		       struct xlvs_error *reterr)
{
	XLVS_CLEANUP(xlvs_mark_image_done) struct xlvs_mark_image image = {};
	uint32_t *published = &loader->maps.runtime->marks;
	uint32_t first = 0;
	int r = build_image(loader, model, &image);

	if (r < 0)
		return xlvs_refuse(reterr, r, "out of memory");
	if (image.n_chunks) {
		first = xlvs_chunks_take(loader, image.n_chunks, "the mark rules", reterr);
		if (first == XLVS_NONE)
			return -ENOSPC;
		memcpy(&loader->maps.chunks[first], image.chunks,
		       image.n_chunks * sizeof(union xlvs_chunk));
	}
	if (*published)
		xlvs_chunks_leave(loader, *published);
	return xlvs_journal_store(&loader->journal, published, first);
}

static int adopt_rule(struct xlvs_model *model, const struct xlvs_mark_rule *rule, uint32_t id)
{
	struct xlvs_mark_spec spec = {
		.family = rule->family,
		.protocol = rule->protocol,
		.length = rule->length,
		.first_port = rule->first_port,
		.last_port = rule->last_port,
		.mark = rule->mark,
	};

	memcpy(spec.address.bytes, rule->address, sizeof(rule->address));
	return xlvs_model_adopt_mark(model, id, &spec);
}

int xlvs_marks_adopt(struct xlvs_loader *loader, struct xlvs_model *model, uint32_t *ret_number)
{
	uint32_t first = loader->maps.runtime->marks;

	for (uint32_t i = 0; i < XLVS_MARK_RULES_MAX; i++) {
		const struct xlvs_mark_rule *rule = &loader->maps.marks[i];
		int r = rule->mark ? adopt_rule(model, rule, i) : 0;

		if (r < 0) {
			*ret_number = i;
			return r;
		}
	}
	*ret_number = first;
	if (!first)
		return 0;
	if (first >= XLVS_CHUNKS_MAX || loader->maps.chunks[first].marks.magic != XLVS_MARK_MAGIC ||
	    !xlvs_runs_take(&loader->chunks, first, loader->maps.chunks[first].marks.n_chunks))
		return -EINVAL;
	return 0;
}
