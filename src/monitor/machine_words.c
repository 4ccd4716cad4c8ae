// SPDX-License-Identifier: GPL-2.0-or-later
/* What the machine says, in the words that those who read ldirectord's log look for. */
#include "monitor/machine_inside.h"

#include <stdarg.h>
#include <stdio.h>

void xlvs_machine_say(struct xlvs_machine *machine, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	machine->hooks.log(machine->hooks.context, text);
}

void xlvs_machine_mail(struct xlvs_machine *machine, const struct xlvs_ld_virtual *conf,
		       const char *format, ...)
{
	char subject[512];
	va_list args;

	if (!conf->settings.emailalert ||
	    !(conf->settings.emailalertstatus & (int)machine->condition))
		return;
	va_start(args, format);
	vsnprintf(subject, sizeof(subject), format, args);
	va_end(args);
	xlvs_machine_say(machine, "emailalert: %s", subject);
	machine->hooks.mail(machine->hooks.context, conf, subject);
}

static void tell_service(struct xlvs_machine *machine, const struct xlvs_slot *slot)
{
	const struct xlvs_service *service = slot->service;
	bool stops = machine->condition == XLVS_LD_STOPPING;

	if (slot->command == IPVS_CMD_NEW_SERVICE) {
		xlvs_machine_say(machine, "Added virtual server: %s", service->name);
		return;
	}
	if (slot->command == IPVS_CMD_SET_SERVICE) {
		xlvs_machine_say(machine, "Changed virtual server: %s", service->name);
		return;
	}
	for (size_t i = 0; stops && i < service->n_servers; i++) {
		if (!service->servers[i].slot.believed.present)
			continue;
		xlvs_machine_say(machine, "Purged real server (stop): %s (%s)",
				 service->servers[i].slot.name, service->name);
		xlvs_machine_mail(machine, service->conf, "Purged real server (stop): %s (%s)",
				  service->servers[i].slot.name, service->name);
	}
	xlvs_machine_say(machine, "Purged virtual server (%s): %s", stops ? "stop" : "start",
			 service->name);
}

static const char *verb(const struct xlvs_slot *slot)
{
	if (slot->command == IPVS_CMD_DEL_DEST)
		return slot->kind == XLVS_SLOT_STRAY ? "Purged" : "Deleted";
	/* A server that was configured with weight 0 is not quiescent for that. */
	if (slot->kind == XLVS_SLOT_REAL && !((const struct xlvs_server *)slot)->up)
		return "Quiescent";
	return slot->command == IPVS_CMD_NEW_DEST ? "Added" : "Restored";
}

/* Mails about a server that is down are repeated from now on, about one that is up no longer. */
static void note_mail(const struct xlvs_ld_virtual *conf, struct xlvs_server *server,
		      struct xlvs_time time)
{
	bool repeats = !server->up && conf->settings.emailalertfreq_sec > 0;

	server->mail_ms = repeats ? time.now_ms : 0;
}

void xlvs_machine_tell_done(struct xlvs_machine *machine, struct xlvs_slot *slot,
			    struct xlvs_time time)
{
	const struct xlvs_ld_virtual *conf = slot->service->conf;
	char what[256], weight[64] = "";

	if (slot->kind == XLVS_SLOT_SERVICE) {
		tell_service(machine, slot);
		return;
	}
	if (slot->quiet)
		return;
	if (slot->command != IPVS_CMD_DEL_DEST)
		snprintf(weight, sizeof(weight), " (Weight set to %d)", slot->asked.weight);
	snprintf(what, sizeof(what), "%s %s server%s: %s (%s)%s", verb(slot),
		 slot->kind == XLVS_SLOT_FALLBACK ? "fallback" : "real",
		 slot->kind == XLVS_SLOT_STRAY ? " (start)" : "", slot->name, slot->service->name,
		 weight);
	if (slot->kind == XLVS_SLOT_REAL && slot->command == IPVS_CMD_NEW_DEST &&
	    !((struct xlvs_server *)slot)->up)
		xlvs_machine_say(machine, "Readd %s", what);
	else
		xlvs_machine_say(machine, "%s", what);
	if (!conf)
		return;
	xlvs_machine_mail(machine, conf, "%s", what);
	if (slot->kind == XLVS_SLOT_REAL)
		note_mail(conf, (struct xlvs_server *)slot, time);
}

void xlvs_machine_tell_refused(struct xlvs_machine *machine, const struct xlvs_slot *slot,
			       unsigned int retry_sec)
{
	static const char *const kinds[] = {
		[XLVS_SLOT_SERVICE] = "virtual server",
		[XLVS_SLOT_REAL] = "real server",
		[XLVS_SLOT_FALLBACK] = "fallback server",
		[XLVS_SLOT_STRAY] = "real server",
	};

	xlvs_machine_say(machine, "The director refuses %s: %s (%s): %s; trying again in %u s",
			 kinds[slot->kind], slot->name, slot->service->name, slot->refusal,
			 retry_sec);
}
