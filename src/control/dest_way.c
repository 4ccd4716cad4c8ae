// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/dest_way.h"

#include <netlink/attr.h>

#include "control/ipvs_abi.h"

int xlvs_dest_way_put(struct nl_msg *message, const struct xlvs_dest_spec *spec)
{
	int r = nla_put_u8(message, IPVS_DEST_ATTR_TUN_TYPE, spec->tunnel_type) |
		nla_put_u16(message, IPVS_DEST_ATTR_TUN_PORT, spec->tunnel_port) |
		nla_put_u16(message, IPVS_DEST_ATTR_TUN_FLAGS, spec->tunnel_flags);

	if (spec->method == XLVS_METHOD_FULLNAT)
		r |= nla_put_u8(message, XLVS_DEST_ATTR_TOA_KIND, spec->toa_kind);
	if (spec->mss)
		r |= nla_put_u16(message, XLVS_DEST_ATTR_MSS, spec->mss);
	return r;
}

void xlvs_dest_way_get(struct nlattr **attrs, struct xlvs_dest_spec *spec)
{
	if (attrs[IPVS_DEST_ATTR_TUN_TYPE])
		spec->tunnel_type = nla_get_u8(attrs[IPVS_DEST_ATTR_TUN_TYPE]);
	if (attrs[IPVS_DEST_ATTR_TUN_PORT])
		spec->tunnel_port = nla_get_u16(attrs[IPVS_DEST_ATTR_TUN_PORT]);
	if (attrs[IPVS_DEST_ATTR_TUN_FLAGS])
		spec->tunnel_flags = nla_get_u16(attrs[IPVS_DEST_ATTR_TUN_FLAGS]);
	if (attrs[XLVS_DEST_ATTR_TOA_KIND])
		spec->toa_kind = nla_get_u8(attrs[XLVS_DEST_ATTR_TOA_KIND]);
	else if (spec->method == XLVS_METHOD_FULLNAT)
		spec->toa_kind = XLVS_TOA_KIND;
	if (attrs[XLVS_DEST_ATTR_MSS])
		spec->mss = nla_get_u16(attrs[XLVS_DEST_ATTR_MSS]);
}
