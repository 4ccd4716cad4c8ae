// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/options.h"

#include <errno.h>
#include <getopt.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_DEFAULT (1UL << 20)

const char xlvs_options_help[] =
	"usage: xlvsd -i IF [-i IF ...] [options]\n"
	"  -i, --interface IF     forward what arrives on IF and leaves by it; all: every Ethernet "
	"interface\n"
	"  -m, --mode MODE        auto (default), native or generic XDP\n"
	"  -n, --connections N    room for N connections through NAT (default 1048576)\n"
	"  -M, --mh-slots N       slots of a table of the scheduler mh, a prime (default 4093)\n"
	"  -h, --help             this text\n"
	"  -V, --version          the version\n";

static const struct option long_options[] = {
	{"interface", required_argument, NULL, 'i'},   {"mode", required_argument, NULL, 'm'},
	{"connections", required_argument, NULL, 'n'}, {"mh-slots", required_argument, NULL, 'M'},
	{"config", required_argument, NULL, 'c'},      {"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},	       {NULL, 0, NULL, 0},
};

static int add_interface(struct xlvs_options *options, const char *name, struct xlvs_error *reterr)
{
	if (strcmp(name, "all") == 0) {
		options->all = true;
		return 0;
	}
	if (!*name || strlen(name) >= IF_NAMESIZE)
		return xlvs_refuse(reterr, -EINVAL, "-i %s: not the name of an interface", name);
	for (size_t i = 0; i < options->n_interfaces; i++)
		if (strcmp(options->interfaces[i], name) == 0)
			return 0;
	options->interfaces[options->n_interfaces++] = name;
	return 0;
}

static int parse_mode(const char *word, enum xlvs_mode *ret_mode, struct xlvs_error *reterr)
{
	if (strcmp(word, "auto") == 0)
		*ret_mode = XLVS_MODE_AUTO;
	else if (strcmp(word, "native") == 0)
		*ret_mode = XLVS_MODE_NATIVE;
	else if (strcmp(word, "generic") == 0)
		*ret_mode = XLVS_MODE_GENERIC;
	else
		return xlvs_refuse(reterr, -EINVAL, "--mode %s: auto, native or generic", word);
	return 0;
}

/* How many are possible is for the loader to say. */
static int parse_connections(const char *word, uint64_t *ret_connections, struct xlvs_error *reterr)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(word, &end, 10);
	if (errno || *end || *word < '0' || *word > '9' || !number)
		return xlvs_refuse(reterr, -EINVAL, "--connections %s: not a number above 0", word);
	*ret_connections = number;
	return 0;
}

static bool is_prime(unsigned long number)
{
	for (unsigned long i = 2; i * i <= number; i++)
		if (number % i == 0)
			return false;
	return number > 1;
}

static int parse_mh_slots(const char *word, uint32_t *ret_slots, struct xlvs_error *reterr)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(word, &end, 10);
	if (errno || *end || *word < '0' || *word > '9' || number < XLVS_MH_SLOTS_MIN ||
	    number > XLVS_MH_SLOTS_MAX || !is_prime(number))
		return xlvs_refuse(reterr, -EINVAL, "--mh-slots %s: not a prime from %d to %d",
				   word, XLVS_MH_SLOTS_MIN, XLVS_MH_SLOTS_MAX);
	*ret_slots = (uint32_t)number;
	return 0;
}

static int take_option(struct xlvs_options *options, int option, const char *failed,
		       struct xlvs_error *reterr)
{
	switch (option) {
	case 'i':
		return add_interface(options, optarg, reterr);
	case 'm':
		return parse_mode(optarg, &options->mode, reterr);
	case 'n':
		return parse_connections(optarg, &options->loader.connections, reterr);
	case 'M':
		return parse_mh_slots(optarg, &options->loader.mh_slots, reterr);
	case 'c':
		return xlvs_refuse(reterr, -EINVAL,
				   "-c %s: configuration files are not supported yet; use "
				   "ipvsadm-restore",
				   optarg);
	case 'h':
		options->action = XLVS_ACTION_HELP;
		return 0;
	case 'V':
		options->action = XLVS_ACTION_VERSION;
		return 0;
	case ':':
		return xlvs_refuse(reterr, -EINVAL, "%s: a value is missing", failed);
	default:
		return xlvs_refuse(reterr, -EINVAL, "%s: no such option", failed);
	}
}

static int take_words(struct xlvs_options *options, int argc, char **argv,
		      struct xlvs_error *reterr)
{
	int option, r;

	optind = 0; /* start afresh, as a second call in one process must */
	while ((option = getopt_long(argc, argv, ":i:m:n:M:c:hV", long_options, NULL)) != -1) {
		r = take_option(options, option, argv[optind - 1], reterr);
		if (r < 0)
			return r;
	}
	if (optind < argc)
		return xlvs_refuse(reterr, -EINVAL, "%s: an unexpected word", argv[optind]);
	if (options->action == XLVS_ACTION_RUN && !options->all && !options->n_interfaces)
		return xlvs_refuse(reterr, -EINVAL,
				   "no interface: name those that packets arrive on and leave by "
				   "with -i, or -i all");
	return 0;
}

int xlvs_options_parse(int argc, char **argv, struct xlvs_options *ret_options,
		       struct xlvs_error *reterr)
{
	struct xlvs_options options = {
		.interfaces = calloc((size_t)argc, sizeof(*options.interfaces)),
		.loader.connections = CONNECTIONS_DEFAULT,
	};
	int r;

	if (!options.interfaces)
		return xlvs_refuse(reterr, -ENOMEM, "out of memory");
	r = take_words(&options, argc, argv, reterr);
	if (r < 0)
		xlvs_options_done(&options);
	else
		*ret_options = options;
	return r;
}

void xlvs_options_done(struct xlvs_options *options)
{
	free(options->interfaces);
	options->interfaces = NULL;
}
