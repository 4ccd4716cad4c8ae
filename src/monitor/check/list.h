/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every way to check a real server, one line each. A checker is one file; `checker` is its stem and
 * it defines `const struct xlvs_checker xlvs_checker_STEM` (checker.h).
 * From these lists come the enums, the dispatch and the names and ports a configuration uses. */
#ifndef XLVS_MONITOR_CHECK_LIST_H
#define XLVS_MONITOR_CHECK_LIST_H

/* X(kind, checker): what a check does that is no negotiation with a service. */
#define XLVS_CHECK_KINDS(X)        \
	X(CONNECT, connect)        \
	X(PING, ping)              \
	X(EXTERNAL, external)      \
	X(EXTERNAL_PERL, external) \
	X(ON, always)              \
	X(OFF, always)

/* X(name, checker, port): what a negotiation is held with; the port is the usual one, 0 without. */
#define XLVS_CHECK_SERVICES(X)    \
	X(none, always, 0)        \
	X(ftp, ftp, 21)           \
	X(smtp, smtp, 25)         \
	X(dns, dns, 53)           \
	X(http, http, 80)         \
	X(pop, pop, 110)          \
	X(nntp, nntp, 119)        \
	X(imap, imap, 143)        \
	X(ldap, ldap, 389)        \
	X(https, http, 443)       \
	X(submission, smtp, 587)  \
	X(ldaps, ldap, 636)       \
	X(imaps, imap, 993)       \
	X(pops, pop, 995)         \
	X(oracle, external, 1521) \
	X(radius, radius, 1812)   \
	X(http_proxy, http, 3128) \
	X(mysql, mysql, 3306)     \
	X(sip, sip, 5060)         \
	X(pgsql, pgsql, 5432)     \
	X(simpletcp, simpletcp, 0)

enum xlvs_check_kind {
	XLVS_CHECK_NEGOTIATE, /* with the service */
	XLVS_CHECK_COMBINED, /* a negotiation, then `connects` connects, and so on */
#define XLVS_CHECK_KIND_ENUM(kind, checker) XLVS_CHECK_##kind,
	XLVS_CHECK_KINDS(XLVS_CHECK_KIND_ENUM)
#undef XLVS_CHECK_KIND_ENUM
	XLVS_CHECK_KINDS_END
};

enum xlvs_check_service {
#define XLVS_CHECK_SERVICE_ENUM(name, checker, port) XLVS_SERVICE_##name,
	XLVS_CHECK_SERVICES(XLVS_CHECK_SERVICE_ENUM)
#undef XLVS_CHECK_SERVICE_ENUM
	XLVS_CHECK_SERVICES_END
};

#endif
