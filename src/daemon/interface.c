// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/interface.h"

#include "control/host_pair.h"
#include "daemon/log.h"

#include <errno.h>
#include <linux/if_arp.h>
#include <stdlib.h>
#include <string.h>

struct xlvs_interfaces {
	const struct xlvs_options *options;
	struct xlvs_loader *loader; /* NULL until started */
	struct xlvs_interface *first;
	bool egress_wanted;
	uint32_t host_ifindex; /* near end of the pair for the host's own programs; 0: none */
};

int xlvs_interfaces_new(const struct xlvs_options *options, struct xlvs_interfaces **ret_interfaces)
{
	struct xlvs_interfaces *interfaces = calloc(1, sizeof(*interfaces));

	if (!interfaces)
		return -ENOMEM;
	interfaces->options = options;
	interfaces->host_ifindex = XLVS_NONE; /* whatever a former daemon left */
	*ret_interfaces = interfaces;
	return 0;
}

void xlvs_interfaces_free(struct xlvs_interfaces *interfaces)
{
	struct xlvs_interface *interface, *next;

	if (!interfaces)
		return;
	for (interface = interfaces->first; interface; interface = next) {
		next = interface->next;
		free(interface);
	}
	free(interfaces);
}

/* The place of an ifindex in the list, or where it belongs. */
static struct xlvs_interface **find_slot(struct xlvs_interfaces *interfaces, uint32_t ifindex)
{
	struct xlvs_interface **slot = &interfaces->first;

	while (*slot && (*slot)->link.ifindex < ifindex)
		slot = &(*slot)->next;
	return slot;
}

struct xlvs_interface *xlvs_interfaces_find(const struct xlvs_interfaces *interfaces,
					    uint32_t ifindex)
{
	for (struct xlvs_interface *interface = interfaces->first; interface;
	     interface = interface->next)
		if (interface->link.ifindex == ifindex)
			return interface;
	return NULL;
}

const struct xlvs_interface *xlvs_interfaces_first(const struct xlvs_interfaces *interfaces)
{
	return interfaces->first;
}

static bool is_named(const struct xlvs_options *options, const char *name)
{
	for (size_t i = 0; i < options->n_interfaces; i++)
		if (strcmp(options->interfaces[i], name) == 0)
			return true;
	return false;
}

static bool is_of_host_pair(const struct xlvs_link *link)
{
	return !strcmp(link->name, XLVS_HOST_NEAR) || !strcmp(link->name, XLVS_HOST_FAR);
}

static bool is_meant_by_all(const struct xlvs_link *link)
{
	bool is_port = link->master_kind[0] && strcmp(link->master_kind, "vrf") != 0;

	return link->type == ARPHRD_ETHER && !(link->flags & IFF_LOOPBACK) && !is_port &&
	       !is_of_host_pair(link) && strcmp(link->kind, "vrf") != 0 &&
	       strncmp(link->name, XLVS_DETOUR_NAME, strlen(XLVS_DETOUR_NAME)) != 0;
}

static bool is_wanted(const struct xlvs_interfaces *interfaces, const struct xlvs_link *link)
{
	return is_named(interfaces->options, link->name) ||
	       (interfaces->options->all && is_meant_by_all(link));
}

static const struct xlvs_link *find_up(const struct xlvs_interfaces *interfaces, const char *name)
{
	for (const struct xlvs_interface *interface = interfaces->first; interface;
	     interface = interface->next)
		if (!strcmp(interface->link.name, name) && interface->link.flags & IFF_UP)
			return &interface->link;
	return NULL;
}

/* What comes in native mode can only leave so. */
static bool is_all_native(const struct xlvs_interfaces *interfaces)
{
	const struct xlvs_interface *interface = interfaces->first;

	while (interface && (!interface->attached || interface->native))
		interface = interface->next;
	return !interface;
}

static int serve_host(struct xlvs_interfaces *interfaces, const struct xlvs_link *near,
		      const struct xlvs_link *far, struct xlvs_error *reterr)
{
	int r = 0;

	if (near && !is_all_native(interfaces))
		r = xlvs_refuse(reterr, -EOPNOTSUPP, "an interface is attached in generic mode");
	if (near && r == 0)
		return xlvs_loader_serve_host(interfaces->loader, near->ifindex, far->ifindex,
					      reterr);
	xlvs_loader_serve_host(interfaces->loader, 0, 0, NULL);
	return r;
}

