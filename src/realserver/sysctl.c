// SPDX-License-Identifier: GPL-2.0-or-later
/* arp_ignore 1: an interface answers ARP for its own addresses only. arp_announce 2: an ARP request
 * of ours never carries the VIP as its sender, from which neighbours would learn it. rp_filter 1
 * drops packets whose answer would leave by another interface, which is how replies to clients go
 * when the director stands on a network of its own; 2 only asks that there be a way back. */
#include "realserver/sysctl.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

static bool ignores(int value)
{
	return value == 1 || value == 2 || value == 8;
}

static bool hides(int value)
{
	return value == 2;
}

static bool is_not_strict(int value)
{
	return value != 1;
}

static const struct rule {
	const char *key;
	bool (*is_right)(int value);
	int set;
	bool always_own; /* set on the interface even if the VIP names none */
	const char *good;
	const char *bad;
} rules[XLVS_RS_SYSCTL_RULES] = {
	{"arp_ignore", ignores, 1, false, "answers no ARP for it", "answers ARP for it"},
	{"arp_announce", hides, 2, false, "sends no ARP from it", "may send ARP from it"},
	{"rp_filter", is_not_strict, 2, true, "lets its packets in",
	 "may refuse its packets as coming from the wrong side"},
};

static void name_setting(char *ret, size_t bytes, const char *interface, const char *key)
{
	snprintf(ret, bytes, "net/ipv4/conf/%s/%s", interface, key);
}

static FILE *open_setting(const char *name, const char *mode)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	return fopen(path, mode);
}

static int read_setting(const char *name, int *ret)
{
	XLVS_AUTO_FCLOSE FILE *file = open_setting(name, "re");
	int value;

	if (!file)
		return -errno;
	if (fscanf(file, "%d", &value) != 1)
		return -EIO;
	*ret = value;
	return 0;
}

static int write_setting(const char *name, int value)
{
	FILE *file = open_setting(name, "we");

	if (!file)
		return -errno;
	fprintf(file, "%d\n", value);
	return fclose(file) ? -errno : 0;
}

bool xlvs_rs_sysctl_needed(const struct xlvs_rs_vip *vip)
{
	return IN6_IS_ADDR_V4MAPPED(&vip->address) && vip->method != XLVS_RS_NAT;
}

/* 0 for an interface that is gone. */
static int value_of(const struct rule *rule, const char *interface)
{
	char name[96];
	int value = 0;

	name_setting(name, sizeof(name), interface, rule->key);
	read_setting(name, &value);
	return value;
}

/* What counts on this interface. */
static int effective(const struct rule *rule, const char *interface)
{
	int own = value_of(rule, interface), all = value_of(rule, "all");

	return own > all ? own : all;
}

/* Which of the two to set: one that is larger than ours would hide it. */
static const char *target(const struct rule *rule, const struct xlvs_rs_vip *vip,
			  const char *interface)
{
	if (value_of(rule, "all") > rule->set)
		return "all";
	if (rule->always_own || vip->n_interfaces || value_of(rule, interface) > rule->set)
		return interface;
	return "all";
}

static int plan_rule(struct xlvs_rs_state *state, const struct rule *rule, const char *interface)
{
	struct xlvs_rs_sysctl sysctl = {.set = rule->set, .pending = true};
	int r;

	name_setting(sysctl.name, sizeof(sysctl.name), interface, rule->key);
	for (size_t i = 0; i < state->n_sysctls; i++) {
		if (strcmp(state->sysctls[i].name, sysctl.name) != 0)
			continue;
		state->sysctls[i].pending = true;
		return 0;
	}
	r = read_setting(sysctl.name, &sysctl.before);
	return r ? r : xlvs_rs_state_add_sysctl(state, &sysctl);
}

