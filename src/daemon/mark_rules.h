/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mark rules as clients ask for them: add, delete, flush, show. */
#ifndef XLVS_DAEMON_MARK_RULES_H
#define XLVS_DAEMON_MARK_RULES_H

#include "control/reply.h"
#include "control/request.h"
#include "daemon/director.h"

/* Carry out NEW_MARKS, DEL_MARK and FLUSH_MARKS. Errors as the model's and the loader's. */
int xlvs_mark_rules_add(struct xlvs_director *director, const struct xlvs_request *request,
			struct xlvs_error *reterr);
int xlvs_mark_rules_delete(struct xlvs_director *director, const struct xlvs_request *request,
			   struct xlvs_error *reterr);
int xlvs_mark_rules_flush(struct xlvs_director *director, struct xlvs_error *reterr);

/* For GET_MARKS; the caller frees *ret_document. -ENOMEM. */
int xlvs_mark_rules_document(const struct xlvs_director *director, char **ret_document);

#endif