static void follow_host_pair(struct xlvs_interfaces *interfaces)
{
	const struct xlvs_link *near = find_up(interfaces, XLVS_HOST_NEAR);
	const struct xlvs_link *far = find_up(interfaces, XLVS_HOST_FAR);
	uint32_t ifindex = near && far ? near->ifindex : 0;
	struct xlvs_error error = {{0}};

	if (!interfaces->loader || ifindex == interfaces->host_ifindex)
		return;
	interfaces->host_ifindex = ifindex;
	if (serve_host(interfaces, ifindex ? near : NULL, far, &error) < 0)
		xlvs_log(LOG_ERR, "programs on this host do not reach its services: %s",
			 error.text);
	else if (ifindex)
		xlvs_log(LOG_INFO, "programs on this host reach its services by " XLVS_HOST_NEAR);
}

int xlvs_interfaces_check(const struct xlvs_interfaces *interfaces, struct xlvs_error *reterr)
{
	const struct xlvs_options *options = interfaces->options;

	for (size_t i = 0; i < options->n_interfaces; i++) {
		const struct xlvs_interface *interface = interfaces->first;

		while (interface && strcmp(interface->link.name, options->interfaces[i]) != 0)
			interface = interface->next;
		if (!interface)
			return xlvs_refuse(reterr, -ENODEV, "-i %s: no such interface",
					   options->interfaces[i]);
		if (interface->link.type != ARPHRD_ETHER)
			return xlvs_refuse(reterr, -EOPNOTSUPP, "-i %s: not an Ethernet interface",
					   options->interfaces[i]);
	}
	return 0;
}

static bool any_is_native(const struct xlvs_interfaces *interfaces)
{
	for (const struct xlvs_interface *interface = interfaces->first; interface;
	     interface = interface->next)
		if (interface->attached && interface->native)
			return true;
	return false;
}

/* Which interfaces send what comes from native XDP is known by trying: those whose driver takes the
 * program itself. A bridge, VLAN, macvlan or bond is no such interface. */
static void choose_detours(struct xlvs_interfaces *interfaces)
{
	bool native = any_is_native(interfaces);
	int r;

	for (struct xlvs_interface *interface = interfaces->first; interface;
	     interface = interface->next) {
		bool wanted = native && interface->attached && !interface->native;

		if (wanted == interface->by_detour)
			continue;
		r = xlvs_loader_set_detour(interfaces->loader, interface->link.ifindex, wanted);
		if (r < 0)
			xlvs_log(LOG_ERR, "packets do not leave by %s: %s", interface->link.name,
				 strerror(-r));
		interface->by_detour = wanted;
	}
}

static void attach_egress(struct xlvs_interfaces *interfaces,
			  const struct xlvs_interface *interface)
{
	struct xlvs_error error = {{0}};

	if (xlvs_loader_attach_egress(interfaces->loader, interface->link.ifindex, &error) < 0)
		xlvs_log(LOG_ERR,
			 "replies of destinations on this host are not translated at %s: %s",
			 interface->link.name, error.text);
}

void xlvs_interfaces_want_egress(struct xlvs_interfaces *interfaces)
{
	if (interfaces->egress_wanted)
		return;
	interfaces->egress_wanted = true;
	for (struct xlvs_interface *interface = interfaces->first; interface;
	     interface = interface->next)
		if (interface->attached)
			attach_egress(interfaces, interface);
}

static int attach(struct xlvs_interfaces *interfaces, struct xlvs_interface *interface,
		  struct xlvs_error *reterr)
{
	int r;

	r = xlvs_loader_attach(interfaces->loader, interface->link.ifindex,
			       interfaces->options->mode, &interface->native, reterr);
	interface->attached = r == 0;
	interface->failed = r < 0;
	if (r == 0)
		xlvs_log(LOG_INFO, "attached to %s, %s", interface->link.name,
			 interface->native ? "native" : "generic");
	if (r == 0 && interfaces->egress_wanted)
		attach_egress(interfaces, interface);
	return r;
}

