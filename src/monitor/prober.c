// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/prober.h"

#include "abi/checkpath.h"
#include "base/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The first checks of a start begin so many a millisecond. */
#define FIRST_PER_MS 5
/* Checks that begin in one round of the loop: what is under way is looked after in between, or on
 * a machine that cannot keep up the time limits of all would pass before anybody looks. */
#define STARTS_PER_ROUND 32
/* Each interval is shortened by up to this part of it. */
#define JITTER_PART 20
/* Checks of one server that may overlap. */
#define LANES_MAX 16

/* One server of the configuration, by its places in it. */
struct member {
	size_t virtual_at, real_at;
	struct xlvs_check_spec spec; /* its texts are the configuration's */
	unsigned int interval_ms;
	struct xlvs_server *server;
};

struct lane {
	struct probe *probe;
	struct xlvs_check *check;
	uint64_t number; /* of the run, from 1 */
};

struct probe {
	uv_timer_t timer;
	STAILQ_ENTRY(probe) due_link;
	bool is_due; /* waits for its turn */
	struct xlvs_prober *prober;
	struct member *members; /* in the prober's array */
	size_t n_members;
	unsigned int n_lanes;
	struct lane *lanes[LANES_MAX];
	uint64_t due_ms;
	uint64_t n_runs, last_passed;
	bool is_late; /* nothing was free when it was due */
};

struct xlvs_prober {
	uv_idle_t turns; /* first: what libuv returns */
	STAILQ_HEAD(, probe) due;
	uv_loop_t *loop;
	struct xlvs_check_engine *engine;
	const struct xlvs_ld_config *config;
	struct member *members;
	size_t n_members;
	struct probe **probes;
	size_t n_probes;
	void (*tell)(void *context, struct xlvs_server *server,
		     const struct xlvs_check_result *result);
	void *context;
};

/* What to ask. */

static enum xlvs_check_kind kind_of(const struct xlvs_ld_virtual *conf)
{
	static const enum xlvs_check_kind kinds[] = {
		[XLVS_LD_NEGOTIATE] = XLVS_CHECK_NEGOTIATE,
		[XLVS_LD_CONNECT] = XLVS_CHECK_CONNECT,
		[XLVS_LD_COMBINED] = XLVS_CHECK_COMBINED,
		[XLVS_LD_PING] = XLVS_CHECK_PING,
		[XLVS_LD_EXTERNAL] = XLVS_CHECK_EXTERNAL,
		[XLVS_LD_EXTERNAL_PERL] = XLVS_CHECK_EXTERNAL_PERL,
		[XLVS_LD_ON] = XLVS_CHECK_ON,
		[XLVS_LD_OFF] = XLVS_CHECK_OFF,
	};

	if (conf->checktype == XLVS_LD_CONNECT && strcmp(conf->protocol, "udp") == 0)
		return XLVS_CHECK_PING;
	return kinds[conf->checktype];
}

static enum xlvs_check_verify verify_of(enum xlvs_ld_tlsverify verify)
{
	switch (verify) {
	case XLVS_LD_TLS_CHAIN:
		return XLVS_VERIFY_CHAIN;
	case XLVS_LD_TLS_HOST:
		return XLVS_VERIFY_NAME;
	case XLVS_LD_TLS_NONE:
		return XLVS_VERIFY_NONE;
	case XLVS_LD_TLS_DEFAULT:
		break;
	}
	return XLVS_VERIFY_DEFAULT;
}

static void set_address(union xlvs_check_address *address, uint16_t family,
			const struct xlvs_address *bytes, uint16_t port)
{
	address->any.sa_family = family;
	if (family == AF_INET6) {
		memcpy(&address->v6.sin6_addr, bytes, sizeof(address->v6.sin6_addr));
		address->v6.sin6_port = htons(port);
	} else {
		memcpy(&address->v4.sin_addr, bytes, sizeof(address->v4.sin_addr));
		address->v4.sin_port = htons(port);
	}
}

unsigned int xlvs_prober_way(size_t virtual_at, uint32_t method)
{
	return (unsigned int)virtual_at * 2 + (method == XLVS_METHOD_TUN);
}

/* Packets of NAT go to the server's address anyway. */
static uint32_t mark_of(const struct xlvs_ld_virtual *conf, size_t virtual_at, uint32_t method)
{
	if (!conf->checks_vip || method == XLVS_METHOD_NAT)
		return 0;
	return XLVS_CHECK_MARK + xlvs_prober_way(virtual_at, method);
}

