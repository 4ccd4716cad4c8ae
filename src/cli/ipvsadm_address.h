/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses as ipvsadm reads and writes them.
 *
 * Read: host[:port], where host is a name, any form inet_aton() takes, or a bare IPv6 address
 * (then without port); [IPv6]:port. Written: the same with numbers, or with the names that the
 * host's resolver and /etc/services have for them. */
#ifndef XLVS_CLI_IPVSADM_ADDRESS_H
#define XLVS_CLI_IPVSADM_ADDRESS_H

#include "model/spec.h"

#include <stdbool.h>
#include <stddef.h>

/* Enough for the longest host name, brackets, colon and the longest service name. */
#define IPVSADM_ADDRESS_BYTES 1100

/* A decimal number from min to max and nothing else, or -1. Blanks and a sign may precede it. */
long xlvs_ipvsadm_parse_number(const char *word, long min, long max);

/* `protocol` says where a port's name is looked up. *ret_has_port: whether the word named a port;
 * if not, the port in *ret_key is zero. -EINVAL for everything that is no address. May wait for the
 * resolver. */
int xlvs_ipvsadm_parse_address(const char *word, uint16_t protocol, struct xlvs_dest_key *ret_key,
			       bool *ret_has_port);

/* Write "host:port", or "[host]:port" for IPv6, into `text` and return it. */
const char *xlvs_ipvsadm_format_address(const struct xlvs_dest_key *key, uint16_t protocol,
					bool numeric, char text[static IPVSADM_ADDRESS_BYTES]);

#endif
