// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/monitorfile.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* What identifies a check: its parts joined by ":", of which a run becomes one blank; backslashes
 * are left out. */
static void put_identity(FILE *out, const struct xlvs_ld_virtual *conf,
			 const struct xlvs_ld_real *real)
{
	char parts[2048], port[8] = "";
	const char *service = "";
	bool after_colon = false;

	if (conf->checktype == XLVS_LD_NEGOTIATE || conf->checktype == XLVS_LD_COMBINED)
		service = xlvs_ld_service_name(conf->service);
	else if (conf->checktype == XLVS_LD_EXTERNAL || conf->checktype == XLVS_LD_EXTERNAL_PERL)
		service = conf->checkcommand;
	if (conf->checkport)
		snprintf(port, sizeof(port), "%u", conf->checkport);
	snprintf(parts, sizeof(parts), "%s%s%s:%s:%s:%s:%s:%d:%s:%s:%s",
		 xlvs_ld_checktype_name(conf->checktype), *service ? ":" : "", service,
		 conf->protocol, real->name, conf->virtualhost ? conf->virtualhost : "", port,
		 real->weight, xlvs_ld_method_name(real->method),
		 real->request ? real->request : conf->request,
		 real->request ? real->receive : conf->receive);
	for (const char *c = parts; *c; c++) {
		if (*c == ':') {
			if (!after_colon)
				fputc(' ', out);
		} else if (*c != '\\') {
			fputc(*c, out);
		}
		after_colon = *c == ':';
	}
}

static void put_message(FILE *out, const char *text)
{
	if (!*text)
		fputc('-', out);
	for (; *text; text++) {
		if (strchr("%|\r\n", *text))
			fprintf(out, "%%%.2x", (unsigned int)*text);
		else
			fputc(*text, out);
	}
}

int xlvs_ld_monitorfile_write(const struct xlvs_server *server, bool up, const char *text)
{
	const struct xlvs_ld_virtual *conf = server->slot.service->conf;
	XLVS_AUTO_FCLOSE FILE *out = NULL;
	time_t seconds = time(NULL);
	struct tm local;
	char now[64];

	if (!conf->monitorfile)
		return 0;
	out = fopen(conf->monitorfile, "ae");
	if (!out)
		return -errno;
	strftime(now, sizeof(now), "%a %b %e %H:%M:%S %Y", localtime_r(&seconds, &local));
	fprintf(out, "[%s] [%d] ", now, (int)getpid());
	put_identity(out, conf, server->real);
	fprintf(out, " [%s] ", up ? "up" : "down");
	put_message(out, text);
	fputc('\n', out);
	return fflush(out) == 0 ? 0 : -errno;
}