static void describe(const struct xlvs_ld_virtual *conf, const struct xlvs_ld_real *real,
		     struct xlvs_check_spec *spec)
{
	const struct xlvs_service_key *key = &conf->spec.key;

	/* Compared by its bytes: also what lies between the fields is zero. */
	memset(spec, 0, sizeof(*spec));
	spec->kind = kind_of(conf);
	spec->service = conf->service;
	spec->connects = conf->connects;
	spec->protocol = conf->by_mark ? 0 : key->protocol;
	set_address(&spec->real, real->key.family, &real->key.address,
		    xlvs_ld_check_port(conf, real));
	if (!conf->by_mark)
		set_address(&spec->virtual_address, key->family, &key->address, conf->port);
	spec->fwmark = key->fwmark;
	spec->real_port = real->port;
	spec->check_timeout_ms = (unsigned int)conf->settings.checktimeout_sec * 1000;
	spec->negotiate_timeout_ms = (unsigned int)conf->settings.negotiatetimeout_sec * 1000;
	spec->ping_attempts = (unsigned int)conf->settings.checkcount;
	spec->head = conf->http_head;
	spec->verify = verify_of(conf->tlsverify);
	spec->ca_file = conf->tlscafile;
	spec->virtualhost = conf->virtualhost;
	spec->request = real->request ? real->request : conf->request;
	spec->receive = real->request ? real->receive : conf->receive;
	spec->login = conf->login;
	spec->password = conf->passwd;
	spec->database = conf->database;
	spec->secret = conf->secret;
	spec->command = conf->checkcommand;
}

static int compare_texts(const char *one, const char *other)
{
	return strcmp(one ? one : "", other ? other : "");
}

/* Only what is told to a command depends on the virtual service. */
static bool tells_virtual(const struct xlvs_check_spec *spec)
{
	return spec->kind == XLVS_CHECK_EXTERNAL || spec->kind == XLVS_CHECK_EXTERNAL_PERL ||
	       strcmp(xlvs_ld_service_name(spec->service), "oracle") == 0;
}

static int compare_members(const void *one, const void *other)
{
	const struct member *a = one, *b = other;
	struct xlvs_check_spec x = a->spec, y = b->spec;
	const char *const texts[][2] = {
		{x.request, y.request}, {x.receive, y.receive},	  {x.virtualhost, y.virtualhost},
		{x.login, y.login},	{x.password, y.password}, {x.database, y.database},
		{x.secret, y.secret},	{x.command, y.command},	  {x.ca_file, y.ca_file},
	};
	int order;

	x.request = x.receive = x.virtualhost = x.login = x.password = x.database = x.secret =
		x.command = x.ca_file = NULL;
	y.request = y.receive = y.virtualhost = y.login = y.password = y.database = y.secret =
		y.command = y.ca_file = NULL;
	if (!tells_virtual(&x) && !tells_virtual(&y)) {
		memset(&x.virtual_address, 0, sizeof(x.virtual_address));
		memset(&y.virtual_address, 0, sizeof(y.virtual_address));
		x.fwmark = y.fwmark = 0;
	}
	order = memcmp(&x, &y, sizeof(x));
	for (size_t i = 0; order == 0 && i < sizeof(texts) / sizeof(texts[0]); i++)
		order = compare_texts(texts[i][0], texts[i][1]);
	return order ? order
		     : (a->interval_ms > b->interval_ms) - (a->interval_ms < b->interval_ms);
}

/* Runs. */

static void arm(struct probe *probe);

static uint64_t shortened(uint64_t interval_ms)
{
	uint64_t part = interval_ms / JITTER_PART;

	return interval_ms - (part ? (uint64_t)random() % part : 0);
}

static unsigned int lanes_allowed(const struct probe *probe)
{
	int allowed = 1;

	for (size_t i = 0; i < probe->n_members; i++) {
		const struct xlvs_server *server = probe->members[i].server;
		int count = server->slot.service->conf->settings.failurecount;

		if (server->up && count > allowed)
			allowed = count;
	}
	return allowed > LANES_MAX ? LANES_MAX : (unsigned int)allowed;
}

static void take_result(void *context, const struct xlvs_check_result *result);

