// SPDX-License-Identifier: GPL-2.0-or-later
#include "ipvsadm_fixture.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char localhost[] = "localhost";

static const struct {
	const char *name;
	uint16_t port;
	const char *protocol;
} service_names[] = {
	{"http", 80, "tcp"},	 {"kerberos", 88, "tcp"},  {"https", 443, "tcp"},
	{"sip", 5060, "udp"},	 {"sip-tls", 5061, "udp"}, {"http-alt", 8080, "tcp"},
	{"tproxy", 8081, "tcp"},
};

/* One result at a time, as with libc's own. */
static struct servent *service_entry(size_t i)
{
	static struct servent entry;

	if (i == sizeof(service_names) / sizeof(service_names[0]))
		return NULL;
	entry.s_name = (char *)(uintptr_t)service_names[i].name;
	entry.s_port = htons(service_names[i].port);
	return &entry;
}

struct servent *getservbyname(const char *name, const char *protocol)
{
	size_t i = 0;

	while (i < sizeof(service_names) / sizeof(service_names[0]) &&
	       (strcmp(service_names[i].name, name) != 0 ||
		strcmp(service_names[i].protocol, protocol) != 0))
		i++;
	return service_entry(i);
}

struct servent *getservbyport(int port, const char *protocol)
{
	size_t i = 0;

	while (i < sizeof(service_names) / sizeof(service_names[0]) &&
	       (htons(service_names[i].port) != port ||
		strcmp(service_names[i].protocol, protocol) != 0))
		i++;
	return service_entry(i);
}

static struct hostent *host_entry(void)
{
	static struct in_addr address;
	static char *addresses[] = {(char *)&address, NULL};
	static struct hostent entry = {
		.h_name = localhost,
		.h_addrtype = AF_INET,
		.h_length = sizeof(address),
		.h_addr_list = addresses,
	};

	address.s_addr = htonl(INADDR_LOOPBACK);
	return &entry;
}

struct hostent *gethostbyname(const char *name)
{
	return strcmp(name, localhost) == 0 ? host_entry() : NULL;
}

struct hostent *gethostbyaddr(const void *address, socklen_t bytes, int family)
{
	static const uint8_t loopback[4] = {127, 0, 0, 1};

	if (family != AF_INET || memcmp(address, loopback, bytes) != 0)
		return NULL;
	return host_entry();
}

void fixture_start(struct ipvsadm_fixture *fixture, struct fake_director *director)
{
	struct fake_director *own = director ? director : fake_new();

	assert_non_null(own);
	memset(fixture, 0, sizeof(*fixture));
	snprintf(fixture->socket, sizeof(fixture->socket), "xlvs-unit-%d", (int)getpid());
	fixture->pid = fake_start(fixture->socket, own);
	if (!director)
		free(own);
	assert_int_equal(xlvs_client_open(fixture->socket, &fixture->session.client), 0);
}

void fixture_stop(struct ipvsadm_fixture *fixture)
{
	xlvs_client_close(fixture->session.client);
	fake_stop(fixture->pid);
}

struct printed fixture_run(struct ipvsadm_fixture *fixture, const char *line, const char *input)
{
	char words[1024];
	char *argv[64];
	char *rest = words;
	struct printed printed;
	size_t out_bytes, err_bytes;
	int argc = 0;

	assert_true(strlen(line) < sizeof(words));
	strcpy(words, line);
	while (argc < 63 && (argv[argc] = strtok_r(rest, " ", &rest)))
		argc++;
	argv[argc] = NULL;
	fixture->session.in = input && *input
				      ? fmemopen((void *)(uintptr_t)input, strlen(input), "r")
				      : fopen("/dev/null", "r");
	fixture->session.out = open_memstream(&printed.out, &out_bytes);
	fixture->session.err = open_memstream(&printed.err, &err_bytes);
	printed.exit_code = xlvs_ipvsadm_run(&fixture->session, argc, argv);
	fclose(fixture->session.in);
	fclose(fixture->session.out);
	fclose(fixture->session.err);
	return printed;
}

void printed_free(struct printed *printed)
{
	free(printed->out);
	free(printed->err);
}

void fixture_expect(struct ipvsadm_fixture *fixture, const char *line, int exit_code,
		    const char *out, const char *err)
{
	struct printed printed = fixture_run(fixture, line, NULL);

	if (strcmp(printed.out, out) != 0 || strcmp(printed.err, err) != 0 ||
	    printed.exit_code != exit_code)
		fail_msg("$ %s\nprinted:\n%s%s[rc %d]\nnot:\n%s%s[rc %d]", line, printed.out,
			 printed.err, printed.exit_code, out, err, exit_code);
	printed_free(&printed);
}
