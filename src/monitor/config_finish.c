// SPDX-License-Identifier: GPL-2.0-or-later
/* What is decided when the whole file is read: defaults, and general settings for each service. */
#include "monitor/config_reader.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define CHECKTIMEOUT_SEC     5
#define NEGOTIATETIMEOUT_SEC 30
#define CHECKINTERVAL_SEC    10

static int first_said(const int *values, int otherwise)
{
	for (int i = 0; i < 4; i++)
		if (values[i] >= 0)
			return values[i];
	return otherwise;
}

/* Each time-out stands in for the other where that one was not said. */
static void decide_timeouts(struct xlvs_ld_settings *own, const struct xlvs_ld_settings *general)
{
	const int check[] = {own->checktimeout_sec, own->negotiatetimeout_sec,
			     general->checktimeout_sec, general->negotiatetimeout_sec};
	const int negotiate[] = {own->negotiatetimeout_sec, own->checktimeout_sec,
				 general->negotiatetimeout_sec, general->checktimeout_sec};

	own->checktimeout_sec = first_said(check, CHECKTIMEOUT_SEC);
	own->negotiatetimeout_sec = first_said(negotiate, NEGOTIATETIMEOUT_SEC);
}

static void inherit(int *own, int general, int otherwise)
{
	if (*own < 0)
		*own = general >= 0 ? general : otherwise;
}

static void decide_settings(struct xlvs_ld_settings *own, const struct xlvs_ld_settings *general)
{
	decide_timeouts(own, general);
	inherit(&own->checkinterval_sec, general->checkinterval_sec, CHECKINTERVAL_SEC);
	inherit(&own->checkcount, general->checkcount, 1);
	inherit(&own->failurecount, general->failurecount, 1);
	inherit(&own->risecount, general->risecount, 1);
	inherit(&own->slowstart_sec, general->slowstart_sec, 0);
	inherit(&own->quiescent, general->quiescent, 0);
	inherit(&own->cleanstop, general->cleanstop, 1);
	inherit(&own->emailalertfreq_sec, general->emailalertfreq_sec, 0);
	inherit(&own->emailalertstatus, general->emailalertstatus, XLVS_LD_ALWAYS);
	if (!own->fallbackcommand)
		own->fallbackcommand = general->fallbackcommand;
	if (!own->emailalert)
		own->emailalert = general->emailalert;
	if (!own->smtp)
		own->smtp = general->smtp;
}

static void decide_fallback(struct xlvs_ld_reader *reader, struct xlvs_ld_virtual *service)
{
	int at = service->spec.key.family == AF_INET6;

	if (!service->fallback && reader->has_fallbacks[at])
		service->fallback = xlvs_ld_resolve_fallback(reader, &reader->fallbacks[at],
							     reader->fallback_places[at], service);
}

static int compare_keys(const void *one, const void *other)
{
	const struct xlvs_ld_real *const *a = one, *const *b = other;
	int order = memcmp(&(*a)->key, &(*b)->key, sizeof((*a)->key));

	return order ? order : (*a > *b) - (*a < *b);
}

/* The director knows a server of a service once: of two lines for one the first counts. */
static void drop_twins(struct xlvs_ld_reader *reader, struct xlvs_ld_virtual *service)
{
	struct xlvs_ld_real *reals = (struct xlvs_ld_real *)service->reals;
	const struct xlvs_ld_real **sorted;
	size_t kept = 0;

	sorted = calloc(service->n_reals + 1, sizeof(*sorted));
	if (!sorted) {
		reader->out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < service->n_reals; i++)
		sorted[i] = &reals[i];
	qsort(sorted, service->n_reals, sizeof(*sorted), compare_keys);
	for (size_t i = 1; i < service->n_reals; i++)
		if (memcmp(&sorted[i]->key, &sorted[i - 1]->key, sizeof(sorted[i]->key)) == 0) {
			xlvs_ld_problem_add(reader->problems, false, sorted[i]->place,
					    "%s is in this virtual service already: the first "
					    "of the two counts",
					    sorted[i]->name);
			reals[sorted[i] - reals].host = NULL;
		}
	free(sorted);
	for (size_t i = 0; i < service->n_reals; i++)
		if (reals[i].host)
			reals[kept++] = reals[i];
	service->n_reals = kept;
}

void xlvs_ld_finish(struct xlvs_ld_reader *reader)
{
	struct xlvs_ld_config *config = reader->config;

	for (size_t i = 0; i < config->n_virtuals; i++) {
		struct xlvs_ld_virtual *service = &config->virtuals[i];

		if (reader->reading->original && !config->fork &&
		    service->settings.checkinterval_sec >= 0) {
			service->settings.checkinterval_sec = -1;
			xlvs_ld_problem_add(reader->problems, false, service->place,
					    "checkinterval of %s is ignored without fork = yes",
					    service->id);
		}
		decide_settings(&service->settings, &config->settings);
		decide_fallback(reader, service);
		drop_twins(reader, service);
	}
	if (!config->logfile)
		config->logfile = "/var/log/ldirectord.log";
}
