// SPDX-License-Identifier: GPL-2.0-or-later
/* xlvsd: the director's daemon. */
#include "daemon/log.h"
#include "daemon/loop.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

enum exit_status {
	EXIT_OK,
	EXIT_REFUSED,
	EXIT_USAGE,
};

static enum exit_status serve(const struct xlvs_options *options)
{
	enum xlvs_director_end end = XLVS_DIRECTOR_STOP;
	struct xlvs_director director;
	struct xlvs_error error;
	struct xlvs_loop *loop;
	int r;

	r = xlvs_loop_new(&loop);
	if (r < 0) {
		xlvs_log(LOG_ERR, "event loop: %s", strerror(-r));
		return EXIT_REFUSED;
	}
	r = xlvs_director_start(options, &director, &error);
	if (r < 0) {
		xlvs_log(LOG_ERR, "%s", error.text);
		xlvs_loop_free(loop);
		return EXIT_REFUSED;
	}
	r = xlvs_loop_start(loop, &director);
	if (r < 0) {
		xlvs_log(LOG_ERR, "event loop: %s", strerror(-r));
		end = director.adopted ? XLVS_DIRECTOR_LEAVE : XLVS_DIRECTOR_STOP;
	} else {
		xlvs_log(LOG_INFO, "version " XLVS_VERSION " ready");
		sd_notify(0, "READY=1");
		end = xlvs_loop_run(loop);
		sd_notify(0, "STOPPING=1");
		xlvs_log(LOG_NOTICE, end == XLVS_DIRECTOR_STOP ? "stopping, forwarding ends"
							       : "leaving, forwarding goes on");
	}
	/* Clients first: they hold on to the server. */
	xlvs_loop_free(loop);
	xlvs_director_stop(&director, end);
	return r < 0 ? EXIT_REFUSED : EXIT_OK;
}

int main(int argc, char **argv)
{
	struct xlvs_options options;
	struct xlvs_error error;
	enum exit_status status;

	if (xlvs_options_parse(argc, argv, &options, &error) < 0) {
		xlvs_log(LOG_ERR, "%s (see xlvsd --help)", error.text);
		return EXIT_USAGE;
	}
	if (options.action != XLVS_ACTION_RUN) {
		fputs(options.action == XLVS_ACTION_HELP ? xlvs_options_help
							 : "xlvsd " XLVS_VERSION "\n",
		      stdout);
		xlvs_options_done(&options);
		return EXIT_OK;
	}
	/* A reader of our log who goes away must not take the director along. */
	signal(SIGPIPE, SIG_IGN);
	status = serve(&options);
	xlvs_options_done(&options);
	return status;
}