static int add_lane(struct probe *probe, struct xlvs_error *reterr)
{
	struct xlvs_check_spec spec = probe->members[0].spec;
	struct lane *lane = calloc(1, sizeof(*lane));
	int r;

	if (!lane)
		return xlvs_refuse(reterr, -ENOMEM, "out of memory");
	lane->probe = probe;
	spec.done = take_result;
	spec.context = lane;
	r = xlvs_check_new(probe->prober->engine, &spec, reterr, &lane->check);
	if (r < 0) {
		free(lane);
		return r;
	}
	probe->lanes[probe->n_lanes++] = lane;
	return 0;
}

static struct lane *free_lane(struct probe *probe)
{
	unsigned int allowed = lanes_allowed(probe);

	for (unsigned int i = 0; i < probe->n_lanes && i < allowed; i++)
		if (!xlvs_check_running(probe->lanes[i]->check))
			return probe->lanes[i];
	if (probe->n_lanes >= allowed || add_lane(probe, NULL) < 0)
		return NULL;
	return probe->lanes[probe->n_lanes - 1];
}

static void run(struct probe *probe)
{
	struct lane *lane = free_lane(probe);

	probe->is_late = !lane || xlvs_check_start(lane->check) < 0;
	if (!probe->is_late)
		lane->number = ++probe->n_runs;
}

static void on_turns(uv_idle_t *turns)
{
	struct xlvs_prober *prober = (struct xlvs_prober *)turns;

	for (int i = 0; i < STARTS_PER_ROUND && !STAILQ_EMPTY(&prober->due); i++) {
		struct probe *probe = STAILQ_FIRST(&prober->due);

		STAILQ_REMOVE_HEAD(&prober->due, due_link);
		probe->is_due = false;
		run(probe);
	}
	if (STAILQ_EMPTY(&prober->due))
		uv_idle_stop(turns);
}

static void on_due(uv_timer_t *timer)
{
	struct probe *probe = timer->data;
	struct xlvs_prober *prober = probe->prober;
	uint64_t interval_ms = probe->members[0].interval_ms;
	bool is_first = !probe->n_runs && !probe->is_due;

	if (!probe->is_due) {
		probe->is_due = true;
		STAILQ_INSERT_TAIL(&prober->due, probe, due_link);
		uv_idle_start(&prober->turns, on_turns);
	}
	/* The second check spreads them over the interval. */
	probe->due_ms += is_first ? (uint64_t)random() % interval_ms + 1 : shortened(interval_ms);
	arm(probe);
}

static void arm(struct probe *probe)
{
	uint64_t now_ms = uv_now(probe->prober->loop);

	if (probe->due_ms < now_ms)
		probe->due_ms = now_ms;
	uv_timer_start(&probe->timer, on_due, probe->due_ms - now_ms, 0);
}

static void take_result(void *context, const struct xlvs_check_result *result)
{
	struct lane *lane = context;
	struct probe *probe = lane->probe;
	struct xlvs_prober *prober = probe->prober;

	if (lane->number > probe->last_passed) {
		if (result->outcome == XLVS_CHECK_IS_UP)
			probe->last_passed = lane->number;
		for (size_t i = 0; i < probe->n_members; i++)
			prober->tell(prober->context, probe->members[i].server, result);
	}
	if (probe->is_late)
		run(probe);
}

/* Making and freeing. */

static void free_probe(uv_handle_t *handle)
{
	free(handle->data);
}

static void free_prober(uv_handle_t *handle)
{
	free(handle);
}

void xlvs_prober_free(struct xlvs_prober *prober)
{
	if (!prober)
		return;
	for (size_t i = 0; i < prober->n_probes; i++) {
		struct probe *probe = prober->probes[i];

		for (unsigned int k = 0; k < probe->n_lanes; k++) {
			xlvs_check_free(probe->lanes[k]->check);
			free(probe->lanes[k]);
		}
		uv_close((uv_handle_t *)&probe->timer, free_probe);
	}
	free(prober->probes);
	free(prober->members);
	uv_close((uv_handle_t *)&prober->turns, free_prober);
}

static void list_members(struct xlvs_prober *prober)
{
	const struct xlvs_ld_config *config = prober->config;

	for (size_t i = 0; i < config->n_virtuals; i++) {
		const struct xlvs_ld_virtual *conf = &config->virtuals[i];

		for (size_t k = 0; conf->checktype != XLVS_LD_OFF && k < conf->n_reals; k++) {
			struct member *member = &prober->members[prober->n_members++];

			member->virtual_at = i;
			member->real_at = k;
			member->interval_ms = (unsigned int)conf->settings.checkinterval_sec * 1000;
			describe(conf, &conf->reals[k], &member->spec);
			member->spec.mark = mark_of(conf, i, conf->reals[k].method);
		}
	}
	qsort(prober->members, prober->n_members, sizeof(*prober->members), compare_members);
}

