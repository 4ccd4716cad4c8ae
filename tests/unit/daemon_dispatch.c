// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests, from the handler to the loader and back, over a fake kernel. */
#include "daemon_fake.h"

#include "control/answer.h"
#include "daemon/apply.h"
#include "daemon/clock.h"
#include "daemon/dispatch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define VIP "203.0.113.80"

struct fixture {
	struct xlvs_options options;
	struct xlvs_director director;
	struct xlvs_error error;
	/* The last answer. */
	char datagram[XLVS_DATAGRAM_MAX_BYTES] __attribute__((aligned(8)));
	size_t datagram_bytes;
	unsigned int n_datagrams;
	struct xlvs_dest_info dests[8];
	struct xlvs_service_info services[8];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct xlvs_director *director = &f->director;

	f->options.all = true;
	director->loader = fake_loader_new();
	director->model = xlvs_model_new();
	assert_int_equal(xlvs_network_open(&f->options, &director->network, &f->error), 0);
	assert_int_equal(xlvs_network_start(director->network, director->loader, director->model,
					    false, &f->error),
			 0);
	assert_int_equal(xlvs_estimator_new(&director->estimator), 0);
	assert_int_equal(
		xlvs_trash_new(director->model, director->loader->maps.dests, &director->trash), 0);
	director->started_sec = xlvs_now_sec();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	xlvs_network_close(f->director.network, false);
	xlvs_trash_free(f->director.trash);
	xlvs_estimator_free(f->director.estimator);
	xlvs_model_free(f->director.model);
	fake_loader_free(f->director.loader);
	free(f);
	return 0;
}

static int receive(void *context, const void *datagram, size_t bytes)
{
	struct fixture *f = context;

	memcpy(f->datagram, datagram, bytes);
	f->datagram_bytes = bytes;
	if (f->n_datagrams < 8) {
		const void *message = f->datagram;

		xlvs_answer_dest(message, &f->dests[f->n_datagrams]);
		xlvs_answer_service(message, &f->services[f->n_datagrams]);
	}
	f->n_datagrams++;
	return 0;
}

/* The handler's code; a dump is run to its end. */
static int ask(struct fixture *f, const struct xlvs_request *request)
{
	struct xlvs_reply reply;
	int r;

	f->n_datagrams = 0;
	f->error.text[0] = '\0';
	xlvs_reply_init(&reply, request, receive, f);
	r = xlvs_dispatch(&f->director, request, &reply, &f->error);
	if (!reply.dump.next)
		return r;
	do
		r = reply.dump.next(reply.dump.cursor, &reply);
	while (r == 1);
	reply.dump.free(reply.dump.cursor);
	return r;
}

static struct xlvs_request about_service(uint8_t command)
{
	return (struct xlvs_request){
		.family = XLVS_FAMILY_IPVS,
		.command = command,
		.given = XLVS_GIVEN_SERVICE_KEY,
		.service =
			{
				.key =
					{
						.family = AF_INET,
						.protocol = IPPROTO_TCP,
						.address = fake_address(VIP),
						.port = htons(80),
					},
				.scheduler = "rr",
				.flags_mask = ~0U,
				.netmask = ~0U,
			},
	};
}

static struct xlvs_request about_dest(uint8_t command, const char *address)
{
	struct xlvs_request request = about_service(command);

	request.given |= XLVS_GIVEN_DEST_KEY;
	request.dest = (struct xlvs_dest_spec){
		.key = {.family = AF_INET, .address = fake_address(address), .port = htons(80)},
		.method = XLVS_METHOD_DR,
		.weight = 1,
	};
	return request;
}

static int do_service(struct fixture *f, uint8_t command)
{
	struct xlvs_request request = about_service(command);

	return ask(f, &request);
}

static int do_dest(struct fixture *f, uint8_t command, const char *address)
{
	struct xlvs_request request = about_dest(command, address);

	return ask(f, &request);
}

static int list(struct fixture *f, uint8_t command)
{
	struct xlvs_request request = about_service(command);

	request.dump = true;
	return ask(f, &request);
}

static void test_errors_are_those_of_ipvs(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(do_service(f, IPVS_CMD_SET_SERVICE), -ESRCH);
	assert_int_equal(do_service(f, IPVS_CMD_DEL_SERVICE), -ESRCH);
	assert_int_equal(do_service(f, IPVS_CMD_GET_SERVICE), -ESRCH);
	assert_int_equal(do_service(f, IPVS_CMD_ZERO), -ESRCH);
	assert_int_equal(do_dest(f, IPVS_CMD_NEW_DEST, "192.0.2.11"), -ESRCH);
	assert_int_equal(list(f, IPVS_CMD_GET_DEST), 0);
	assert_int_equal(f->n_datagrams, 0);
	assert_int_equal(do_service(f, IPVS_CMD_NEW_SERVICE), 0);
	assert_int_equal(do_service(f, IPVS_CMD_NEW_SERVICE), -EEXIST);
	assert_int_equal(do_dest(f, IPVS_CMD_SET_DEST, "192.0.2.11"), -ENOENT);
	assert_int_equal(do_dest(f, IPVS_CMD_DEL_DEST, "192.0.2.11"), -ENOENT);
	assert_int_equal(do_dest(f, IPVS_CMD_NEW_DEST, "192.0.2.11"), 0);
	assert_int_equal(do_dest(f, IPVS_CMD_NEW_DEST, "192.0.2.11"), -EEXIST);
}

