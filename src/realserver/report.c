// SPDX-License-Identifier: GPL-2.0-or-later
/* Comparing what is on record with what is. */
#include "realserver/decap.h"
#include "realserver/host.h"
#include "realserver/state.h"
#include "realserver/sysctl.h"
#include "realserver/toa.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What all checks look at. */
struct view {
	struct xlvs_rs_state state;
	struct xlvs_rs_host host;
	struct xlvs_rs_decap decap;
	bool has_decap;
	struct xlvs_rs_toa toa;
	bool has_toa;
};

/* The checks of one VIP as they are written. */
struct list {
	const struct xlvs_rs_vip *vip;
	struct xlvs_rs_vip_report *report;
	char text[INET6_ADDRSTRLEN]; /* the VIP */
	char again[XLVS_RS_MEND_BYTES]; /* the command that adds the VIP again */
	int error;
};

static struct xlvs_rs_check *append(struct list *list)
{
	struct xlvs_rs_vip_report *report = list->report;
	struct xlvs_rs_check *grown;

	grown = reallocarray(report->checks, report->n_checks + 1, sizeof(*grown));
	if (!grown) {
		list->error = -ENOMEM;
		return NULL;
	}
	report->checks = grown;
	grown[report->n_checks] = (struct xlvs_rs_check){};
	return &grown[report->n_checks++];
}

/* `mend` is the command for when it is not ok. */
__attribute__((format(printf, 4, 5))) static void check(struct list *list, bool ok,
							const char *mend, const char *format, ...)
{
	struct xlvs_rs_check *next = append(list);
	va_list args;

	if (!next)
		return;
	next->ok = ok;
	va_start(args, format);
	vsnprintf(next->what, sizeof(next->what), format, args);
	va_end(args);
	if (!ok)
		snprintf(next->mend, sizeof(next->mend), "%s", mend);
}

static void write_again(struct list *list)
{
	const struct xlvs_rs_vip *vip = list->vip;
	XLVS_AUTO_FCLOSE FILE *to = fmemopen(list->again, sizeof(list->again), "w");
	char text[INET6_ADDRSTRLEN];

	if (!to) {
		list->error = -errno;
		return;
	}
	fprintf(to, "xlvs rs add %s --method %s", list->text, xlvs_rs_method_name(vip->method));
	for (size_t i = 0; i < vip->n_interfaces; i++)
		fprintf(to, " -i %s", vip->interfaces[i]);
	for (size_t i = 0; i < vip->n_directors; i++)
		fprintf(to, " --from %s", xlvs_rs_address_text(&vip->directors[i], text));
	if (vip->method == XLVS_RS_TUN && vip->gue_port != XLVS_RS_GUE_PORT)
		fprintf(to, " --tun-port %u", vip->gue_port);
	if (vip->method == XLVS_RS_FULLNAT &&
	    (vip->toa_kind != XLVS_TOA_KIND || vip->toa_kind6 != XLVS_TOA_KIND6))
		fprintf(to, " --toa-kind %u,%u", vip->toa_kind, vip->toa_kind6);
}

static void check_address(const struct view *view, struct list *list)
{
	const struct in6_addr *address = &list->vip->address;
	int bits = IN6_IS_ADDR_V4MAPPED(address) ? 32 : 128;
	char other[IF_NAMESIZE], mend[128];
	bool on_lo = xlvs_rs_host_on_lo(&view->host, address);

	check(list, xlvs_rs_host_lo_up(&view->host), "ip link set lo up", "lo is %s",
	      xlvs_rs_host_lo_up(&view->host) ? "up" : "down");
	check(list, on_lo, list->again, "%s/%d is %son lo", list->text, bits, on_lo ? "" : "not ");
	if (!xlvs_rs_host_elsewhere(&view->host, address, other))
		return;
	snprintf(mend, sizeof(mend), "ip addr del %s/%d dev %s", list->text, bits, other);
	check(list, false, mend, "%s is also on %s, where it is answered for", list->text, other);
}

static void check_interfaces(const struct view *view, struct list *list)
{
	const struct xlvs_rs_vip *vip = list->vip;
	XLVS_AUTO_FREE struct xlvs_rs_interface *interfaces = NULL;
	static const char *const modes[] = {"does not decapsulate", "decapsulates (native XDP)",
					    "decapsulates (generic XDP)"};
	struct xlvs_rs_check *next;
	size_t n = 0;

	for (size_t i = 0; i < vip->n_interfaces; i++)
		if (!if_nametoindex(vip->interfaces[i]))
			check(list, false, "create it, or delete the VIP and add it again",
			      "there is no interface %s", vip->interfaces[i]);
	if (xlvs_rs_host_facing(&view->host, vip, &interfaces, &n))
		list->error = -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		enum xlvs_rs_attached mode = xlvs_rs_decap_attached(interfaces[i].ifindex);

		for (int j = 0; j < XLVS_RS_SYSCTL_RULES && xlvs_rs_sysctl_needed(vip); j++) {
			next = append(list);
			if (next)
				xlvs_rs_sysctl_check(j, vip, interfaces[i].name, next);
		}
		if (vip->method == XLVS_RS_TUN)
			check(list, mode != XLVS_RS_NOT_ATTACHED, list->again, "%s %s",
			      interfaces[i].name, modes[mode]);
	}
}

