// SPDX-License-Identifier: GPL-2.0-or-later
/* An IPv4 VIP gets the scope "host": the kernel then never picks it as the source of the server's
 * own connections. IPv6 needs no such help, nor settings like those of sysctl.h: a neighbour
 * solicitation is answered only for addresses of the interface it came in by. */
#include "realserver/host.h"

#include "base/cleanup.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <net/if_arp.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <string.h>

enum {
	LO_IFINDEX = 1, /* of every network namespace */
};

int xlvs_rs_host_open(struct xlvs_rs_host *ret, struct xlvs_error *reterr)
{
	struct xlvs_rs_host host = {.sock = nl_socket_alloc()};
	int r;

	if (!host.sock)
		return -ENOMEM;
	r = nl_connect(host.sock, NETLINK_ROUTE);
	if (!r)
		r = rtnl_link_alloc_cache(host.sock, AF_UNSPEC, &host.links);
	if (!r)
		r = rtnl_addr_alloc_cache(host.sock, &host.addresses);
	if (r) {
		xlvs_rs_host_close(&host);
		return xlvs_refuse(reterr, -EIO, "route netlink: %s", nl_geterror(r));
	}
	*ret = host;
	return 0;
}

void xlvs_rs_host_close(struct xlvs_rs_host *host)
{
	nl_cache_free(host->addresses);
	nl_cache_free(host->links);
	nl_socket_free(host->sock);
}

static bool is_facing(struct rtnl_link *link, const struct xlvs_rs_vip *vip)
{
	if (!vip->n_interfaces)
		return rtnl_link_get_arptype(link) == ARPHRD_ETHER && !rtnl_link_get_master(link) &&
		       rtnl_link_get_flags(link) & IFF_UP;
	for (size_t i = 0; i < vip->n_interfaces; i++)
		if (!strcmp(vip->interfaces[i], rtnl_link_get_name(link)))
			return true;
	return false;
}

int xlvs_rs_host_facing(const struct xlvs_rs_host *host, const struct xlvs_rs_vip *vip,
			struct xlvs_rs_interface **ret, size_t *ret_n)
{
	struct xlvs_rs_interface *found;
	struct nl_object *object;
	size_t n = 0;

	found = calloc((size_t)nl_cache_nitems(host->links) + 1, sizeof(*found));
	if (!found)
		return -ENOMEM;
	for (object = nl_cache_get_first(host->links); object; object = nl_cache_get_next(object)) {
		struct rtnl_link *link = (struct rtnl_link *)object;

		if (vip && !is_facing(link, vip))
			continue;
		found[n].ifindex = rtnl_link_get_ifindex(link);
		snprintf(found[n++].name, IF_NAMESIZE, "%s", rtnl_link_get_name(link));
	}
	*ret = found;
	*ret_n = n;
	return 0;
}

int xlvs_rs_host_interfaces(const struct xlvs_rs_host *host, struct xlvs_rs_interface **ret,
			    size_t *ret_n)
{
	return xlvs_rs_host_facing(host, NULL, ret, ret_n);
}

bool xlvs_rs_host_lo_up(const struct xlvs_rs_host *host)
{
	struct rtnl_link *lo = rtnl_link_get(host->links, LO_IFINDEX);
	bool up = lo && rtnl_link_get_flags(lo) & IFF_UP;

	rtnl_link_put(lo);
	return up;
}

/* False for what is neither an IPv4 nor an IPv6 address. */
static bool from_nl(const struct nl_addr *nl, struct in6_addr *ret)
{
	struct in6_addr address = {.s6_addr = {[10] = 0xff, [11] = 0xff}};

	if (!nl)
		return false;
	if (nl_addr_get_family(nl) == AF_INET && nl_addr_get_len(nl) == 4)
		memcpy(&address.s6_addr[12], nl_addr_get_binary_addr(nl), 4);
	else if (nl_addr_get_family(nl) == AF_INET6 && nl_addr_get_len(nl) == 16)
		memcpy(&address, nl_addr_get_binary_addr(nl), 16);
	else
		return false;
	*ret = address;
	return true;
}

/* An interface that has the address, either lo or any other; 0 if there is none. */
static int holder(const struct xlvs_rs_host *host, const struct in6_addr *address, bool lo)
{
	struct nl_object *object;
	struct in6_addr local;

	for (object = nl_cache_get_first(host->addresses); object;
	     object = nl_cache_get_next(object)) {
		struct rtnl_addr *candidate = (struct rtnl_addr *)object;
		int ifindex = rtnl_addr_get_ifindex(candidate);

		if ((ifindex == LO_IFINDEX) == lo &&
		    from_nl(rtnl_addr_get_local(candidate), &local) &&
		    IN6_ARE_ADDR_EQUAL(&local, address))
			return ifindex;
	}
	return 0;
}

bool xlvs_rs_host_on_lo(const struct xlvs_rs_host *host, const struct in6_addr *address)
{
	return holder(host, address, true);
}

bool xlvs_rs_host_elsewhere(const struct xlvs_rs_host *host, const struct in6_addr *address,
			    char name[static IF_NAMESIZE])
{
	int ifindex = holder(host, address, false);

	if (ifindex && !rtnl_link_i2name(host->links, ifindex, name, IF_NAMESIZE))
		snprintf(name, IF_NAMESIZE, "%d", ifindex);
	return ifindex;
}

