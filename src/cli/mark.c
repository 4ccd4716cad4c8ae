// SPDX-License-Identifier: GPL-2.0-or-later
/* xlvs mark: firewall marks given in the packet path. */
#include "cli/mark_words.h"

#include "base/cleanup.h"
#include "cli/mark_netfilter.h"
#include "cli/query.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"Usage: xlvs mark add tcp|udp|any ADDR[/LEN][:PORTS] MARK\n"
	"       xlvs mark del tcp|udp|any ADDR[/LEN][:PORTS] [MARK]\n"
	"       xlvs mark show [--json]\n"
	"       xlvs mark flush\n"
	"       xlvs mark save\n"
	"       xlvs mark restore\n"
	"       xlvs mark netfilter on MARK...\n"
	"       xlvs mark netfilter off\n"
	"\n"
	"Gives packets to these addresses and ports a firewall mark, for the services of\n"
	"ipvsadm -f MARK. An IPv6 address with ports stands in brackets: [ADDR]/LEN:PORTS.\n"
	"PORTS is one port, or the first and the last with a dash between them.\n"
	"save writes the rules one a line; restore adds what it reads on its input.\n"
	"netfilter lets packets that nftables or iptables marked so in.\n"
	"\n"
	"  -j, --json    write JSON\n"
	"  -h, --help    this text\n"
	"\n"
	"Exit code: 0, 1 when no director answers, 2 refused and nothing changed.\n";

enum {
	WORDS_PER_RULE = 3,
};

static struct xlvs_query query = {.name = "mark", .usage = usage};

static int refuse(const struct xlvs_error *error, int code)
{
	if (!error->text[0] && (code == -ECONNREFUSED || code == -EPERM))
		return xlvs_query_fail(&query, code);
	fprintf(stderr, "xlvs mark: %s\n", error->text[0] ? error->text : strerror(-code));
	return XLVS_CLI_REFUSED;
}

static int refuse_words(void)
{
	fputs("xlvs mark: words are missing, or too many (see xlvs mark --help)\n", stderr);
	return XLVS_CLI_REFUSED;
}

static int call_request(const struct xlvs_request *request)
{
	struct xlvs_error error = {0};
	struct xlvs_client *client;
	int code = xlvs_query_open(&query, &client);
	int r;

	if (code != XLVS_CLI_OK)
		return code;
	r = xlvs_client_call(client, request, &error);
	xlvs_client_close(client);
	return r < 0 ? refuse(&error, r) : XLVS_CLI_OK;
}

static int call(enum xlvs_command command, const struct xlvs_mark_spec *specs, size_t n_specs)
{
	const struct xlvs_request request = {
		.family = XLVS_FAMILY_XLVS,
		.command = (uint8_t)command,
		.given = n_specs ? XLVS_GIVEN_MARKS : 0,
		.marks = specs,
		.n_marks = n_specs,
	};

	return call_request(&request);
}

/* What the kernel has done so far stays: `off` takes it away. */
static int carry(const struct xlvs_mark_pair *pair)
{
	const struct xlvs_request request = {
		.family = XLVS_FAMILY_XLVS,
		.command = XLVS_CMD_CARRY_MARKS,
		.given = pair->far_ifindex ? XLVS_GIVEN_MARK_PAIR : 0,
		.mark_near = pair->near_ifindex,
		.mark_far = pair->far_ifindex,
	};

	return call_request(&request);
}

static int netfilter(int argc, char **argv)
{
	const char *verb = argc > 0 ? argv[0] : "";
	struct xlvs_mark_pair pair = {0};
	struct xlvs_error error = {0};
	int r, code;

	if (argc > 1 && !strcmp(verb, "on")) {
		r = xlvs_mark_netfilter_on(argc - 1, argv + 1, &pair, &error);
		return r < 0 ? refuse(&error, r) : carry(&pair);
	}
	if (argc != 1 || strcmp(verb, "off") != 0)
		return refuse_words();
	r = xlvs_mark_netfilter_off(&error);
	code = carry(&pair);
	return r < 0 ? refuse(&error, r) : code;
}

/* add, del: one rule. */
static int change(enum xlvs_command command, int argc, char **argv)
{
	bool may_lack_mark = command == XLVS_CMD_DEL_MARK;
	struct xlvs_error error = {0};
	struct xlvs_mark_spec spec;
	int r;

	if (argc > WORDS_PER_RULE || argc < WORDS_PER_RULE - may_lack_mark)
		return refuse_words();
	r = xlvs_mark_words_parse(argv[0], argv[1], argc == WORDS_PER_RULE ? argv[2] : NULL, &spec,
				  &error);
	return r < 0 ? refuse(&error, r) : call(command, &spec, 1);
}

static int read_line(char *line, struct xlvs_mark_spec *ret_spec, struct xlvs_error *reterr)
{
	char *words[WORDS_PER_RULE + 1] = {0}, *rest = NULL;
	int n = 0;

	for (char *word = strtok_r(line, " \t\n", &rest); word && n <= WORDS_PER_RULE;
	     word = strtok_r(NULL, " \t\n", &rest))
		words[n++] = word;
	if (n != WORDS_PER_RULE)
		return xlvs_refuse(reterr, -EINVAL, "a rule is tcp|udp|any ADDR... MARK");
	return xlvs_mark_words_parse(words[0], words[1], words[2], ret_spec, reterr);
}

