// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests to the director, and its answers. */
#include "monitor/machine_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_FIRST_SEC 1
#define RETRY_LAST_SEC	30

void xlvs_machine_move(struct xlvs_machine *machine, struct xlvs_slot *slot,
		       enum xlvs_slot_place place)
{
	if (slot->place != XLVS_PLACE_NONE)
		TAILQ_REMOVE(&machine->places[slot->place], slot, link);
	slot->place = place;
	if (place != XLVS_PLACE_NONE)
		TAILQ_INSERT_TAIL(&machine->places[place], slot, link);
}

static bool same_service(const struct xlvs_service_spec *one, const struct xlvs_service_spec *other)
{
	const uint32_t ours = ~(uint32_t)XLVS_SERVICE_HASHED;

	return strcmp(one->scheduler, other->scheduler) == 0 &&
	       (one->flags & ours) == (other->flags & ours) &&
	       one->timeout_sec == other->timeout_sec && one->netmask == other->netmask;
}

static bool same_holding(const struct xlvs_holding *one, const struct xlvs_holding *other)
{
	if (!one->present || !other->present)
		return one->present == other->present;
	return one->method == other->method && one->weight == other->weight &&
	       one->upper_threshold == other->upper_threshold &&
	       one->lower_threshold == other->lower_threshold;
}

bool xlvs_machine_differs(const struct xlvs_slot *slot)
{
	const struct xlvs_service *service = slot->service;

	if (!same_holding(&slot->believed, &slot->wanted))
		return true;
	return slot->kind == XLVS_SLOT_SERVICE && slot->wanted.present &&
	       !same_service(&service->listed, &service->spec);
}

void xlvs_machine_touch(struct xlvs_machine *machine, struct xlvs_slot *slot)
{
	/* The answer decides what is next. */
	if (slot->place == XLVS_PLACE_UNDER_WAY)
		return;
	if (!xlvs_machine_differs(slot)) {
		slot->n_refusals = 0;
		xlvs_machine_move(machine, slot, XLVS_PLACE_NONE);
		return;
	}
	/* A refused wish waits; another wish is another matter. */
	if (slot->place == XLVS_PLACE_REFUSED && same_holding(&slot->wanted, &slot->asked))
		return;
	/* Destinations wait for their service, which touches them when it is there. */
	if (slot->kind != XLVS_SLOT_SERVICE && !slot->service->slot.believed.present)
		xlvs_machine_move(machine, slot, XLVS_PLACE_NONE);
	else if (slot->place != XLVS_PLACE_WAITING)
		xlvs_machine_move(machine, slot, XLVS_PLACE_WAITING);
}

static void touch_servers(struct xlvs_machine *machine, struct xlvs_service *service)
{
	for (size_t i = 0; i < service->n_servers; i++)
		xlvs_machine_touch(machine, &service->servers[i].slot);
	if (service->fallback)
		xlvs_machine_touch(machine, service->fallback);
}

/* The director holds the service no longer, nor what was in it. */
static void note_service_gone(struct xlvs_machine *machine, struct xlvs_service *service)
{
	service->slot.believed.present = false;
	for (size_t i = 0; i < service->n_servers; i++)
		service->servers[i].slot.believed.present = false;
	if (service->fallback)
		service->fallback->believed.present = false;
	touch_servers(machine, service);
	xlvs_machine_touch(machine, &service->slot);
}

static void prepare(const struct xlvs_slot *slot, struct xlvs_request *request)
{
	const struct xlvs_service *service = slot->service;
	const struct xlvs_holding *wanted = &slot->wanted;
	bool had = slot->believed.present;

	*request = (struct xlvs_request){.family = XLVS_FAMILY_IPVS, .service = service->spec};
	if (slot->kind == XLVS_SLOT_SERVICE) {
		request->given = XLVS_GIVEN_SERVICE_KEY;
		request->command = IPVS_CMD_DEL_SERVICE;
		if (wanted->present) {
			request->given |= XLVS_GIVEN_SERVICE_FULL;
			request->command = had ? IPVS_CMD_SET_SERVICE : IPVS_CMD_NEW_SERVICE;
		}
		return;
	}
	request->given = XLVS_GIVEN_SERVICE_KEY | XLVS_GIVEN_DEST_KEY;
	request->command = IPVS_CMD_DEL_DEST;
	request->dest.key = slot->key;
	if (!wanted->present)
		return;
	request->given |= XLVS_GIVEN_DEST_FULL;
	request->command = had ? IPVS_CMD_SET_DEST : IPVS_CMD_NEW_DEST;
	request->dest.method = wanted->method;
	request->dest.weight = wanted->weight;
	request->dest.upper_threshold = wanted->upper_threshold;
	request->dest.lower_threshold = wanted->lower_threshold;
}

void xlvs_machine_pump(struct xlvs_machine *machine, struct xlvs_time time)
{
	struct xlvs_slot *slot;

	(void)time;
	while ((slot = TAILQ_FIRST(&machine->places[XLVS_PLACE_WAITING]))) {
		struct xlvs_request request;

		prepare(slot, &request);
		if (machine->hooks.send(machine->hooks.context, &request) < 0)
			return;
		slot->command = request.command;
		slot->asked = slot->wanted;
		xlvs_machine_move(machine, slot, XLVS_PLACE_UNDER_WAY);
	}
}

