// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

static void explain_check(FILE *out, const struct xlvs_ld_virtual *service)
{
	bool negotiates =
		service->checktype == XLVS_LD_NEGOTIATE || service->checktype == XLVS_LD_COMBINED;

	fprintf(out, "  check: %s", xlvs_ld_checktype_name(service->checktype));
	if (negotiates)
		fprintf(out, " %s", xlvs_ld_service_name(service->service));
	if (service->checktype == XLVS_LD_COMBINED)
		fprintf(out, " and %u connects", service->connects);
	if (service->checktype == XLVS_LD_CONNECT && service->spec.key.protocol == IPPROTO_UDP)
		fputs(" (udp: ping)", out);
	if (service->checktype == XLVS_LD_EXTERNAL || service->checktype == XLVS_LD_EXTERNAL_PERL)
		fprintf(out, " %s", service->checkcommand);
	fprintf(out, ", every %d s, time limit %d s", service->settings.checkinterval_sec,
		negotiates ? service->settings.negotiatetimeout_sec
			   : service->settings.checktimeout_sec);
	if (service->checktype == XLVS_LD_COMBINED)
		fprintf(out, " (connects %d s)", service->settings.checktimeout_sec);
	if (service->checks_vip)
		fprintf(out, ", of %s on each server", service->host);
	fputc('\n', out);
}

static void explain_settings(FILE *out, const struct xlvs_ld_virtual *service)
{
	const struct xlvs_ld_settings *settings = &service->settings;

	fprintf(out, "  down after %d failed, up after %d passed; a server that is down is %s\n",
		settings->failurecount, settings->risecount,
		settings->quiescent ? "kept at weight 0" : "removed");
	if (settings->slowstart_sec)
		fprintf(out, "  full weight %d s after coming back\n", settings->slowstart_sec);
	if (service->fallback)
		fprintf(out, "  fallback %s %s when no server is up\n", service->fallback->name,
			xlvs_ld_method_name(service->fallback->method));
	if (settings->fallbackcommand)
		fprintf(out, "  then also: %s start|stop\n", settings->fallbackcommand);
	if (settings->emailalert)
		fprintf(out, "  e-mail to %s%s%s\n", settings->emailalert,
			settings->smtp ? " by " : "", settings->smtp ? settings->smtp : "");
	if (!settings->cleanstop)
		fputs("  left in place at a stop\n", out);
}

static void explain_real(FILE *out, const struct xlvs_ld_virtual *service,
			 const struct xlvs_ld_real *real)
{
	uint16_t port = xlvs_ld_check_port(service, real);

	fprintf(out, "  %s %s weight %d", real->name, xlvs_ld_method_name(real->method),
		real->weight);
	if (real->upper_threshold || real->lower_threshold)
		fprintf(out, " thresholds %u %u", real->upper_threshold, real->lower_threshold);
	if (ntohs(real->key.port) != real->port)
		fprintf(out, ", forwarded to port %u", ntohs(real->key.port));
	if (port && port != real->port)
		fprintf(out, ", checked at port %u", port);
	if (real->request)
		fprintf(out, ", request \"%s\" receive \"%s\"", real->request, real->receive);
	fputc('\n', out);
}

static void explain_service(FILE *out, const struct xlvs_ld_virtual *service)
{
	const struct xlvs_service_spec *spec = &service->spec;

	fprintf(out, "%s, scheduler %s", service->id, spec->scheduler);
	if (spec->flags & XLVS_SERVICE_PERSISTENT)
		fprintf(out, ", persistent for %u s", spec->timeout_sec);
	if (spec->flags & XLVS_SERVICE_ONE_PACKET)
		fputs(", one packet", out);
	fputc('\n', out);
	explain_check(out, service);
	explain_settings(out, service);
	for (size_t i = 0; i < service->n_reals; i++)
		explain_real(out, service, &service->reals[i]);
}

char *xlvs_ld_config_explain(const struct xlvs_ld_config *config)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);

	if (!out)
		return NULL;
	fprintf(out, "log: %s%s%s%s\n", config->logfile, config->autoreload ? ", autoreload" : "",
		config->readdquiescent ? ", readdquiescent" : "",
		config->supervised ? ", supervised" : "");
	if (config->maintenancedir)
		fprintf(out, "servers named in %s are down\n", config->maintenancedir);
	for (size_t i = 0; i < config->n_executes; i++)
		fprintf(out, "started along: %s\n", config->executes[i]);
	for (size_t i = 0; i < config->n_virtuals; i++)
		explain_service(out, &config->virtuals[i]);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
