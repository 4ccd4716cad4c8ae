// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/config.h"

#include <string.h>

static const struct {
	const char *name;
	uint16_t port;
} services[] = {
#define SERVICE_ROW(name, checker, port) [XLVS_SERVICE_##name] = {#name, port},
	XLVS_CHECK_SERVICES(SERVICE_ROW)
#undef SERVICE_ROW
};

enum xlvs_check_service xlvs_ld_service_of_port(uint16_t port)
{
	enum xlvs_check_service service = 0;

	while (service < XLVS_CHECK_SERVICES_END && (!port || services[service].port != port))
		service++;
	return service == XLVS_CHECK_SERVICES_END ? XLVS_SERVICE_none : service;
}

enum xlvs_check_service xlvs_ld_service_named(const char *name)
{
	enum xlvs_check_service service = 0;

	while (service < XLVS_CHECK_SERVICES_END && strcmp(services[service].name, name) != 0)
		service++;
	return service;
}

uint16_t xlvs_ld_port_of_service(enum xlvs_check_service service)
{
	return services[service].port;
}

const char *xlvs_ld_service_name(enum xlvs_check_service service)
{
	return services[service].name;
}

const char *xlvs_ld_checktype_name(enum xlvs_ld_checktype checktype)
{
	static const char *const names[] = {
		[XLVS_LD_NEGOTIATE] = "negotiate",
		[XLVS_LD_CONNECT] = "connect",
		[XLVS_LD_COMBINED] = "combined",
		[XLVS_LD_PING] = "ping",
		[XLVS_LD_EXTERNAL] = "external",
		[XLVS_LD_EXTERNAL_PERL] = "external-perl",
		[XLVS_LD_ON] = "on",
		[XLVS_LD_OFF] = "off",
	};

	return names[checktype];
}

uint16_t xlvs_ld_check_port(const struct xlvs_ld_virtual *service, const struct xlvs_ld_real *real)
{
	if (service->checkport)
		return service->checkport;
	return real->port ? real->port : xlvs_ld_port_of_service(service->service);
}

const char *xlvs_ld_method_name(uint32_t method)
{
	switch (method) {
	case XLVS_METHOD_NAT:
		return "masq";
	case XLVS_METHOD_TUN:
		return "ipip";
	default:
		return "gate";
	}
}