static int add_probe(struct xlvs_prober *prober, struct member *members, size_t n_members)
{
	struct probe *probe = calloc(1, sizeof(*probe));

	if (!probe)
		return -ENOMEM;
	uv_timer_init(prober->loop, &probe->timer);
	probe->timer.data = probe;
	probe->prober = prober;
	probe->members = members;
	probe->n_members = n_members;
	prober->probes[prober->n_probes++] = probe;
	return 0;
}

/* What a check refuses is the real server's own, or the same for all of the virtual service. */
static struct xlvs_ld_place place_of(const struct member *member,
				     const struct xlvs_ld_virtual *conf, int refusal)
{
	const struct xlvs_ld_real *real = &conf->reals[member->real_at];

	if (real->request)
		return real->place;
	return refusal == -EILSEQ ? conf->receive_place : conf->place;
}

static int add_probes(struct xlvs_prober *prober, struct xlvs_ld_problems *problems)
{
	int r = 0;

	for (size_t i = 0, n; i < prober->n_members; i += n) {
		struct member *first = &prober->members[i];
		const struct xlvs_ld_virtual *conf = &prober->config->virtuals[first->virtual_at];
		struct xlvs_error error;
		int refusal;

		for (n = 1; i + n < prober->n_members && compare_members(first, first + n) == 0;
		     n++)
			;
		if (add_probe(prober, first, n) < 0)
			return -ENOMEM;
		refusal = add_lane(prober->probes[prober->n_probes - 1], &error);
		if (refusal == -ENOMEM)
			return refusal;
		if (refusal < 0) {
			xlvs_ld_problem_add(problems, true, place_of(first, conf, refusal), "%s",
					    error.text);
			r = -EINVAL;
		}
	}
	return r;
}

int xlvs_prober_new(uv_loop_t *loop, struct xlvs_check_engine *engine,
		    const struct xlvs_ld_config *config, struct xlvs_ld_problems *problems,
		    struct xlvs_prober **ret_prober)
{
	struct xlvs_prober *prober = calloc(1, sizeof(*prober));
	size_t n = 1;
	int r = -ENOMEM;

	if (!prober)
		return -ENOMEM;
	for (size_t i = 0; i < config->n_virtuals; i++)
		n += config->virtuals[i].n_reals;
	uv_idle_init(loop, &prober->turns);
	STAILQ_INIT(&prober->due);
	prober->loop = loop;
	prober->engine = engine;
	prober->config = config;
	prober->members = calloc(n, sizeof(*prober->members));
	prober->probes = calloc(n, sizeof(struct probe *));
	if (prober->members && prober->probes) {
		list_members(prober);
		r = add_probes(prober, problems);
	}
	if (r < 0)
		xlvs_prober_free(prober);
	else
		*ret_prober = prober;
	return r;
}

/* The machine's services are the configuration's, in its order, behind those that leave. */
static void bind_members(struct xlvs_prober *prober, const struct xlvs_services *services)
{
	struct xlvs_service **by_place = calloc(prober->config->n_virtuals + 1, sizeof(*by_place));
	struct xlvs_service *service;

	if (!by_place)
		abort();
	TAILQ_FOREACH(service, services, link)
	if (service->conf)
		by_place[service->conf - prober->config->virtuals] = service;
	for (size_t i = 0; i < prober->n_members; i++) {
		struct member *member = &prober->members[i];

		member->server = &by_place[member->virtual_at]->servers[member->real_at];
	}
	free(by_place);
}

void xlvs_prober_start(struct xlvs_prober *prober, const struct xlvs_services *services,
		       void (*tell)(void *context, struct xlvs_server *server,
				    const struct xlvs_check_result *result),
		       void *context)
{
	bind_members(prober, services);
	prober->tell = tell;
	prober->context = context;
	uv_update_time(prober->loop);
	for (size_t i = 0; i < prober->n_probes; i++) {
		struct probe *probe = prober->probes[i];

		probe->due_ms = uv_now(prober->loop) + i / FIRST_PER_MS;
		arm(probe);
	}
}
