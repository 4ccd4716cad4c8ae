/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lines of the files IPVS has in /proc/net, from what the director tells. No I/O but to `out`.
 *
 * Source of the formats: net/netfilter/ipvs/ip_vs_ctl.c and ip_vs_conn.c of Linux 6.1. */
#ifndef XLVS_PRELOAD_PROC_TEXT_H
#define XLVS_PRELOAD_PROC_TEXT_H

#include "control/info.h"

#include <stdio.h>

/* /proc/net/ip_vs */
void xlvs_proc_services_header(FILE *out, const struct xlvs_director_info *info);
void xlvs_proc_service(FILE *out, const struct xlvs_service_info *service);
void xlvs_proc_dest(FILE *out, const struct xlvs_dest_info *dest);

/* /proc/net/ip_vs_conn */
void xlvs_proc_conns_header(FILE *out);
void xlvs_proc_conn(FILE *out, const struct xlvs_conn_entry *entry, const struct xlvs_conn_pe *pe);

/* /proc/net/ip_vs_conn_sync */
void xlvs_proc_conns_origin_header(FILE *out);
void xlvs_proc_conn_origin(FILE *out, const struct xlvs_conn_entry *entry);

/* /proc/net/ip_vs_app */
void xlvs_proc_apps_header(FILE *out);

/* /proc/net/ip_vs_stats */
void xlvs_proc_stats(FILE *out, const struct xlvs_stats *stats);

#endif
