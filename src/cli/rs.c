// SPDX-License-Identifier: GPL-2.0-or-later
/* xlvs rs: prepares a real server (src/realserver). */
#include "cli/commands.h"
#include "realserver/realserver.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
	"Usage: xlvs rs add VIP --method dr|tun|nat|fullnat [-i IF]... [--from DIRECTOR]...\n"
	"                   [--tun-port PORT] [--toa-kind KIND[,KIND6]]\n"
	"       xlvs rs del VIP...\n"
	"       xlvs rs show [--json]\n"
	"\n"
	"Prepares this real server for the packets a director sends it, or undoes that.\n"
	"\n"
	"  -m, --method METHOD    dr (direct routing), tun (IP in IP, GUE, GRE), nat or fullnat\n"
	"  -i, --interface IF     the interface that faces the director; all Ethernet interfaces\n"
	"                         that are up, if none is given\n"
	"  -f, --from DIRECTOR    the director's address: tun takes tunnel packets from nobody "
	"else,\n"
	"                         nat expects the default route to lead there, fullnat believes\n"
	"                         nobody else who the client is\n"
	"  -p, --tun-port PORT    tun: where GUE comes to, 6080 if not given\n"
	"  -k, --toa-kind KIND[,KIND6]\n"
	"                         fullnat: the TCP option that tells the client's address, and\n"
	"                         another one for IPv6; 254,253 if not given\n"
	"  -j, --json             write JSON\n"
	"  -h, --help             this text\n"
	"\n"
	"Exit code: 0 all is well, 1 something is missing, 2 refused and nothing changed.\n";

struct words {
	struct xlvs_rs_vip vip;
	bool has_method;
	bool json;
	bool help;
};

static int refuse(const struct xlvs_error *error, int code)
{
	fprintf(stderr, "xlvs rs: %s\n", error->text[0] ? error->text : strerror(-code));
	return XLVS_CLI_REFUSED;
}

static int add_interface(struct xlvs_rs_vip *vip, const char *name, struct xlvs_error *reterr)
{
	if (vip->n_interfaces == XLVS_RS_INTERFACES_MAX)
		return xlvs_refuse(reterr, -E2BIG, "more than %d interfaces",
				   XLVS_RS_INTERFACES_MAX);
	if (!*name || strlen(name) >= IF_NAMESIZE)
		return xlvs_refuse(reterr, -EINVAL, "no interface %s", name);
	memcpy(vip->interfaces[vip->n_interfaces++], name, strlen(name) + 1);
	return 0;
}

static int add_director(struct xlvs_rs_vip *vip, const char *text, struct xlvs_error *reterr)
{
	int r;

	if (vip->n_directors == XLVS_RS_DIRECTORS_MAX)
		return xlvs_refuse(reterr, -E2BIG, "more than %d directors", XLVS_RS_DIRECTORS_MAX);
	r = xlvs_rs_address_parse(text, &vip->directors[vip->n_directors], reterr);
	if (!r)
		vip->n_directors++;
	return r;
}

static int read_port(const char *text, uint16_t *ret, struct xlvs_error *reterr)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	if (*end || text[0] < '0' || text[0] > '9' || !port || port > UINT16_MAX)
		return xlvs_refuse(reterr, -EINVAL, "'%s' is no port", text);
	*ret = (uint16_t)port;
	return 0;
}

static int read_kinds(const char *text, struct xlvs_rs_vip *vip, struct xlvs_error *reterr)
{
	unsigned long kind, kind6;
	char *end;

	kind = kind6 = strtoul(text, &end, 10);
	if (*end == ',' && end[1] >= '0' && end[1] <= '9')
		kind6 = strtoul(end + 1, &end, 10);
	if (*end || text[0] < '0' || text[0] > '9')
		return xlvs_refuse(reterr, -EINVAL, "'%s' is not KIND or KIND,KIND6", text);
	if (!xlvs_toa_kind_is_free(kind) || !xlvs_toa_kind_is_free(kind6))
		return xlvs_refuse(reterr, -EINVAL, "'%s': not free among the kinds of TCP options",
				   text);
	vip->toa_kind = (uint8_t)kind;
	vip->toa_kind6 = (uint8_t)kind6;
	return 0;
}

/* `word` is the option as it was written. */
static int read_option(struct words *words, int option, const char *word, struct xlvs_error *reterr)
{
	switch (option) {
	case 'm':
		words->has_method = true;
		return xlvs_rs_method_parse(optarg, &words->vip.method, reterr);
	case 'i':
		return add_interface(&words->vip, optarg, reterr);
	case 'f':
		return add_director(&words->vip, optarg, reterr);
	case 'p':
		return read_port(optarg, &words->vip.gue_port, reterr);
	case 'k':
		return read_kinds(optarg, &words->vip, reterr);
	case 'j':
		words->json = true;
		return 0;
	case 'h':
		words->help = true;
		return 0;
	default:
		return xlvs_refuse(reterr, -EINVAL, "%s %s (see xlvs rs --help)", word,
				   option == ':' ? "needs a value" : "is no option");
	}
}