static void done(struct xlvs_machine *machine, struct xlvs_slot *slot, struct xlvs_time time)
{
	struct xlvs_service *service = slot->service;

	slot->n_refusals = 0;
	slot->refusal[0] = '\0';
	/* Before `believed` changes: it says who goes along with a service. */
	xlvs_machine_tell_done(machine, slot, time);
	slot->believed = slot->asked;
	if (slot->kind == XLVS_SLOT_STRAY) {
		free(slot);
		return;
	}
	if (slot->kind == XLVS_SLOT_SERVICE) {
		service->listed = service->spec;
		if (!slot->believed.present && !service->conf) {
			xlvs_machine_free_service(machine, service);
			return;
		}
		if (slot->believed.present)
			touch_servers(machine, service);
	}
	xlvs_machine_touch(machine, slot);
	if (slot->kind == XLVS_SLOT_REAL && machine->condition != XLVS_LD_STOPPING)
		xlvs_machine_want_fallback(machine, service, time);
}

/* The table was changed behind our back: what the answer says of it is believed. Returns false for
 * any other answer. */
static bool learn(struct xlvs_machine *machine, struct xlvs_slot *slot, int code,
		  struct xlvs_time time)
{
	bool is_service = slot->kind == XLVS_SLOT_SERVICE;
	const struct xlvs_server *server = (const struct xlvs_server *)slot;

	if (code == -EEXIST &&
	    (slot->command == IPVS_CMD_NEW_DEST || slot->command == IPVS_CMD_NEW_SERVICE)) {
		slot->believed = (struct xlvs_holding){.present = true, .weight = -1};
		memset(&slot->service->listed, 0, is_service ? sizeof(slot->service->listed) : 0);
	} else if ((code == -ENOENT && slot->command == IPVS_CMD_DEL_DEST) ||
		   (code == -ESRCH && slot->command == IPVS_CMD_DEL_SERVICE)) {
		done(machine, slot, time);
		return true;
	} else if (code == -ENOENT && slot->command == IPVS_CMD_SET_DEST) {
		slot->believed.present = false;
		/* Somebody took it out while it was down: it stays out, unless it is to be there.
		 */
		if (slot->kind == XLVS_SLOT_REAL && !server->up && !machine->config->readdquiescent)
			slot->believed = slot->wanted;
	} else if (code == -ESRCH) {
		note_service_gone(machine, slot->service);
		if (slot->kind == XLVS_SLOT_STRAY) {
			free(slot);
			return true;
		}
	} else {
		return false;
	}
	xlvs_machine_touch(machine, slot);
	return true;
}

static void refuse(struct xlvs_machine *machine, struct xlvs_slot *slot, int code,
		   const char *sentence, struct xlvs_time time)
{
	unsigned int wait_sec = RETRY_FIRST_SEC << (slot->n_refusals < 5 ? slot->n_refusals : 5);
	char text[sizeof(slot->refusal)];

	if (wait_sec > RETRY_LAST_SEC)
		wait_sec = RETRY_LAST_SEC;
	snprintf(text, sizeof(text), "%s", sentence && *sentence ? sentence : strerror(-code));
	slot->retry_ms = time.now_ms + wait_sec * 1000ULL;
	xlvs_machine_move(machine, slot, XLVS_PLACE_REFUSED);
	/* Once for each reason. */
	if (!slot->n_refusals++ || strcmp(text, slot->refusal) != 0) {
		memcpy(slot->refusal, text, sizeof(text));
		xlvs_machine_tell_refused(machine, slot, wait_sec);
	}
	/* Another state may have been reached meanwhile. */
	xlvs_machine_touch(machine, slot);
}

void xlvs_machine_answer(struct xlvs_machine *machine, int code, const char *sentence,
			 struct xlvs_time time)
{
	struct xlvs_slot *slot = TAILQ_FIRST(&machine->places[XLVS_PLACE_UNDER_WAY]);

	if (!slot)
		return;
	xlvs_machine_move(machine, slot, XLVS_PLACE_NONE);
	if (code == 0)
		done(machine, slot, time);
	else if (!learn(machine, slot, code, time))
		refuse(machine, slot, code, sentence, time);
}

void xlvs_machine_retry(struct xlvs_machine *machine, struct xlvs_time time)
{
	struct xlvs_slot *slot = TAILQ_FIRST(&machine->places[XLVS_PLACE_REFUSED]);

	while (slot) {
		struct xlvs_slot *next = TAILQ_NEXT(slot, link);

		if (time.now_ms >= slot->retry_ms)
			xlvs_machine_move(machine, slot, XLVS_PLACE_WAITING);
		slot = next;
	}
}

void xlvs_machine_lost(struct xlvs_machine *machine)
{
	struct xlvs_slot *slot;

	while ((slot = TAILQ_FIRST(&machine->places[XLVS_PLACE_UNDER_WAY])))
		xlvs_machine_move(machine, slot, XLVS_PLACE_WAITING);
}

bool xlvs_machine_is_idle(const struct xlvs_machine *machine)
{
	return TAILQ_EMPTY(&machine->places[XLVS_PLACE_WAITING]) &&
	       TAILQ_EMPTY(&machine->places[XLVS_PLACE_UNDER_WAY]);
}

void xlvs_machine_stop(struct xlvs_machine *machine, struct xlvs_time time)
{
	struct xlvs_slot *slot;
	struct xlvs_service *service;

	(void)time;
	machine->condition = XLVS_LD_STOPPING;
	for (enum xlvs_slot_place place = XLVS_PLACE_WAITING; place <= XLVS_PLACE_REFUSED; place++)
		while (place != XLVS_PLACE_UNDER_WAY &&
		       (slot = TAILQ_FIRST(&machine->places[place])))
			xlvs_machine_move(machine, slot, XLVS_PLACE_NONE);
	TAILQ_FOREACH(service, &machine->services, link)
	{
		if (service->conf && !service->conf->settings.cleanstop)
			continue;
		service->slot.wanted.present = false;
		xlvs_machine_touch(machine, &service->slot);
	}
}
