// SPDX-License-Identifier: GPL-2.0-or-later
/* Settings: what each may be, and the defences that IPVS switches by itself when memory is low. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/limits.h"
#include "model/plan.h"
#include "model/state.h"

static const struct rule {
	const char *name;
	int32_t initial;
	int32_t least;
	int32_t most;
} rules[] = {
#define RULE(name, initial, least, most) {#name, initial, least, most},
	XLVS_SETTINGS(RULE)
#undef RULE
};

static const char no_sync[] = "connection synchronisation is not supported yet";
static const char own_estimator[] = "rates are computed by xlvsd, which is no kernel thread";

/* Those that stay as they are, and why. */
static const struct fixed {
	const char *name;
	const char *value;
	const char *why;
} fixed[] = {
	{"backup_only", "0", no_sync},
	{"conntrack", "0", "packets are forwarded before netfilter sees them"},
	{"est_cpulist", "", own_estimator},
	{"est_nice", "0", own_estimator},
	{"ignore_tunneled", "1", "what travels inside a tunnel is never looked at"},
	{"nat_icmp_send", "0", "real servers without a connection are not told yet"},
	{"snat_reroute", "1", "replies are always routed as the virtual address's"},
	{"sync_persist_mode", "0", no_sync},
	{"sync_ports", "1", no_sync},
	{"sync_qlen_max", "0", no_sync},
	{"sync_refresh_period", "0", no_sync},
	{"sync_retries", "0", no_sync},
	{"sync_sock_size", "0", no_sync},
	{"sync_threshold", "3 50", no_sync},
	{"sync_version", "1", no_sync},
};

enum {
	FIXED = sizeof(fixed) / sizeof(fixed[0]),
};

void xlvs_model_init_settings(struct xlvs_model *model)
{
	for (size_t i = 0; i < XLVS_SETTINGS_END; i++)
		model->settings[i] = rules[i].initial;
}

static const struct rule *find_rule(const char *name)
{
	for (size_t i = 0; i < XLVS_SETTINGS_END; i++)
		if (!strcmp(rules[i].name, name))
			return &rules[i];
	return NULL;
}

static const struct fixed *find_fixed(const char *name)
{
	for (size_t i = 0; i < FIXED; i++)
		if (!strcmp(fixed[i].name, name))
			return &fixed[i];
	return NULL;
}

/* As the kernel reads one: decimal, octal or hexadecimal, with white space around it. */
static int read_number(const char *text, const struct rule *rule, int32_t *ret_number)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(text, &end, 0);
	if (end == text || errno || end[strspn(end, " \t\n")] || number < rule->least ||
	    number > rule->most)
		return -EINVAL;
	*ret_number = (int32_t)number;
	return 0;
}

/* The same words, however far apart. */
static bool is_same(const char *a, const char *b)
{
	static const char blanks[] = " \t\n";

	for (;;) {
		size_t bytes;

		a += strspn(a, blanks);
		b += strspn(b, blanks);
		bytes = strcspn(a, blanks);
		if (bytes != strcspn(b, blanks) || memcmp(a, b, bytes) != 0)
			return false;
		if (!bytes)
			return true;
		a += bytes;
		b += bytes;
	}
}

/* A defence that is not automatic is on or off at once; one that is waits for the next look. */
static int32_t drop_rate(const struct xlvs_model *model)
{
	switch (model->settings[XLVS_SETTING_drop_packet]) {
	case XLVS_DEFENCE_NEVER:
	case XLVS_DEFENCE_WAITING:
		return 0;
	case XLVS_DEFENCE_ALERT:
		return model->drop_rate;
	default:
		return model->settings[XLVS_SETTING_am_droprate];
	}
}

static void plan_settings(struct xlvs_plan *plan)
{
	xlvs_plan_add(plan, (struct xlvs_op){
				    .kind = XLVS_OP_SETTINGS,
				    .service = XLVS_NONE,
				    .dest = XLVS_NONE,
			    });
}