/* Leaves the words that are no options behind optind. */
static int read_words(int argc, char **argv, struct words *ret, struct xlvs_error *reterr)
{
	static const struct option options[] = {
		{"method", required_argument, NULL, 'm'},
		{"interface", required_argument, NULL, 'i'},
		{"from", required_argument, NULL, 'f'},
		{"tun-port", required_argument, NULL, 'p'},
		{"toa-kind", required_argument, NULL, 'k'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{},
	};
	int option, r = 0;

	opterr = 0;
	while (!r && (option = getopt_long(argc, argv, ":m:i:f:p:k:jh", options, NULL)) >= 0)
		r = read_option(ret, option, argv[optind - 1], reterr);
	return r;
}

static void print_checks(const struct xlvs_rs_vip_report *report)
{
	for (size_t i = 0; i < report->n_checks; i++) {
		const struct xlvs_rs_check *check = &report->checks[i];

		printf("  %-8s %s\n", check->ok ? "ok" : "missing", check->what);
		if (!check->ok)
			printf("  %-8s %s\n", "", check->mend);
	}
}

static bool all_ok(const struct xlvs_rs_vip_report *report)
{
	for (size_t i = 0; i < report->n_checks; i++)
		if (!report->checks[i].ok)
			return false;
	return true;
}

static const char *const count_names[] = {
#define COUNT_NAME(symbol, name, text) name,
	XLVS_RS_COUNTS(COUNT_NAME)
#undef COUNT_NAME
};

static const char *const count_texts[] = {
#define COUNT_TEXT(symbol, name, text) text,
	XLVS_RS_COUNTS(COUNT_TEXT)
#undef COUNT_TEXT
};

static const char *const toa_count_names[] = {
#define TOA_COUNT_NAME(symbol, name, text) name,
	XLVS_RS_TOA_COUNTS(TOA_COUNT_NAME)
#undef TOA_COUNT_NAME
};

static const char *const toa_count_texts[] = {
#define TOA_COUNT_TEXT(symbol, name, text) text,
	XLVS_RS_TOA_COUNTS(TOA_COUNT_TEXT)
#undef TOA_COUNT_TEXT
};

static void print_counts(const char *title, const char *const *names, const char *const *texts,
			 const uint64_t *counts, size_t n)
{
	printf("%s\n", title);
	for (size_t i = 0; i < n; i++)
		printf("  %-14s %12" PRIu64 "  %s\n", names[i], counts[i], texts[i]);
}

static void print_report(const struct xlvs_rs_report *report)
{
	char text[INET6_ADDRSTRLEN];

	if (!report->n_vips)
		printf("no VIP is set on this real server\n");
	for (size_t i = 0; i < report->n_vips; i++) {
		const struct xlvs_rs_vip *vip = &report->vips[i].vip;

		printf("%s %s\n", xlvs_rs_address_text(&vip->address, text),
		       xlvs_rs_method_name(vip->method));
		print_checks(&report->vips[i]);
	}
	if (report->has_counts)
		print_counts("tunnel packets", count_names, count_texts, report->counts,
			     XLVS_RS_COUNTS_END);
	if (report->has_toa_counts)
		print_counts("accepted connections", toa_count_names, toa_count_texts,
			     report->toa_counts, XLVS_RS_TOA_COUNTS_END);
}

static json_t *json_of_vip(const struct xlvs_rs_vip_report *report)
{
	json_t *interfaces = json_array(), *directors = json_array(), *checks = json_array();
	const struct xlvs_rs_vip *vip = &report->vip;
	char text[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < vip->n_interfaces; i++)
		json_array_append_new(interfaces, json_string(vip->interfaces[i]));
	for (size_t i = 0; i < vip->n_directors; i++) {
		xlvs_rs_address_text(&vip->directors[i], text);
		json_array_append_new(directors, json_string(text));
	}
	for (size_t i = 0; i < report->n_checks; i++) {
		const struct xlvs_rs_check *check = &report->checks[i];

		json_array_append_new(checks, json_pack("{s:b,s:s,s:s*}", "ok", check->ok, "what",
							check->what, "mend",
							check->ok ? NULL : check->mend));
	}
	return json_pack("{s:s,s:s,s:o,s:o,s:b,s:o}", "vip",
			 xlvs_rs_address_text(&vip->address, text), "method",
			 xlvs_rs_method_name(vip->method), "interfaces", interfaces, "from",
			 directors, "ok", all_ok(report), "checks", checks);
}

static json_t *json_of_counts(const char *const *names, const uint64_t *counts, size_t n)
{
	json_t *json = json_object();

	for (size_t i = 0; i < n; i++)
		json_object_set_new(json, names[i], json_integer((json_int_t)counts[i]));
	return json;
}

static void print_json(const struct xlvs_rs_report *report)
{
	json_t *vips = json_array(), *json = json_object();

	for (size_t i = 0; i < report->n_vips; i++)
		json_array_append_new(vips, json_of_vip(&report->vips[i]));
	json_object_set_new(json, "vips", vips);
	json_object_set_new(json, "tunnel_packets",
			    json_of_counts(count_names, report->counts,
					   report->has_counts ? XLVS_RS_COUNTS_END : 0));
	json_object_set_new(json, "accepted_connections",
			    json_of_counts(toa_count_names, report->toa_counts,
					   report->has_toa_counts ? XLVS_RS_TOA_COUNTS_END : 0));
	json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(json);
}

static bool has_vip_words(const struct words *words)
{
	return words->has_method || words->vip.n_interfaces || words->vip.n_directors ||
	       words->vip.gue_port || words->vip.toa_kind;
}

static int run_show(const struct words *words, char **rest)
{
	struct xlvs_error error = {};
	struct xlvs_rs_report report;
	int code = XLVS_CLI_OK;
	int r;

	if (*rest || has_vip_words(words)) {
		xlvs_refuse(&error, 0, "show takes --json and nothing else");
		return refuse(&error, -EINVAL);
	}
	r = xlvs_rs_look(&report, &error);
	if (r)
		return refuse(&error, r);
	if (words->json)
		print_json(&report);
	else
		print_report(&report);
	for (size_t i = 0; i < report.n_vips; i++)
		if (!all_ok(&report.vips[i]))
			code = XLVS_CLI_AMISS;
	xlvs_rs_report_done(&report);
	return code;
}

/* What was set, and whether it is whole. */
static int show_added(const struct in6_addr *address)
{
	struct xlvs_error error = {};
	struct xlvs_rs_report report;
	int code = XLVS_CLI_OK;
	int r;

	r = xlvs_rs_look(&report, &error);
	if (r)
		return refuse(&error, r);
	for (size_t i = 0; i < report.n_vips; i++) {
		if (!IN6_ARE_ADDR_EQUAL(&report.vips[i].vip.address, address))
			continue;
		print_checks(&report.vips[i]);
		code = all_ok(&report.vips[i]) ? XLVS_CLI_OK : XLVS_CLI_AMISS;
	}
	xlvs_rs_report_done(&report);
	return code;
}

static int run_add(struct words *words, char **rest)
{
	struct xlvs_error error = {};
	bool known;
	int r;

	if (!rest[0] || rest[1] || !words->has_method || words->json) {
		xlvs_refuse(&error, 0,
			    "add takes one VIP, --method, -i, --from, --tun-port and --toa-kind");
		return refuse(&error, -EINVAL);
	}
	r = xlvs_rs_address_parse(rest[0], &words->vip.address, &error);
	if (words->vip.method == XLVS_RS_TUN && !words->vip.gue_port)
		words->vip.gue_port = XLVS_RS_GUE_PORT;
	if (words->vip.method == XLVS_RS_FULLNAT && !words->vip.toa_kind) {
		words->vip.toa_kind = XLVS_TOA_KIND;
		words->vip.toa_kind6 = XLVS_TOA_KIND6;
	}
	if (!r)
		r = xlvs_rs_add(&words->vip, &known, &error);
	if (r)
		return refuse(&error, r);
	printf("%s %s set for %s\n", rest[0], known ? "was already" : "is",
	       xlvs_rs_method_name(words->vip.method));
	return show_added(&words->vip.address);
}

static int run_del(const struct words *words, char **rest)
{
	struct xlvs_error error = {};
	struct in6_addr address;
	bool known;
	int r = 0;

	if (!rest[0] || words->json || has_vip_words(words)) {
		xlvs_refuse(&error, 0, "del takes one VIP or several, and no option");
		return refuse(&error, -EINVAL);
	}
	for (char **word = rest; *word && !r; word++)
		r = xlvs_rs_address_parse(*word, &address, &error);
	for (char **word = rest; *word && !r; word++) {
		xlvs_rs_address_parse(*word, &address, NULL);
		r = xlvs_rs_del(&address, &known, &error);
		if (!r)
			printf("%s %s\n", *word, known ? "is no longer set" : "was not set");
	}
	return r ? refuse(&error, r) : XLVS_CLI_OK;
}

int xlvs_cli_rs(int argc, char **argv)
{
	struct xlvs_error error = {};
	struct words words = {};
	const char *verb;
	char **rest;
	int r;

	libbpf_set_print(NULL);
	r = read_words(argc, argv, &words, &error);
	if (r)
		return refuse(&error, r);
	if (words.help) {
		fputs(usage, stdout);
		return XLVS_CLI_OK;
	}
	verb = argv[optind];
	if (!verb) {
		fputs(usage, stderr);
		return XLVS_CLI_REFUSED;
	}
	rest = argv + optind + 1;
	if (geteuid()) {
		xlvs_refuse(&error, 0, "only root can do this");
		return refuse(&error, -EPERM);
	}
	if (!strcmp(verb, "add"))
		return run_add(&words, rest);
	if (!strcmp(verb, "del"))
		return run_del(&words, rest);
	if (!strcmp(verb, "show"))
		return run_show(&words, rest);
	xlvs_refuse(&error, 0, "unknown word '%s': use add, del or show", verb);
	return refuse(&error, -EINVAL);
}
