// SPDX-License-Identifier: GPL-2.0-or-later
/* xlvs loopback: programs on the director reach its own services. What they send to a virtual
 * address never leaves the loopback, where the packet path cannot be; a pair of interfaces leads to
 * it. xlvsd finds the pair by its names and sees to the rest. */
#include "cli/commands.h"
#include "cli/veth.h"
#include "control/host_pair.h"

#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
	"Usage: xlvs loopback on|off\n"
	"\n"
	"Whether connections that programs on this machine open to its own virtual\n"
	"services are balanced like others. A pair of interfaces is made for them,\n" XLVS_HOST_NEAR
	" and " XLVS_HOST_FAR ". The running xlvsd follows it; it is asked for anew\n"
	"after each start of the machine.\n"
	"\n"
	"  -h, --help    this text\n";

enum {
	MTU_BYTES = 3400, /* most that native XDP takes, in a page with its room */
};

static int switch_on(struct xlvs_error *reterr)
{
	int r = xlvs_veth_make(XLVS_HOST_NEAR, XLVS_HOST_FAR, MTU_BYTES, reterr);

	/* Both ends of such a connection are addresses of this machine. */
	if (r == 0)
		r = xlvs_veth_setting(XLVS_HOST_FAR, "accept_local", "1", reterr);
	return r < 0 ? r : xlvs_veth_up(XLVS_HOST_NEAR, XLVS_HOST_FAR, reterr);
}

static int change(bool on, struct xlvs_error *reterr)
{
	bool is_on = if_nametoindex(XLVS_HOST_NEAR) != 0;

	if (on == is_on)
		return 0;
	return on ? switch_on(reterr) : xlvs_veth_ip(4, "link del " XLVS_HOST_NEAR "\n", reterr);
}

int xlvs_cli_loopback(int argc, char **argv)
{
	const char *word = argc == 2 ? argv[1] : "";
	struct xlvs_error error = {{0}};

	if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
		fputs(usage, stdout);
		return XLVS_CLI_OK;
	}
	if (strcmp(word, "on") != 0 && strcmp(word, "off") != 0) {
		fputs(usage, stderr);
		return XLVS_CLI_REFUSED;
	}
	if (change(!strcmp(word, "on"), &error) < 0) {
		fprintf(stderr, "xlvs loopback: %s\n", error.text);
		return XLVS_CLI_REFUSED;
	}
	return XLVS_CLI_OK;
}
