// SPDX-License-Identifier: GPL-2.0-or-later
#include "realserver/state.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define STATE_DIR "/run/xlvs/rs"

static int netns_cookie(uint64_t *ret)
{
	XLVS_AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t bytes = sizeof(*ret);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, ret, &bytes) < 0)
		return -errno;
	return 0;
}

static int lock_directory(int *ret_fd)
{
	XLVS_AUTO_CLOSE int fd = -1;

	if (mkdir("/run/xlvs", 0755) < 0 && errno != EEXIST)
		return -errno;
	if (mkdir(STATE_DIR, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = open(STATE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return -errno;
	*ret_fd = xlvs_take_fd(&fd);
	return 0;
}

static void *grow(void *array, size_t n, size_t bytes)
{
	return reallocarray(array, n + 1, bytes);
}

int xlvs_rs_state_add_entry(struct xlvs_rs_state *state, const struct xlvs_rs_entry *entry)
{
	struct xlvs_rs_entry *grown = grow(state->entries, state->n_entries, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	state->entries = grown;
	grown[state->n_entries++] = *entry;
	return 0;
}

int xlvs_rs_state_add_sysctl(struct xlvs_rs_state *state, const struct xlvs_rs_sysctl *sysctl)
{
	struct xlvs_rs_sysctl *grown = grow(state->sysctls, state->n_sysctls, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	state->sysctls = grown;
	grown[state->n_sysctls++] = *sysctl;
	return 0;
}

void xlvs_rs_state_remove_entry(struct xlvs_rs_state *state, struct xlvs_rs_entry *entry)
{
	struct xlvs_rs_entry *end = state->entries + state->n_entries;

	memmove(entry, entry + 1, (size_t)((char *)end - (char *)(entry + 1)));
	state->n_entries--;
}

struct xlvs_rs_entry *xlvs_rs_state_find(const struct xlvs_rs_state *state,
					 const struct in6_addr *address)
{
	for (size_t i = 0; i < state->n_entries; i++)
		if (IN6_ARE_ADDR_EQUAL(&state->entries[i].vip.address, address))
			return &state->entries[i];
	return NULL;
}

const struct xlvs_rs_vip *xlvs_rs_state_fullnat(const struct xlvs_rs_state *state)
{
	for (size_t i = 0; i < state->n_entries; i++)
		if (state->entries[i].vip.method == XLVS_RS_FULLNAT)
			return &state->entries[i].vip;
	return NULL;
}

static int read_interfaces(const json_t *json, struct xlvs_rs_vip *vip)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(json) || json_array_size(json) > XLVS_RS_INTERFACES_MAX)
		return -EINVAL;
	json_array_foreach(json, i, item)
	{
		if (!json_is_string(item) || json_string_length(item) >= IF_NAMESIZE)
			return -EINVAL;
		memcpy(vip->interfaces[i], json_string_value(item), json_string_length(item) + 1);
	}
	vip->n_interfaces = i;
	return 0;
}

static int read_directors(const json_t *json, struct xlvs_rs_vip *vip)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(json) || json_array_size(json) > XLVS_RS_DIRECTORS_MAX)
		return -EINVAL;
	json_array_foreach(json, i, item) if (!json_is_string(item) ||
					      xlvs_rs_address_parse(json_string_value(item),
								    &vip->directors[i],
								    NULL)) return -EINVAL;
	vip->n_directors = i;
	return 0;
}

static int read_entry(json_t *json, struct xlvs_rs_entry *ret)
{
	struct xlvs_rs_entry entry = {};
	json_t *interfaces, *directors;
	const char *address, *method;
	int added, port = 0, kind = 0, kind6 = 0;

	if (json_unpack(json, "{s:s,s:s,s:o,s:o,s:b,s?i,s?i,s?i}", "vip", &address, "method",
			&method, "interfaces", &interfaces, "from", &directors, "address_added",
			&added, "tun_port", &port, "toa_kind", &kind, "toa_kind6", &kind6) ||
	    port < 0 || port > UINT16_MAX || kind < 0 || kind > UINT8_MAX || kind6 < 0 ||
	    kind6 > UINT8_MAX || xlvs_rs_address_parse(address, &entry.vip.address, NULL) ||
	    xlvs_rs_method_parse(method, &entry.vip.method, NULL) ||
	    read_interfaces(interfaces, &entry.vip) || read_directors(directors, &entry.vip))
		return -EINVAL;
	entry.address_added = added;
	entry.vip.gue_port = (uint16_t)port;
	entry.vip.toa_kind = (uint8_t)kind;
	entry.vip.toa_kind6 = (uint8_t)kind6;
	*ret = entry;
	return 0;
}

static int read_sysctl(json_t *json, struct xlvs_rs_sysctl *ret)
{
	struct xlvs_rs_sysctl sysctl = {};
	const char *name;

	if (json_unpack(json, "{s:s,s:i,s:i}", "name", &name, "before", &sysctl.before, "set",
			&sysctl.set) ||
	    strlen(name) >= sizeof(sysctl.name))
		return -EINVAL;
	memcpy(sysctl.name, name, strlen(name) + 1);
	*ret = sysctl;
	return 0;
}

static int read_state(json_t *json, struct xlvs_rs_state *state)
{
	struct xlvs_rs_sysctl sysctl;
	struct xlvs_rs_entry entry;
	json_t *vips, *sysctls, *item;
	size_t i;

	if (json_unpack(json, "{s:o,s:o}", "vips", &vips, "sysctls", &sysctls) ||
	    !json_is_array(vips) || !json_is_array(sysctls))
		return -EINVAL;
	json_array_foreach(vips, i, item)
	{
		if (read_entry(item, &entry))
			return -EINVAL;
		if (xlvs_rs_state_add_entry(state, &entry))
			return -ENOMEM;
	}
	json_array_foreach(sysctls, i, item)
	{
		if (read_sysctl(item, &sysctl))
			return -EINVAL;
		if (xlvs_rs_state_add_sysctl(state, &sysctl))
			return -ENOMEM;
	}
	return 0;
}

static int read_file(struct xlvs_rs_state *state, struct xlvs_error *reterr)
{
	json_error_t error;
	json_t *json;
	int r;

	if (access(state->path, F_OK) < 0 && errno == ENOENT)
		return 0;
	json = json_load_file(state->path, 0, &error);
	if (!json)
		return xlvs_refuse(reterr, -EIO, "%s: %s", state->path, error.text);
	r = read_state(json, state);
	json_decref(json);
	if (r == -EINVAL)
		xlvs_refuse(reterr, r, "%s is not a record of xlvs rs", state->path);
	return r;
}

int xlvs_rs_state_open(struct xlvs_rs_state *ret, struct xlvs_error *reterr)
{
	struct xlvs_rs_state state = {.lock_fd = -1};
	int r;

	r = netns_cookie(&state.netns_cookie);
	if (r)
		return xlvs_refuse(reterr, r, "the network namespace has no cookie: %s",
				   strerror(-r));
	r = lock_directory(&state.lock_fd);
	if (r)
		return xlvs_refuse(reterr, r, "%s: %s", STATE_DIR, strerror(-r));
	snprintf(state.path, sizeof(state.path), "%s/%" PRIu64 ".json", STATE_DIR,
		 state.netns_cookie);
	r = read_file(&state, reterr);
	if (r) {
		xlvs_rs_state_close(&state);
		return r;
	}
	*ret = state;
	return 0;
}

void xlvs_rs_state_close(struct xlvs_rs_state *state)
{
	free(state->entries);
	free(state->sysctls);
	xlvs_close_fd(&state->lock_fd);
}

static json_t *write_entry(const struct xlvs_rs_entry *entry)
{
	json_t *interfaces = json_array(), *directors = json_array();
	const struct xlvs_rs_vip *vip = &entry->vip;
	char text[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < vip->n_interfaces; i++)
		json_array_append_new(interfaces, json_string(vip->interfaces[i]));
	for (size_t i = 0; i < vip->n_directors; i++) {
		xlvs_rs_address_text(&vip->directors[i], text);
		json_array_append_new(directors, json_string(text));
	}
	return json_pack("{s:s,s:s,s:o,s:o,s:b,s:i,s:i,s:i}", "vip",
			 xlvs_rs_address_text(&vip->address, text), "method",
			 xlvs_rs_method_name(vip->method), "interfaces", interfaces, "from",
			 directors, "address_added", entry->address_added, "tun_port",
			 vip->gue_port, "toa_kind", vip->toa_kind, "toa_kind6", vip->toa_kind6);
}

int xlvs_rs_state_save(const struct xlvs_rs_state *state, struct xlvs_error *reterr)
{
	json_t *vips = json_array(), *sysctls = json_array(), *json;
	char fresh[PATH_MAX + 4];
	int r;

	if (!state->n_entries && !state->n_sysctls) {
		json_decref(vips);
		json_decref(sysctls);
		r = unlink(state->path) < 0 && errno != ENOENT ? -errno : 0;
		return r ? xlvs_refuse(reterr, r, "%s: %s", state->path, strerror(-r)) : 0;
	}
	for (size_t i = 0; i < state->n_entries; i++)
		json_array_append_new(vips, write_entry(&state->entries[i]));
	for (size_t i = 0; i < state->n_sysctls; i++)
		json_array_append_new(sysctls,
				      json_pack("{s:s,s:i,s:i}", "name", state->sysctls[i].name,
						"before", state->sysctls[i].before, "set",
						state->sysctls[i].set));
	json = json_pack("{s:o,s:o}", "vips", vips, "sysctls", sysctls);

	snprintf(fresh, sizeof(fresh), "%s.new", state->path);
	r = json ? json_dump_file(json, fresh, JSON_INDENT(2)) : -1;
	json_decref(json);
	if (!r && !rename(fresh, state->path))
		return 0;
	unlink(fresh);
	return xlvs_refuse(reterr, -EIO, "%s cannot be written", state->path);
}