static void test_sync_daemons_are_refused_by_name_and_none_runs(void **state)
{
	struct fixture *f = *state;

	for (uint32_t role = 0; role <= 3; role++) {
		struct xlvs_request request = about_service(IPVS_CMD_NEW_DAEMON);
		bool is_known = role == XLVS_SYNC_MASTER || role == XLVS_SYNC_BACKUP;

		request.sync.role = role;
		assert_int_equal(ask(f, &request), is_known ? -EOPNOTSUPP : -EINVAL);
		if (is_known)
			assert_string_equal(f->error.text,
					    "connection synchronisation is not supported yet");
		request.command = IPVS_CMD_DEL_DAEMON;
		assert_int_equal(ask(f, &request), is_known ? -ESRCH : -EINVAL);
	}
	assert_int_equal(list(f, IPVS_CMD_GET_DAEMON), 0);
	assert_int_equal(f->n_datagrams, 0);
}

static void test_director_says_it_is_ipvs_1_2_1(void **state)
{
	struct xlvs_director_info info;
	struct fixture *f = *state;
	const void *message = f->datagram;

	assert_int_equal(do_service(f, IPVS_CMD_GET_INFO), 0);
	assert_int_equal(f->n_datagrams, 1);
	assert_int_equal(xlvs_answer_info(message, &info), 0);
	assert_int_equal(info.version, 0x010201);
	assert_int_equal(info.connection_table_size, 4096);
}

static void test_timeouts_not_given_stay(void **state)
{
	struct fixture *f = *state;
	struct xlvs_request request = about_service(IPVS_CMD_SET_CONFIG);
	struct xlvs_timeouts timeouts;
	const void *message = f->datagram;

	request.timeouts.udp_sec = 30;
	assert_int_equal(ask(f, &request), 0);
	assert_int_equal(f->director.loader->n_ops[XLVS_OP_TIMEOUTS], 1);
	assert_int_equal(do_service(f, IPVS_CMD_GET_CONFIG), 0);
	assert_int_equal(xlvs_answer_config(message, &timeouts), 0);
	assert_int_equal(timeouts.tcp_sec, 900);
	assert_int_equal(timeouts.tcp_fin_sec, 120);
	assert_int_equal(timeouts.udp_sec, 30);
}

static void test_destinations_are_listed_newest_first_with_counts_and_rates(void **state)
{
	struct fixture *f = *state;
	struct xlvs_dest *slots = f->director.loader->maps.dests;
	struct xlvs_address newest = fake_address("192.0.2.12");

	assert_int_equal(do_service(f, IPVS_CMD_NEW_SERVICE), 0);
	assert_int_equal(do_dest(f, IPVS_CMD_NEW_DEST, "192.0.2.11"), 0);
	assert_int_equal(do_dest(f, IPVS_CMD_NEW_DEST, "192.0.2.12"), 0);
	slots[1].active = 3;
	slots[1].inactive = 4;
	slots[1].conns = 2000;
	for (int i = 0; i < XLVS_ESTIMATOR_PARTS; i++)
		xlvs_estimator_tick(f->director.estimator, f->director.model, f->director.loader);
	assert_int_equal(list(f, IPVS_CMD_GET_DEST), 0);
	assert_int_equal(f->n_datagrams, 2);
	assert_memory_equal(&f->dests[0].spec.key.address, &newest, sizeof(newest));
	assert_int_equal(f->dests[0].active, 3);
	assert_int_equal(f->dests[0].inactive, 4);
	assert_int_equal(f->dests[0].stats.total.conns, 2000);
	assert_int_equal(f->dests[0].stats.conns_per_sec, 250);
	assert_int_equal(f->dests[1].active, 0);
	assert_int_equal(list(f, IPVS_CMD_GET_SERVICE), 0);
	assert_int_equal(f->n_datagrams, 1);
	assert_int_equal(f->services[0].stats.total.in_packets, 20000);
	assert_int_equal(f->services[0].stats.conns_per_sec, 250);
	assert_true(f->services[0].spec.flags & XLVS_SERVICE_HASHED);

	assert_int_equal(do_service(f, IPVS_CMD_ZERO), 0);
	assert_int_equal(list(f, IPVS_CMD_GET_DEST), 0);
	assert_int_equal(f->dests[0].stats.conns_per_sec, 0);
}

