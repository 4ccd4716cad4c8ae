/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words on xlvsd's command line, as data. */
#ifndef XLVS_DAEMON_OPTIONS_H
#define XLVS_DAEMON_OPTIONS_H

#include "base/error.h"
#include "loader/loader.h"

#include <stdbool.h>
#include <stddef.h>

enum xlvs_action {
	XLVS_ACTION_RUN,
	XLVS_ACTION_HELP,
	XLVS_ACTION_VERSION,
};

struct xlvs_options {
	enum xlvs_action action;
	bool all; /* every Ethernet-like interface */
	const char **interfaces; /* heap; the names are argv's own */
	size_t n_interfaces;
	enum xlvs_mode mode;
	struct xlvs_loader_options loader;
};

/* -EINVAL with the sentence, -ENOMEM. On success release by xlvs_options_done(). */
int xlvs_options_parse(int argc, char **argv, struct xlvs_options *ret_options,
		       struct xlvs_error *reterr);
void xlvs_options_done(struct xlvs_options *options);

extern const char xlvs_options_help[];

#endif