static bool is_empty(const char *line)
{
	line += strspn(line, " \t\n");
	return !*line || *line == '#';
}

/* Rules are sent by as many as a message takes. */
static int restore(FILE *in)
{
	XLVS_AUTO_FREE struct xlvs_mark_spec *specs =
		calloc(XLVS_MARKS_PER_REQUEST, sizeof(struct xlvs_mark_spec));
	XLVS_AUTO_FREE char *line = NULL;
	size_t bytes = 0, n_specs = 0;
	unsigned int number = 0;
	int code = XLVS_CLI_OK;

	while (specs && code == XLVS_CLI_OK && getline(&line, &bytes, in) >= 0) {
		struct xlvs_error error = {0};

		number++;
		if (is_empty(line))
			continue;
		if (read_line(line, &specs[n_specs], &error) < 0) {
			fprintf(stderr, "xlvs mark: line %u: %s\n", number, error.text);
			return XLVS_CLI_REFUSED;
		}
		if (++n_specs < XLVS_MARKS_PER_REQUEST)
			continue;
		code = call(XLVS_CMD_NEW_MARKS, specs, n_specs);
		n_specs = 0;
	}
	if (code == XLVS_CLI_OK && n_specs)
		code = call(XLVS_CMD_NEW_MARKS, specs, n_specs);
	return code;
}

static void print_packets(const json_t *rule)
{
	const char *prefix = json_string_value(json_object_get(rule, "prefix"));
	json_int_t first = json_integer_value(json_object_get(rule, "first_port"));
	json_int_t last = json_integer_value(json_object_get(rule, "last_port"));
	int address_bytes = (int)strcspn(prefix, "/");
	char text[2 * INET6_ADDRSTRLEN];
	bool all_ports = first == 0 && last == UINT16_MAX;
	int at;

	at = snprintf(text, sizeof(text), strchr(prefix, ':') && !all_ports ? "[%.*s]%s" : "%.*s%s",
		      address_bytes, prefix, prefix + address_bytes);
	if (!all_ports)
		at += snprintf(text + at, sizeof(text) - (size_t)at, ":%d", (int)first);
	if (!all_ports && first != last)
		snprintf(text + at, sizeof(text) - (size_t)at, "-%d", (int)last);
	printf("%-35s", text);
}

/* save: words of add, so that restore reads them; show: with counters. */
static void print_rules(const json_t *document, bool for_restore)
{
	size_t index;
	const json_t *rule;

	if (!for_restore)
		printf("%-8s %-35s %-10s %12s\n", "Protocol", "Packets to", "Mark", "Packets");
	json_array_foreach(json_object_get(document, "rules"), index, rule)
	{
		json_int_t mark = json_integer_value(json_object_get(rule, "mark"));
		json_int_t packets = json_integer_value(json_object_get(rule, "packets"));

		printf(for_restore ? "%s " : "%-8s ",
		       json_string_value(json_object_get(rule, "protocol")));
		print_packets(rule);
		if (for_restore)
			printf(" %lld\n", (long long)mark);
		else
			printf(" %-10lld %12lld\n", (long long)mark, (long long)packets);
	}
}

static int list(bool for_restore)
{
	XLVS_AUTO_FREE char *text = NULL;
	struct xlvs_client *client;
	json_t *document;
	int code = xlvs_query_open(&query, &client);
	int r;

	if (code != XLVS_CLI_OK)
		return code;
	r = xlvs_client_json(client, XLVS_CMD_GET_MARKS, &text);
	xlvs_client_close(client);
	document = r < 0 ? NULL : json_loads(text, 0, NULL);
	if (!document)
		return xlvs_query_fail(&query, r < 0 ? r : -EPROTO);
	if (query.json)
		puts(text);
	else
		print_rules(document, for_restore);
	json_decref(document);
	return fflush(stdout) == 0 ? XLVS_CLI_OK : XLVS_CLI_AMISS;
}

int xlvs_cli_mark(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	int code;

	if (!strcmp(verb, "add"))
		return change(XLVS_CMD_NEW_MARKS, argc - 2, argv + 2);
	if (!strcmp(verb, "del"))
		return change(XLVS_CMD_DEL_MARK, argc - 2, argv + 2);
	if (!strcmp(verb, "show")) {
		code = xlvs_query_parse(&query, argc - 1, argv + 1);
		return code >= 0 ? code : list(false);
	}
	if (!strcmp(verb, "netfilter"))
		return netfilter(argc - 2, argv + 2);
	if (argc == 2 && !strcmp(verb, "flush"))
		return call(XLVS_CMD_FLUSH_MARKS, NULL, 0);
	if (argc == 2 && !strcmp(verb, "save"))
		return list(true);
	if (argc == 2 && !strcmp(verb, "restore"))
		return restore(stdin);
	if (!strcmp(verb, "-h") || !strcmp(verb, "--help")) {
		fputs(usage, stdout);
		return XLVS_CLI_OK;
	}
	return refuse_words();
}