int xlvs_model_set_setting(struct xlvs_model *model, const char *name, const char *value,
			   struct xlvs_plan *plan, struct xlvs_error *reterr)
{
	const struct fixed *constant = find_fixed(name);
	const struct rule *rule = find_rule(name);
	int32_t number;
	int r;

	if (constant)
		return is_same(value, constant->value)
			       ? 0
			       : xlvs_refuse(reterr, -EOPNOTSUPP, "net.ipv4.vs.%s stays \"%s\": %s",
					     name, constant->value, constant->why);
	if (!rule)
		return xlvs_refuse(reterr, -ENOENT, "there is no setting net.ipv4.vs.%s", name);
	if (read_number(value, rule, &number) < 0)
		return xlvs_refuse(reterr, -EINVAL, "net.ipv4.vs.%s is a number from %d to %d",
				   name, rule->least, rule->most);
	r = xlvs_plan_reserve(plan, 1);
	if (r < 0)
		return r;
	model->settings[rule - rules] = number;
	model->drop_rate = drop_rate(model);
	plan_settings(plan);
	return 0;
}

int32_t xlvs_model_setting(const struct xlvs_model *model, enum xlvs_setting setting)
{
	return model->settings[setting];
}

bool xlvs_model_nth_setting(const struct xlvs_model *model, size_t n, const char **ret_name,
			    char ret_value[static XLVS_SETTING_BYTES])
{
	if (n < XLVS_SETTINGS_END) {
		*ret_name = rules[n].name;
		snprintf(ret_value, XLVS_SETTING_BYTES, "%d", model->settings[n]);
		return true;
	}
	n -= XLVS_SETTINGS_END;
	if (n >= FIXED)
		return false;
	*ret_name = fixed[n].name;
	snprintf(ret_value, XLVS_SETTING_BYTES, "%s", fixed[n].value);
	return true;
}

int32_t xlvs_model_drop_rate(const struct xlvs_model *model)
{
	return model->drop_rate;
}

static bool is_automatic(int32_t mode)
{
	return mode == XLVS_DEFENCE_WAITING || mode == XLVS_DEFENCE_ALERT;
}

int xlvs_model_defend(struct xlvs_model *model, uint64_t free_pages, struct xlvs_plan *plan)
{
	static const enum xlvs_setting defences[] = {
		XLVS_SETTING_drop_entry, XLVS_SETTING_drop_packet, XLVS_SETTING_secure_tcp};
	int64_t wanted = model->settings[XLVS_SETTING_amemthresh];
	int64_t missing = wanted - (int64_t)free_pages;
	int32_t mode = missing > 0 ? XLVS_DEFENCE_ALERT : XLVS_DEFENCE_WAITING;
	int32_t rate = missing > 0 ? (int32_t)(wanted / missing) : 0;
	bool changes = false;
	int r = xlvs_plan_reserve(plan, 1);

	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(defences) / sizeof(defences[0]); i++) {
		int32_t *setting = &model->settings[defences[i]];

		if (!is_automatic(*setting))
			continue;
		changes |= *setting != mode;
		*setting = mode;
	}
	if (!is_automatic(model->settings[XLVS_SETTING_drop_packet]))
		rate = drop_rate(model);
	changes |= model->drop_rate != rate;
	model->drop_rate = rate;
	if (changes)
		plan_settings(plan);
	return 0;
}

int xlvs_model_adopt_settings(struct xlvs_model *model,
			      const int32_t settings[static XLVS_SETTINGS_END], int32_t rate)
{
	for (size_t i = 0; i < XLVS_SETTINGS_END; i++)
		if (settings[i] < rules[i].least || settings[i] > rules[i].most)
			return -EINVAL;
	memcpy(model->settings, settings, sizeof(model->settings));
	model->drop_rate = rate;
	return 0;
}