static void check_decap(const struct view *view, struct list *list)
{
	XLVS_AUTO_FREE struct in6_addr *addresses = NULL;
	bool accepts = view->has_decap && xlvs_rs_decap_accepts(&view->decap, list->vip);
	char text[INET6_ADDRSTRLEN];
	size_t n = 0;

	check(list, accepts, list->again, "tunnel packets for it are %staken from %s",
	      accepts ? "" : "not ", list->vip->n_directors ? "its directors" : "anybody");
	if (xlvs_rs_host_addresses(&view->host, &addresses, &n))
		list->error = -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (view->has_decap && !xlvs_rs_state_find(&view->state, &addresses[i]) &&
		    !xlvs_rs_decap_has_local(&view->decap, &addresses[i]))
			check(list, false, list->again, "tunnel packets to %s are not taken",
			      xlvs_rs_address_text(&addresses[i], text));
}

static void check_toa(const struct view *view, struct list *list)
{
	bool ok = view->has_toa &&
		  xlvs_rs_toa_believes(&view->toa, view->state.netns_cookie, list->vip);

	check(list, ok, list->again, "programs are %stold the client's address by its directors",
	      ok ? "" : "not ");
}

static bool is_director(const struct xlvs_rs_vip *vip, const struct in6_addr *address)
{
	for (size_t i = 0; i < vip->n_directors; i++)
		if (IN6_ARE_ADDR_EQUAL(&vip->directors[i], address))
			return true;
	return false;
}

static void check_way_back(const struct view *view, struct list *list, struct xlvs_error *reterr)
{
	const struct xlvs_rs_vip *vip = list->vip;
	bool is4 = IN6_IS_ADDR_V4MAPPED(&vip->address);
	struct in6_addr gateways[XLVS_RS_DIRECTORS_MAX];
	char text[INET6_ADDRSTRLEN], mend[128];
	const char *family = is4 ? "IPv4" : "IPv6";
	size_t n = 0;

	list->error = xlvs_rs_host_gateways(&view->host, &vip->address, gateways, &n, reterr);
	snprintf(mend, sizeof(mend), "ip %sroute replace default via %s", is4 ? "" : "-6 ",
		 xlvs_rs_address_text(&vip->directors[0], text));
	if (!n)
		check(list, false, mend, "there is no %s default route through a gateway", family);
	for (size_t i = 0; i < n; i++) {
		bool ok = is_director(vip, &gateways[i]);

		xlvs_rs_address_text(&gateways[i], text);
		check(list, ok, mend, "the %s default route goes through %s, %s director", family,
		      text, ok ? "the" : "which is no");
	}
}

static int look_at(const struct view *view, const struct xlvs_rs_vip *vip,
		   struct xlvs_rs_vip_report *ret, struct xlvs_error *reterr)
{
	struct list list = {.vip = vip, .report = ret};

	ret->vip = *vip;
	xlvs_rs_address_text(&vip->address, list.text);
	write_again(&list);
	if (vip->method == XLVS_RS_NAT) {
		check_way_back(view, &list, reterr);
		return list.error;
	}
	if (vip->method == XLVS_RS_FULLNAT) {
		check_toa(view, &list);
		return list.error;
	}
	check_address(view, &list);
	check_interfaces(view, &list);
	if (!list.error && vip->method == XLVS_RS_TUN)
		check_decap(view, &list);
	return list.error;
}

static int look(struct view *view, struct xlvs_rs_report *ret, struct xlvs_error *reterr)
{
	struct xlvs_rs_report report = {};
	int r = 0;

	report.vips = calloc(view->state.n_entries + 1, sizeof(*report.vips));
	if (!report.vips)
		return -ENOMEM;
	view->has_decap = !xlvs_rs_decap_find(&view->host, &view->decap, NULL);
	report.has_counts = view->has_decap && !xlvs_rs_decap_counts(&view->decap, report.counts);
	view->has_toa = !xlvs_rs_toa_find(&view->toa, NULL);
	report.has_toa_counts =
		view->has_toa &&
		!xlvs_rs_toa_counts(&view->toa, view->state.netns_cookie, report.toa_counts);
	for (size_t i = 0; i < view->state.n_entries && !r; i++)
		r = look_at(view, &view->state.entries[i].vip, &report.vips[report.n_vips++],
			    reterr);
	if (view->has_decap)
		xlvs_rs_decap_close(&view->decap);
	if (view->has_toa)
		xlvs_rs_toa_close(&view->toa);
	if (r)
		xlvs_rs_report_done(&report);
	else
		*ret = report;
	return r;
}

int xlvs_rs_look(struct xlvs_rs_report *ret, struct xlvs_error *reterr)
{
	struct view view = {};
	int r;

	r = xlvs_rs_state_open(&view.state, reterr);
	if (r)
		return r;
	r = xlvs_rs_host_open(&view.host, reterr);
	if (!r) {
		r = look(&view, ret, reterr);
		xlvs_rs_host_close(&view.host);
	}
	xlvs_rs_state_close(&view.state);
	return r;
}

void xlvs_rs_report_done(struct xlvs_rs_report *report)
{
	for (size_t i = 0; i < report->n_vips; i++)
		free(report->vips[i].checks);
	free(report->vips);
}
