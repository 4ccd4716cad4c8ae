/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When two services, or two destinations, are the same one: comparison and hash of their keys. */
#ifndef XLVS_MODEL_KEY_H
#define XLVS_MODEL_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "model/spec.h"

bool xlvs_service_key_equal(const struct xlvs_service_key *a, const struct xlvs_service_key *b);
bool xlvs_dest_key_equal(const struct xlvs_dest_key *a, const struct xlvs_dest_key *b);

uint64_t xlvs_service_key_hash(const struct xlvs_service_key *key);
/* Of a destination within its service. */
uint64_t xlvs_dest_key_hash(const struct xlvs_service_key *service,
			    const struct xlvs_dest_key *key);

#endif
