// SPDX-License-Identifier: GPL-2.0-or-later
/* Adding and deleting a VIP.
 *
 * Settings come before the address and go after it, so that there is no moment at which a
 * neighbour could learn that the VIP is here. The record comes first of all; a failure half way is
 * undone by the same steps as a deletion. */
#include "realserver/decap.h"
#include "realserver/host.h"
#include "realserver/state.h"
#include "realserver/sysctl.h"
#include "realserver/toa.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

/* Packets come for the VIP itself. */
static bool holds_vip(enum xlvs_rs_method method)
{
	return method == XLVS_RS_DR || method == XLVS_RS_TUN;
}

/* Everything but the server's VIPs is an address that tunnels may end at. */
static int tell_locals(const struct xlvs_rs_decap *decap, const struct xlvs_rs_host *host,
		       const struct xlvs_rs_state *state, struct xlvs_error *reterr)
{
	XLVS_AUTO_FREE struct in6_addr *addresses = NULL;
	size_t n, kept = 0;
	int r;

	r = xlvs_rs_host_addresses(host, &addresses, &n);
	if (r)
		return r;
	for (size_t i = 0; i < n; i++)
		if (!xlvs_rs_state_find(state, &addresses[i]))
			addresses[kept++] = addresses[i];
	return xlvs_rs_decap_set_locals(decap, addresses, kept, reterr);
}

static int start_decap(const struct xlvs_rs_vip *vip, const struct xlvs_rs_host *host,
		       const struct xlvs_rs_state *state, struct xlvs_error *reterr)
{
	XLVS_AUTO_FREE struct xlvs_rs_interface *interfaces = NULL;
	struct xlvs_rs_decap decap;
	size_t n;
	int r;

	r = xlvs_rs_host_facing(host, vip, &interfaces, &n);
	if (r)
		return r;
	r = xlvs_rs_decap_find(host, &decap, reterr);
	if (r == -ENOENT)
		r = xlvs_rs_decap_load(&decap, reterr);
	if (r)
		return r;
	r = tell_locals(&decap, host, state, reterr);
	if (!r)
		r = xlvs_rs_decap_accept(&decap, vip, reterr);
	for (size_t i = 0; i < n && !r; i++)
		r = xlvs_rs_decap_attach(&decap, &interfaces[i], reterr);
	xlvs_rs_decap_close(&decap);
	return r;
}

static bool is_decap_wanted(const struct xlvs_rs_state *state, const char *interface)
{
	for (size_t i = 0; i < state->n_entries; i++) {
		const struct xlvs_rs_vip *vip = &state->entries[i].vip;

		if (vip->method != XLVS_RS_TUN)
			continue;
		if (!vip->n_interfaces)
			return true;
		for (size_t j = 0; j < vip->n_interfaces; j++)
			if (strcmp(vip->interfaces[j], interface) == 0)
				return true;
	}
	return false;
}

/* `state` no longer has the VIP. */
static int stop_decap(const struct xlvs_rs_vip *vip, const struct xlvs_rs_host *host,
		      const struct xlvs_rs_state *state, struct xlvs_error *reterr)
{
	XLVS_AUTO_FREE struct xlvs_rs_interface *interfaces = NULL;
	struct xlvs_rs_decap decap;
	int ret = 0;
	size_t n;

	if (!xlvs_rs_decap_find(host, &decap, NULL)) {
		xlvs_rs_decap_refuse(&decap, vip);
		xlvs_rs_decap_close(&decap);
	}
	ret = xlvs_rs_host_interfaces(host, &interfaces, &n);
	for (size_t i = 0; i < n && !ret; i++)
		if (!is_decap_wanted(state, interfaces[i].name))
			ret = xlvs_rs_decap_detach(&interfaces[i], reterr);
	return ret;
}

/* Takes the VIP from the record too. Goes on after a failure and returns the last one. */
static int undo(struct xlvs_rs_state *state, const struct xlvs_rs_host *host,
		struct xlvs_rs_entry *entry, struct xlvs_error *reterr)
{
	struct xlvs_rs_entry gone = *entry;
	int ret = 0, r;