int xlvs_rs_sysctl_plan(struct xlvs_rs_state *state, const struct xlvs_rs_vip *vip,
			const struct xlvs_rs_interface *interfaces, size_t n_interfaces)
{
	if (!xlvs_rs_sysctl_needed(vip))
		return 0;
	for (size_t i = 0; i < n_interfaces; i++) {
		for (int j = 0; j < XLVS_RS_SYSCTL_RULES; j++) {
			const char *name = interfaces[i].name;
			int r = 0;

			if (!rules[j].is_right(effective(&rules[j], name)))
				r = plan_rule(state, &rules[j], target(&rules[j], vip, name));
			if (r)
				return r;
		}
	}
	return 0;
}

int xlvs_rs_sysctl_apply(struct xlvs_rs_state *state, struct xlvs_error *reterr)
{
	for (size_t i = 0; i < state->n_sysctls; i++) {
		struct xlvs_rs_sysctl *sysctl = &state->sysctls[i];
		int r = sysctl->pending ? write_setting(sysctl->name, sysctl->set) : 0;

		if (r)
			return xlvs_refuse(reterr, r, "/proc/sys/%s cannot be written: %s",
					   sysctl->name, strerror(-r));
		sysctl->pending = false;
	}
	return 0;
}

/* A VIP leans on the settings of the interfaces it names and on those of "all"; one that names no
 * interface may lean on any. */
static bool leans_on(const struct xlvs_rs_vip *vip, const char *name)
{
	char prefix[64];

	if (!xlvs_rs_sysctl_needed(vip))
		return false;
	if (!vip->n_interfaces)
		return true;
	name_setting(prefix, sizeof(prefix), "all", "");
	if (!strncmp(name, prefix, strlen(prefix)))
		return true;
	for (size_t i = 0; i < vip->n_interfaces; i++) {
		name_setting(prefix, sizeof(prefix), vip->interfaces[i], "");
		if (!strncmp(name, prefix, strlen(prefix)))
			return true;
	}
	return false;
}

static bool is_needed(const struct xlvs_rs_state *state, const char *name)
{
	for (size_t i = 0; i < state->n_entries; i++)
		if (leans_on(&state->entries[i].vip, name))
			return true;
	return false;
}

int xlvs_rs_sysctl_restore(struct xlvs_rs_state *state, struct xlvs_error *reterr)
{
	size_t kept = 0;
	int ret = 0;

	for (size_t i = 0; i < state->n_sysctls; i++) {
		struct xlvs_rs_sysctl sysctl = state->sysctls[i];
		int value = 0, r = 0;

		if (is_needed(state, sysctl.name)) {
			state->sysctls[kept++] = sysctl;
			continue;
		}
		if (!read_setting(sysctl.name, &value) && value == sysctl.set)
			r = write_setting(sysctl.name, sysctl.before);
		if (r)
			ret = xlvs_refuse(reterr, r, "/proc/sys/%s cannot be written: %s",
					  sysctl.name, strerror(-r));
	}
	state->n_sysctls = kept;
	return ret;
}

/* sysctl(8) takes a dot for a slash and a slash for a dot. */
static void dotted(char *name)
{
	for (; *name; name++) {
		if (*name == '/')
			*name = '.';
		else if (*name == '.')
			*name = '/';
	}
}

void xlvs_rs_sysctl_check(int rule, const struct xlvs_rs_vip *vip, const char *interface,
			  struct xlvs_rs_check *ret)
{
	const struct rule *judge = &rules[rule];
	int value = effective(judge, interface);
	char name[96];

	ret->ok = judge->is_right(value);
	snprintf(ret->what, sizeof(ret->what), "%s %s (%s %d)", interface,
		 ret->ok ? judge->good : judge->bad, judge->key, value);
	name_setting(name, sizeof(name), target(judge, vip, interface), judge->key);
	dotted(name);
	ret->mend[0] = '\0';
	if (!ret->ok)
		snprintf(ret->mend, sizeof(ret->mend), "sysctl -w %s=%d", name, judge->set);
}
