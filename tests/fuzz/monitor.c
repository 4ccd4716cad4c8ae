// SPDX-License-Identifier: GPL-2.0-or-later
/* Any text is read to its end, in both readings: a configuration without errors, or errors that
 * stand in its lines. */
#include "monitor_text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check_config(const struct xlvs_ld_config *config)
{
	char *text = xlvs_ld_config_explain(config);

	assert(text && config->logfile);
	for (size_t i = 0; i < config->n_virtuals; i++) {
		const struct xlvs_ld_virtual *service = &config->virtuals[i];

		assert(service->id && service->settings.checkinterval_sec > 0 &&
		       service->settings.failurecount > 0 && *service->request == '/');
		for (size_t k = 0; k < service->n_reals; k++)
			assert(service->reals[k].name && service->reals[k].weight >= 0 &&
			       !service->reals[k].request == !service->reals[k].receive);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	char *text = malloc(bytes + 1);

	memcpy(text, data, bytes);
	for (int original = 0; original < 2; original++) {
		const struct xlvs_ld_reading reading = {&monitor_names, "director", original, NULL};
		struct xlvs_ld_problems problems = {0};
		struct xlvs_ld_config *config = NULL;
		int r = xlvs_ld_config_read(text, bytes, &reading, &problems, &config);

		assert((r == 0) == (problems.n_errors == 0) && (r == 0) == (config != NULL));
		for (size_t i = 0; i < problems.n; i++)
			assert(problems.list[i].place.line <= bytes + 1 &&
			       problems.list[i].place.column <= bytes + 1);
		if (config)
			check_config(config);
		xlvs_ld_config_free(config);
		xlvs_ld_problems_free(&problems);
	}
	free(text);
	return 0;
}