static void test_listing_goes_on_while_destinations_come_and_go(void **state)
{
	struct fixture *f = *state;
	struct xlvs_request request = about_service(IPVS_CMD_GET_DEST);
	char address[] = "192.0.2.000";
	struct xlvs_reply reply;
	unsigned int first;

	assert_int_equal(do_service(f, IPVS_CMD_NEW_SERVICE), 0);
	for (int i = 100; i < 200; i++) {
		snprintf(address, sizeof(address), "192.0.2.%d", i);
		assert_int_equal(do_dest(f, IPVS_CMD_NEW_DEST, address), 0);
	}
	request.dump = true;
	f->n_datagrams = 0;
	xlvs_reply_init(&reply, &request, receive, f);
	assert_int_equal(xlvs_dispatch(&f->director, &request, &reply, &f->error), 0);
	assert_int_equal(reply.dump.next(reply.dump.cursor, &reply), 1);
	first = f->n_datagrams;
	assert_in_range(first, 1, 99);
	/* The oldest is listed last: it goes, and a new one comes. */
	assert_int_equal(do_dest(f, IPVS_CMD_DEL_DEST, "192.0.2.100"), 0);
	assert_int_equal(do_dest(f, IPVS_CMD_NEW_DEST, "192.0.2.201"), 0);
	f->n_datagrams = first;
	while (reply.dump.next(reply.dump.cursor, &reply) == 1)
		;
	reply.dump.free(reply.dump.cursor);
	assert_int_equal(f->n_datagrams, 99);
}

static void test_next_hop_follows_a_destination_from_its_first_to_its_last_moment(void **state)
{
	struct fixture *f = *state;
	struct xlvs_nexthops *nexthops = xlvs_network_nexthops(f->director.network);
	struct xlvs_plan plan = {0};

	assert_int_equal(do_service(f, IPVS_CMD_NEW_SERVICE), 0);
	assert_int_equal(do_dest(f, IPVS_CMD_NEW_DEST, "192.0.2.11"), 0);
	assert_int_equal(xlvs_nexthops_count(nexthops).addresses, 1);
	assert_int_equal(do_dest(f, IPVS_CMD_DEL_DEST, "192.0.2.11"), 0);
	assert_int_equal(xlvs_nexthops_count(nexthops).addresses, 1);
	assert_int_equal(xlvs_trash_empty(f->director.trash, &plan), 0);
	assert_int_equal(xlvs_apply_final(&f->director, &plan, NULL), 0);
	assert_int_equal(xlvs_nexthops_count(nexthops).addresses, 0);
}

static void test_what_the_packet_path_refuses_is_taken_back(void **state)
{
	struct fixture *f = *state;
	struct xlvs_loader *loader = f->director.loader;
	struct xlvs_request edit = about_service(IPVS_CMD_SET_SERVICE);
	struct xlvs_request heavier = about_dest(IPVS_CMD_SET_DEST, "192.0.2.11");

	assert_int_equal(do_service(f, IPVS_CMD_NEW_SERVICE), 0);
	assert_int_equal(do_dest(f, IPVS_CMD_NEW_DEST, "192.0.2.11"), 0);
	strcpy(edit.service.scheduler, "wlc");
	heavier.dest.weight = 9;
	loader->apply_error = -ENOMEM;

	assert_int_equal(do_dest(f, IPVS_CMD_NEW_DEST, "192.0.2.12"), -ENOMEM);
	assert_string_equal(f->error.text, "the fake loader refuses");
	assert_int_equal(do_dest(f, IPVS_CMD_DEL_DEST, "192.0.2.11"), -ENOMEM);
	assert_int_equal(ask(f, &heavier), -ENOMEM);
	assert_int_equal(ask(f, &edit), -ENOMEM);
	edit = about_service(IPVS_CMD_NEW_SERVICE);
	edit.service.key.port = htons(443);
	assert_int_equal(ask(f, &edit), -ENOMEM);

	assert_int_equal(list(f, IPVS_CMD_GET_SERVICE), 0);
	assert_int_equal(f->n_datagrams, 1);
	assert_string_equal(f->services[0].spec.scheduler, "rr");
	assert_int_equal(list(f, IPVS_CMD_GET_DEST), 0);
	assert_int_equal(f->n_datagrams, 1);
	assert_int_equal(f->dests[0].spec.weight, 1);
	/* Nothing is left in the trash either. */
	assert_null(xlvs_model_next_dest(f->director.model, 1));
	loader->apply_error = 0;
	assert_int_equal(do_dest(f, IPVS_CMD_NEW_DEST, "192.0.2.12"), 0);
}