static bool is_loopback(const struct in6_addr *address)
{
	return IN6_IS_ADDR_LOOPBACK(address) ||
	       (IN6_IS_ADDR_V4MAPPED(address) && address->s6_addr[12] == IN_LOOPBACKNET);
}

int xlvs_rs_host_addresses(const struct xlvs_rs_host *host, struct in6_addr **ret, size_t *ret_n)
{
	struct in6_addr *found;
	struct nl_object *object;
	size_t n = 0;

	found = calloc((size_t)nl_cache_nitems(host->addresses) + 1, sizeof(*found));
	if (!found)
		return -ENOMEM;
	for (object = nl_cache_get_first(host->addresses); object;
	     object = nl_cache_get_next(object))
		if (from_nl(rtnl_addr_get_local((struct rtnl_addr *)object), &found[n]) &&
		    !is_loopback(&found[n]))
			n++;
	*ret = found;
	*ret_n = n;
	return 0;
}

static int family_of(const struct in6_addr *address)
{
	return IN6_IS_ADDR_V4MAPPED(address) ? AF_INET : AF_INET6;
}

static bool is_default(struct rtnl_route *route)
{
	struct nl_addr *to = rtnl_route_get_dst(route);

	return rtnl_route_get_table(route) == RT_TABLE_MAIN &&
	       rtnl_route_get_type(route) == RTN_UNICAST && (!to || !nl_addr_get_prefixlen(to));
}

static size_t add_gateways(struct rtnl_route *route, struct in6_addr *ret, size_t n)
{
	struct rtnl_nexthop *hop;

	for (int i = 0; n < XLVS_RS_DIRECTORS_MAX && (hop = rtnl_route_nexthop_n(route, i)); i++)
		n += from_nl(rtnl_route_nh_get_gateway(hop), &ret[n]);
	return n;
}

int xlvs_rs_host_gateways(const struct xlvs_rs_host *host, const struct in6_addr *like,
			  struct in6_addr ret[static XLVS_RS_DIRECTORS_MAX], size_t *ret_n,
			  struct xlvs_error *reterr)
{
	uint32_t metric = UINT32_MAX;
	struct nl_object *object;
	struct nl_cache *routes;
	size_t n = 0;
	int r;

	r = rtnl_route_alloc_cache(host->sock, family_of(like), 0, &routes);
	if (r)
		return xlvs_refuse(reterr, -EIO, "routes cannot be read: %s", nl_geterror(r));
	for (object = nl_cache_get_first(routes); object; object = nl_cache_get_next(object)) {
		struct rtnl_route *route = (struct rtnl_route *)object;

		if (!is_default(route) || rtnl_route_get_priority(route) > metric)
			continue;
		if (rtnl_route_get_priority(route) < metric)
			n = 0;
		metric = rtnl_route_get_priority(route);
		n = add_gateways(route, ret, n);
	}
	nl_cache_free(routes);
	*ret_n = n;
	return 0;
}

static struct rtnl_addr *vip_on_lo(const struct in6_addr *vip)
{
	bool is4 = family_of(vip) == AF_INET;
	const void *bytes = is4 ? &vip->s6_addr[12] : vip->s6_addr;
	struct nl_addr *local = nl_addr_build(family_of(vip), bytes, is4 ? 4 : 16);
	struct rtnl_addr *address = rtnl_addr_alloc();

	if (!local || !address || rtnl_addr_set_local(address, local)) {
		rtnl_addr_put(address);
		address = NULL;
	} else {
		rtnl_addr_set_ifindex(address, LO_IFINDEX);
		rtnl_addr_set_prefixlen(address, is4 ? 32 : 128);
		if (is4)
			rtnl_addr_set_scope(address, RT_SCOPE_HOST);
	}
	nl_addr_put(local);
	return address;
}

static int change_vip(const struct xlvs_rs_host *host, const struct in6_addr *vip, bool add,
		      struct xlvs_error *reterr)
{
	struct rtnl_addr *address = vip_on_lo(vip);
	char text[INET6_ADDRSTRLEN];
	int r;

	if (!address)
		return -ENOMEM;
	r = add ? rtnl_addr_add(host->sock, address, NLM_F_EXCL)
		: rtnl_addr_delete(host->sock, address, 0);
	rtnl_addr_put(address);
	if (!r || r == (add ? -NLE_EXIST : -NLE_NOADDR))
		return 0;
	return xlvs_refuse(reterr, -EIO, "%s cannot be %s lo: %s", xlvs_rs_address_text(vip, text),
			   add ? "put on" : "taken from",
			   r == -NLE_NOACCESS ? "IPv6 is disabled there" : nl_geterror(r));
}

int xlvs_rs_host_add_vip(const struct xlvs_rs_host *host, const struct in6_addr *vip,
			 struct xlvs_error *reterr)
{
	return change_vip(host, vip, true, reterr);
}

int xlvs_rs_host_del_vip(const struct xlvs_rs_host *host, const struct in6_addr *vip,
			 struct xlvs_error *reterr)
{
	return change_vip(host, vip, false, reterr);
}