/* Interfaces of -i all may be anything: one that cannot be attached must not stop the others. */
static void attach_or_warn(struct xlvs_interfaces *interfaces, struct xlvs_interface *interface)
{
	struct xlvs_error error = {{0}};
	bool failed_before = interface->failed;
	int r;

	r = attach(interfaces, interface, &error);
	if (r < 0 && !failed_before)
		xlvs_log(LOG_WARNING, "%s is not attached: %s", interface->link.name,
			 error.text[0] ? error.text : strerror(-r));
}

int xlvs_interfaces_start(struct xlvs_interfaces *interfaces, struct xlvs_loader *loader,
			  bool adopted, struct xlvs_error *reterr)
{
	struct xlvs_interface *interface;

	interfaces->loader = loader;
	for (interface = interfaces->first; interface; interface = interface->next) {
		const char *name = interface->link.name;
		struct xlvs_error error = {{0}};
		int r;

		if (is_of_host_pair(&interface->link))
			continue;
		if (!is_wanted(interfaces, &interface->link)) {
			if (adopted && xlvs_loader_detach(loader, interface->link.ifindex) == 0)
				xlvs_log(LOG_NOTICE, "%s is detached: not named by -i any more",
					 name);
		} else if (!is_named(interfaces->options, name)) {
			attach_or_warn(interfaces, interface);
		} else {
			r = attach(interfaces, interface, &error);
			if (r < 0)
				return xlvs_refuse(reterr, r, "-i %s: %s", name,
						   error.text[0] ? error.text : strerror(-r));
		}
	}
	follow_host_pair(interfaces);
	choose_detours(interfaces);
	return 0;
}

static void forget(struct xlvs_interfaces *interfaces, struct xlvs_interface **slot)
{
	struct xlvs_interface *interface = *slot;

	*slot = interface->next;
	/* It may live on in another network namespace. */
	if (interface->attached)
		xlvs_loader_detach(interfaces->loader, interface->link.ifindex);
	if (interface->attached && is_named(interfaces->options, interface->link.name))
		xlvs_log(LOG_WARNING, "%s is gone; it will be attached when it returns",
			 interface->link.name);
	else if (interface->attached)
		xlvs_log(LOG_INFO, "%s is gone", interface->link.name);
	free(interface);
}

/* An attached interface that has become the port of a bridge would keep packets from it. */
static void follow(struct xlvs_interfaces *interfaces, struct xlvs_interface *interface)
{
	bool wanted = is_wanted(interfaces, &interface->link);

	if (!interfaces->loader)
		return;
	if (wanted && !interface->attached) {
		attach_or_warn(interfaces, interface);
	} else if (!wanted && interface->attached) {
		xlvs_loader_detach(interfaces->loader, interface->link.ifindex);
		interface->attached = false;
		xlvs_log(LOG_NOTICE, "%s is detached: not meant by -i any more",
			 interface->link.name);
	}
	choose_detours(interfaces);
}

bool xlvs_interfaces_event(struct xlvs_interfaces *interfaces, const struct xlvs_link *link,
			   bool is_gone)
{
	struct xlvs_interface **slot = find_slot(interfaces, link->ifindex);
	struct xlvs_interface *interface = *slot;

	if (interface && interface->link.ifindex != link->ifindex)
		interface = NULL;
	if (is_gone) {
		if (!interface)
			return false;
		forget(interfaces, slot);
		follow_host_pair(interfaces);
		if (interfaces->loader)
			choose_detours(interfaces);
		return true;
	}
	if (interface)
		interface->seen = true;
	if (interface && !memcmp(&interface->link, link, sizeof(*link)))
		return false;
	if (!interface) {
		interface = calloc(1, sizeof(*interface));
		if (!interface)
			return false;
		interface->seen = true;
		interface->next = *slot;
		*slot = interface;
	}
	interface->link = *link;
	follow(interfaces, interface);
	follow_host_pair(interfaces);
	return true;
}

void xlvs_interfaces_before_dump(struct xlvs_interfaces *interfaces)
{
	for (struct xlvs_interface *interface = interfaces->first; interface;
	     interface = interface->next)
		interface->seen = false;
}

void xlvs_interfaces_after_dump(struct xlvs_interfaces *interfaces)
{
	struct xlvs_interface **slot = &interfaces->first;

	while (*slot)
		if ((*slot)->seen)
			slot = &(*slot)->next;
		else
			forget(interfaces, slot);
}