	xlvs_rs_state_remove_entry(state, entry);
	if (gone.vip.method == XLVS_RS_TUN)
		ret = stop_decap(&gone.vip, host, state, reterr);
	if (gone.vip.method == XLVS_RS_FULLNAT)
		ret = xlvs_rs_toa_follow(state, reterr);
	r = gone.address_added ? xlvs_rs_host_del_vip(host, &gone.vip.address, reterr) : 0;
	ret = r ? r : ret;
	r = xlvs_rs_sysctl_restore(state, reterr);
	return r ? r : ret;
}

static bool is_same(const struct xlvs_rs_vip *a, const struct xlvs_rs_vip *b)
{
	if (a->method != b->method || a->n_interfaces != b->n_interfaces ||
	    a->n_directors != b->n_directors || a->gue_port != b->gue_port ||
	    a->toa_kind != b->toa_kind || a->toa_kind6 != b->toa_kind6)
		return false;
	for (size_t i = 0; i < a->n_interfaces; i++)
		if (strcmp(a->interfaces[i], b->interfaces[i]) != 0)
			return false;
	return !memcmp(a->directors, b->directors, a->n_directors * sizeof(a->directors[0]));
}

/* What does not go together. */
static int check_words(const struct xlvs_rs_vip *vip, struct xlvs_error *reterr)
{
	const char *method = xlvs_rs_method_name(vip->method);
	bool is4 = IN6_IS_ADDR_V4MAPPED(&vip->address);

	if (vip->method == XLVS_RS_DR && vip->n_directors)
		return xlvs_refuse(reterr, -EINVAL, "method %s takes no --from", method);
	if (vip->method != XLVS_RS_TUN && vip->gue_port)
		return xlvs_refuse(reterr, -EINVAL, "method %s takes no --tun-port", method);
	if (vip->method != XLVS_RS_FULLNAT && vip->toa_kind)
		return xlvs_refuse(reterr, -EINVAL, "method %s takes no --toa-kind", method);
	if (holds_vip(vip->method))
		return 0;
	if (vip->n_interfaces)
		return xlvs_refuse(reterr, -EINVAL, "method %s takes no -i", method);
	if (!vip->n_directors)
		return xlvs_refuse(reterr, -EINVAL, "method %s needs --from DIRECTOR", method);
	for (size_t i = 0; i < vip->n_directors && vip->method == XLVS_RS_NAT; i++)
		if (is4 != IN6_IS_ADDR_V4MAPPED(&vip->directors[i]))
			return xlvs_refuse(reterr, -EINVAL,
					   "with method %s VIP and director are both IPv4 or both "
					   "IPv6",
					   method);
	return 0;
}

/* The server cannot tell which VIP a packet was for, so all have the same kinds. */
static int check_kinds(const struct xlvs_rs_state *state, const struct xlvs_rs_vip *vip,
		       struct xlvs_error *reterr)
{
	const struct xlvs_rs_vip *other = xlvs_rs_state_fullnat(state);
	char text[INET6_ADDRSTRLEN];

	if (vip->method != XLVS_RS_FULLNAT || !other ||
	    (other->toa_kind == vip->toa_kind && other->toa_kind6 == vip->toa_kind6))
		return 0;
	return xlvs_refuse(reterr, -EEXIST,
			   "%s has --toa-kind %u,%u: all VIPs of method fullnat have the same",
			   xlvs_rs_address_text(&other->address, text), other->toa_kind,
			   other->toa_kind6);
}

/* Everything that can be refused without touching anything. */
static int check_vip(const struct xlvs_rs_vip *vip, const struct xlvs_rs_host *host,
		     struct xlvs_error *reterr)
{
	char text[INET6_ADDRSTRLEN], interface[IF_NAMESIZE];

	xlvs_rs_address_text(&vip->address, text);
	for (size_t i = 0; i < vip->n_interfaces; i++)
		if (!if_nametoindex(vip->interfaces[i]))
			return xlvs_refuse(reterr, -ENODEV, "no interface %s", vip->interfaces[i]);
	if (!holds_vip(vip->method))
		return 0;
	if (xlvs_rs_host_elsewhere(host, &vip->address, interface))
		return xlvs_refuse(reterr, -EEXIST,
				   "%s is on %s, where it is answered for: remove it from there",
				   text, interface);
	if (!xlvs_rs_host_lo_up(host))
		return xlvs_refuse(reterr, -ENETDOWN, "lo is down: ip link set lo up");
	return 0;
}

