// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/mark_rules.h"

#include "base/cleanup.h"
#include "daemon/apply.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>

int xlvs_mark_rules_add(struct xlvs_director *director, const struct xlvs_request *request,
			struct xlvs_error *reterr)
{
	XLVS_CLEANUP(xlvs_plan_done) struct xlvs_plan plan = {0};
	int r;

	r = xlvs_model_add_marks(director->model, request->marks, request->n_marks, &plan, reterr);
	if (r < 0)
		return r;
	r = xlvs_apply(director, &plan, reterr);
	for (size_t i = 0; r < 0 && i < request->n_marks; i++) {
		XLVS_CLEANUP(xlvs_plan_done) struct xlvs_plan undone = {0};

		xlvs_model_delete_mark(director->model, &request->marks[i], &undone, NULL);
	}
	return r;
}

int xlvs_mark_rules_delete(struct xlvs_director *director, const struct xlvs_request *request,
			   struct xlvs_error *reterr)
{
	XLVS_CLEANUP(xlvs_plan_done) struct xlvs_plan plan = {0};
	int r;

	r = xlvs_model_delete_mark(director->model, request->marks, &plan, reterr);
	return r < 0 ? r : xlvs_apply_final(director, &plan, reterr);
}

int xlvs_mark_rules_flush(struct xlvs_director *director, struct xlvs_error *reterr)
{
	XLVS_CLEANUP(xlvs_plan_done) struct xlvs_plan plan = {0};
	int r;

	r = xlvs_model_flush_marks(director->model, &plan);
	return r < 0 ? r : xlvs_apply_final(director, &plan, reterr);
}

static const char *protocol_name(uint16_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	default:
		return "any";
	}
}

static json_t *rule_object(const struct xlvs_director *director, const struct xlvs_model_mark *mark)
{
	const volatile struct xlvs_mark_rule *element =
		&xlvs_loader_maps(director->loader)->marks[mark->id];
	const struct xlvs_mark_spec *spec = &mark->spec;
	char address[INET6_ADDRSTRLEN] = "", prefix[INET6_ADDRSTRLEN + 8];

	inet_ntop(spec->family, spec->address.bytes, address, sizeof(address));
	snprintf(prefix, sizeof(prefix), "%s/%u", address, spec->length);
	return json_pack("{s:s, s:s, s:i, s:i, s:I, s:I}", "protocol",
			 protocol_name(spec->protocol), "prefix", prefix, "first_port",
			 (int)spec->first_port, "last_port", (int)spec->last_port, "mark",
			 (json_int_t)spec->mark, "packets", (json_int_t)element->packets);
}

int xlvs_mark_rules_document(const struct xlvs_director *director, char **ret_document)
{
	const struct xlvs_model_mark *mark = xlvs_model_next_mark(director->model, 0);
	json_t *rules = json_array();
	json_t *document = json_pack("{s:o}", "rules", rules);
	char *text = NULL;
	int r = 0;

	for (; mark; mark = xlvs_model_next_mark(director->model, mark->id + 1))
		r |= json_array_append_new(rules, rule_object(director, mark));
	if (document && r == 0)
		text = json_dumps(document, JSON_COMPACT);
	json_decref(document);
	if (!text)
		return -ENOMEM;
	*ret_document = text;
	return 0;
}
