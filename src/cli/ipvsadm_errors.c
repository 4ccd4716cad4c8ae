// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/ipvsadm_run.h"

#include <errno.h>
#include <string.h>

#define BIT(verb) (1U << IPVSADM_##verb)
#define ANY	  (BIT(ADD_LADDR) - 1) /* that ipvsadm has, too */
#define ON_LOCAL  (BIT(ADD_LADDR) | BIT(DELETE_LADDR) | BIT(GET_LADDR))
#define ON_SERVICE \
	(BIT(EDIT_SERVICE) | BIT(DELETE_SERVICE) | BIT(ZERO) | BIT(LIST) | BIT(SAVE) | ON_LOCAL)
#define ON_DEST (BIT(ADD_SERVER) | BIT(EDIT_SERVER) | BIT(DELETE_SERVER))

static const struct {
	unsigned int verbs;
	int error;
	const char *text;
} texts[] = {
	{BIT(ADD_SERVICE), EEXIST, "Service already exists"},
	{BIT(ADD_SERVICE) | BIT(EDIT_SERVICE), ENOENT, "Scheduler or persistence engine not found"},
	{ON_SERVICE, ESRCH, "No such service"},
	{ON_DEST, ESRCH, "Service not defined"},
	{BIT(ADD_SERVER), EEXIST, "Destination already exists"},
	{BIT(EDIT_SERVER) | BIT(DELETE_SERVER), ENOENT, "No such destination"},
	{BIT(START_DAEMON), EEXIST, "Daemon has already run"},
	{BIT(STOP_DAEMON), ESRCH, "No daemon is running"},
	{ANY, EPERM, "Permission denied (you must be root)"},
	{ANY, EINVAL,
	 "Invalid operation.  Possibly wrong module version, address not unicast, ..."},
	{ANY, ENOPROTOOPT, "Protocol not available"},
	{ANY, ENOMEM, "Memory allocation problem"},
	{ANY, ERANGE, "Numerical result out of range"},
	{ANY, EAFNOSUPPORT, "Operation not supported with specified address family"},
	{ANY, EMSGSIZE, "Module is wrong version"},
};

/* ipvsadm's sentence for EOPNOTSUPP blames IPv6, and of local addresses it knows nothing; a
 * director that says what it means is right. */
const char *xlvs_ipvsadm_error_text(enum ipvsadm_verb verb, int code, const struct xlvs_error *said)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if ((texts[i].verbs & 1U << verb) && texts[i].error == -code)
			return texts[i].text;
	if (said && said->text[0])
		return said->text;
	return code == -EOPNOTSUPP ? "Operation not supported with IPv6" : strerror(-code);
}
