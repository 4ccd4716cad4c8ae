/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pair of interfaces by which programs on the director itself reach its services: `xlvs
 * loopback` makes it, and xlvsd uses it when it finds these names. */
#ifndef XLVS_CONTROL_HOST_PAIR_H
#define XLVS_CONTROL_HOST_PAIR_H

#define XLVS_HOST_NEAR "xlvs-host0" /* packets enter it */
#define XLVS_HOST_FAR  "xlvs-host1" /* where the packet path meets them */

#endif
