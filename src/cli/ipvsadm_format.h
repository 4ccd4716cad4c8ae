/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ipvsadm's rows, byte for byte: one function a kind of line, each with its newline. */
#ifndef XLVS_CLI_IPVSADM_FORMAT_H
#define XLVS_CLI_IPVSADM_FORMAT_H

#include "cli/ipvsadm_command.h"

#include <stdio.h>

/* The two header lines of the style that the command's options choose. */
void xlvs_ipvsadm_print_title(FILE *out, const struct ipvsadm_command *command);

/* A row of -L, in the same style. `protocol` is the service's. */
void xlvs_ipvsadm_print_service(FILE *out, const struct ipvsadm_command *command,
				const struct xlvs_service_info *service);
void xlvs_ipvsadm_print_dest(FILE *out, const struct ipvsadm_command *command, uint16_t protocol,
			     const struct xlvs_dest_info *dest);

/* A row that is a service's name alone. */
void xlvs_ipvsadm_print_service_name(FILE *out, bool numeric, const struct xlvs_service_key *key);

/* The words that name a service on a command line, without a newline. */
void xlvs_ipvsadm_save_service_name(FILE *out, bool numeric, const struct xlvs_service_key *key);

/* A line of -S: the command that makes the service or the destination again. */
void xlvs_ipvsadm_save_service(FILE *out, bool numeric, const struct xlvs_service_spec *service);
void xlvs_ipvsadm_save_dest(FILE *out, bool numeric, const struct xlvs_service_key *service,
			    const struct xlvs_dest_spec *dest);

/* Words of these rows: "TCP" or "?"; "Masq" or "?"; the name that a scheduler has for scheduler
 * flag number 0 to IPVSADM_SCHED_FLAG_BITS - 1. */
#define IPVSADM_SCHED_FLAG_BITS 3
const char *xlvs_ipvsadm_protocol_word(uint16_t protocol);
const char *xlvs_ipvsadm_forward_word(uint32_t method);
const char *xlvs_ipvsadm_flag_name(const char *scheduler, int number);

/* The line of --daemon. */
void xlvs_ipvsadm_print_sync(FILE *out, const struct xlvs_sync_spec *sync);

#endif