static int plan(struct xlvs_rs_state *state, const struct xlvs_rs_vip *vip,
		const struct xlvs_rs_host *host, struct xlvs_error *reterr)
{
	XLVS_AUTO_FREE struct xlvs_rs_interface *interfaces = NULL;
	size_t n;
	int r;

	r = xlvs_rs_host_facing(host, vip, &interfaces, &n);
	if (!r && !n)
		return xlvs_refuse(reterr, -ENODEV, "no Ethernet interface is up");
	if (!r)
		r = xlvs_rs_sysctl_plan(state, vip, interfaces, n);
	if (r)
		return xlvs_refuse(reterr, r, "kernel settings cannot be read: %s", strerror(-r));
	return 0;
}

static int apply(struct xlvs_rs_state *state, const struct xlvs_rs_host *host,
		 const struct xlvs_rs_entry *entry, struct xlvs_error *reterr)
{
	int r;

	if (entry->vip.method == XLVS_RS_FULLNAT)
		return xlvs_rs_toa_follow(state, reterr);
	if (!holds_vip(entry->vip.method))
		return 0;
	r = xlvs_rs_sysctl_apply(state, reterr);
	if (!r && entry->vip.method == XLVS_RS_TUN)
		r = start_decap(&entry->vip, host, state, reterr);
	if (!r && !xlvs_rs_host_on_lo(host, &entry->vip.address))
		r = xlvs_rs_host_add_vip(host, &entry->vip.address, reterr);
	return r;
}

static int add(struct xlvs_rs_state *state, const struct xlvs_rs_host *host,
	       const struct xlvs_rs_vip *vip, bool *ret_known, struct xlvs_error *reterr)
{
	struct xlvs_rs_entry *entry = xlvs_rs_state_find(state, &vip->address);
	char text[INET6_ADDRSTRLEN];
	bool known = entry;
	int r;

	if (known && !is_same(&entry->vip, vip))
		return xlvs_refuse(reterr, -EEXIST,
				   "%s is set already, with other options: delete it first",
				   xlvs_rs_address_text(&vip->address, text));
	r = check_words(vip, reterr);
	if (!r)
		r = check_vip(vip, host, reterr);
	if (!r)
		r = check_kinds(state, vip, reterr);
	if (!r && holds_vip(vip->method))
		r = plan(state, vip, host, reterr);
	if (r)
		return r;
	if (!known) {
		struct xlvs_rs_entry fresh = {.vip = *vip};

		fresh.address_added =
			holds_vip(vip->method) && !xlvs_rs_host_on_lo(host, &vip->address);
		r = xlvs_rs_state_add_entry(state, &fresh);
		entry = xlvs_rs_state_find(state, &vip->address);
	}
	if (!r)
		r = xlvs_rs_state_save(state, reterr);
	if (!r)
		r = apply(state, host, entry, reterr);
	if (r && !known && entry) {
		undo(state, host, entry, NULL);
		xlvs_rs_state_save(state, NULL);
	}
	if (!r)
		*ret_known = known;
	return r;
}

int xlvs_rs_add(const struct xlvs_rs_vip *vip, bool *ret_known, struct xlvs_error *reterr)
{
	struct xlvs_rs_state state;
	struct xlvs_rs_host host;
	int r;

	r = xlvs_rs_state_open(&state, reterr);
	if (r)
		return r;
	r = xlvs_rs_host_open(&host, reterr);
	if (!r) {
		r = add(&state, &host, vip, ret_known, reterr);
		xlvs_rs_host_close(&host);
	}
	xlvs_rs_state_close(&state);
	return r;
}

int xlvs_rs_del(const struct in6_addr *address, bool *ret_known, struct xlvs_error *reterr)
{
	struct xlvs_rs_entry *entry;
	struct xlvs_rs_state state;
	struct xlvs_rs_host host;
	int r;

	r = xlvs_rs_state_open(&state, reterr);
	if (r)
		return r;
	r = xlvs_rs_host_open(&host, reterr);
	if (r) {
		xlvs_rs_state_close(&state);
		return r;
	}
	entry = xlvs_rs_state_find(&state, address);
	if (entry)
		r = undo(&state, &host, entry, reterr);
	if (entry && !r)
		r = xlvs_rs_state_save(&state, reterr);
	if (!r)
		*ret_known = entry;
	xlvs_rs_host_close(&host);
	xlvs_rs_state_close(&state);
	return r;
}
