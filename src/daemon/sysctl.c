// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/sysctl.h"

#include "base/cleanup.h"
#include "daemon/apply.h"

#include <errno.h>
#include <jansson.h>
#include <sys/sysinfo.h>
#include <unistd.h>

/* As IPVS counts: free memory and buffers. */
static uint64_t free_pages(void)
{
	struct sysinfo info;

	if (sysinfo(&info) < 0)
		return UINT32_MAX;
	return ((uint64_t)info.freeram + info.bufferram) * info.mem_unit /
	       (uint64_t)sysconf(_SC_PAGESIZE);
}

int xlvs_sysctl_defend(struct xlvs_director *director, struct xlvs_error *reterr)
{
	XLVS_CLEANUP(xlvs_plan_done) struct xlvs_plan plan = {0};
	int r = xlvs_model_defend(director->model, free_pages(), &plan);

	return r < 0 || !plan.n_ops ? r : xlvs_apply_final(director, &plan, reterr);
}

int xlvs_sysctl_set(struct xlvs_director *director, const struct xlvs_request *request,
		    struct xlvs_error *reterr)
{
	XLVS_CLEANUP(xlvs_plan_done) struct xlvs_plan plan = {0};
	int r = xlvs_model_set_setting(director->model, request->setting, request->value, &plan,
				       reterr);

	if (r == 0)
		r = xlvs_apply_final(director, &plan, reterr);
	return r < 0 ? r : xlvs_sysctl_defend(director, reterr);
}

int xlvs_sysctl_document(const struct xlvs_model *model, char **ret_document)
{
	json_t *settings = json_object();
	json_t *document = json_pack("{s:o}", "settings", settings);
	char value[XLVS_SETTING_BYTES];
	const char *name;
	char *text = NULL;
	int r = 0;

	for (size_t n = 0; xlvs_model_nth_setting(model, n, &name, value); n++)
		r |= json_object_set_new(settings, name, json_string(value));
	if (document && r == 0)
		text = json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(document);
	if (!text)
		return -ENOMEM;
	*ret_document = text;
	return 0;
}