static void test_routes_are_asked_only_for_what_ipvs_would_take(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(do_dest(f, IPVS_CMD_NEW_DEST, "192.0.2.255"), -ESRCH);
	assert_int_equal(do_service(f, IPVS_CMD_NEW_SERVICE), 0);
	assert_int_equal(do_dest(f, IPVS_CMD_NEW_DEST, "0.0.0.0"), -EINVAL);
	assert_int_equal(do_dest(f, IPVS_CMD_NEW_DEST, "192.0.2.255"), -EINVAL);
	assert_int_equal(list(f, IPVS_CMD_GET_DEST), 0);
	assert_int_equal(f->n_datagrams, 0);
	assert_null(xlvs_model_next_dest(f->director.model, 0));
	assert_int_equal(xlvs_nexthops_count(xlvs_network_nexthops(f->director.network)).addresses,
			 0);
}

static json_t *document(struct fixture *f, uint8_t command)
{
	struct xlvs_request request = {.family = XLVS_FAMILY_XLVS, .command = command};
	const void *message = f->datagram;
	const char *text;
	json_t *json;

	assert_int_equal(ask(f, &request), 0);
	assert_int_equal(f->n_datagrams, 1);
	assert_int_equal(xlvs_answer_json(message, &text), 0);
	json = json_loads(text, 0, NULL);
	assert_non_null(json);
	return json;
}

static void test_status_tells_interfaces_and_the_tables_fill(void **state)
{
	struct fixture *f = *state;
	struct xlvs_runtime *runtime = f->director.loader->maps.runtime;
	int fill, expiry_alive, n_available, records, ifindex;
	const char *version, *name, *mode;
	json_t *json;

	runtime->conn_limit = 1000;
	runtime->records = 420;
	assert_int_equal(do_service(f, IPVS_CMD_NEW_SERVICE), 0);
	assert_int_equal(do_dest(f, IPVS_CMD_NEW_DEST, "192.0.2.11"), 0);
	json = document(f, XLVS_CMD_GET_STATUS);
	assert_int_equal(json_unpack(json,
				     "{s:s, s:[{s:s, s:i, s:s}, {}], s:{s:i}, s:{s:i, s:i}, "
				     "s:{s:b}, s:I, s:{s:I}}",
				     "version", &version, "interfaces", "name", &name, "ifindex",
				     &ifindex, "mode", &mode, "destinations", "available",
				     &n_available, "connections", "fill_percent", &fill, "records",
				     &records, "expiry", "alive", &expiry_alive, "uptime_sec",
				     &(json_int_t){0}, "services", "ipv4", &(json_int_t){0}),
			 0);
	assert_string_equal(version, XLVS_VERSION);
	assert_string_equal(name, "eth1");
	assert_int_equal(ifindex, 2);
	assert_string_equal(mode, "native");
	assert_int_equal(n_available, 1);
	assert_int_equal(fill, 42);
	assert_int_equal(records, 420);
	assert_true(expiry_alive);
	json_decref(json);
}

static void test_drops_name_every_reason_with_count_and_meaning(void **state)
{
	struct fixture *f = *state;
	const char *name, *meaning;
	json_int_t count;
	json_t *json;

	f->director.loader->maps.reasons[XLVS_DROP_TTL_EXCEEDED] = 77;
	json = document(f, XLVS_CMD_GET_DROPS);
	assert_int_equal(json_array_size(json_object_get(json, "drops")), XLVS_DROPS_END - 1);
	assert_int_equal(json_array_size(json_object_get(json, "events")),
			 XLVS_REASONS_END - XLVS_DROPS_END);
	assert_int_equal(json_unpack(json_array_get(json_object_get(json, "drops"),
						    XLVS_DROP_TTL_EXCEEDED - 1),
				     "{s:s, s:I, s:s}", "name", &name, "count", &count, "meaning",
				     &meaning),
			 0);
	assert_string_equal(name, "ttl_exceeded");
	assert_int_equal(count, 77);
	assert_true(strlen(meaning) > 0);
	json_decref(json);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_errors_are_those_of_ipvs),
		TEST(test_sync_daemons_are_refused_by_name_and_none_runs),
		TEST(test_director_says_it_is_ipvs_1_2_1),
		TEST(test_timeouts_not_given_stay),
		TEST(test_destinations_are_listed_newest_first_with_counts_and_rates),
		TEST(test_listing_goes_on_while_destinations_come_and_go),
		TEST(test_next_hop_follows_a_destination_from_its_first_to_its_last_moment),
		TEST(test_what_the_packet_path_refuses_is_taken_back),
		TEST(test_routes_are_asked_only_for_what_ipvs_would_take),
		TEST(test_status_tells_interfaces_and_the_tables_fill),
		TEST(test_drops_name_every_reason_with_count_and_meaning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
