// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/maintenance.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* One server and what is known of its host name. */
struct entry {
	struct xlvs_server *server;
	char *host; /* NULL: not looked up, or it has none */
	bool asked, known; /* known: what the name is, or that there is none */
};

struct lookup {
	uv_getnameinfo_t request; /* first: what libuv returns */
	struct xlvs_ld_maintenance *maintenance;
	size_t at;
};

struct xlvs_ld_maintenance {
	uv_loop_t *loop;
	struct xlvs_ld_maintenance_user user;
	char *directory;
	struct timespec changed;
	char **files;
	size_t n_files;
	struct entry *entries;
	size_t n_entries;
	size_t n_lookups;
	bool has_names; /* a file's name is no address */
	bool is_ended;
};

static void free_files(struct xlvs_ld_maintenance *maintenance)
{
	for (size_t i = 0; i < maintenance->n_files; i++)
		free(maintenance->files[i]);
	free(maintenance->files);
	maintenance->files = NULL;
	maintenance->n_files = 0;
}

static void release(struct xlvs_ld_maintenance *maintenance)
{
	if (maintenance->n_lookups)
		return;
	free_files(maintenance);
	for (size_t i = 0; i < maintenance->n_entries; i++)
		free(maintenance->entries[i].host);
	free(maintenance->entries);
	free(maintenance->directory);
	free(maintenance);
}

void xlvs_ld_maintenance_free(struct xlvs_ld_maintenance *maintenance)
{
	if (!maintenance)
		return;
	maintenance->is_ended = true;
	release(maintenance);
}

/* `file` is NAME or NAME:PORT. */
static bool names(const char *file, const char *name, size_t length, uint16_t port)
{
	char with_port[16];

	if (strncmp(file, name, length) != 0)
		return false;
	snprintf(with_port, sizeof(with_port), ":%u", port);
	return !file[length] || strcmp(file + length, with_port) == 0;
}

static bool is_named(const struct xlvs_ld_maintenance *maintenance, const struct entry *entry)
{
	const struct xlvs_ld_real *real = entry->server->real;
	const char *host = entry->host;

	for (size_t i = 0; i < maintenance->n_files; i++) {
		const char *file = maintenance->files[i];

		if (names(file, real->host, strlen(real->host), real->port))
			return true;
		if (host && (names(file, host, strlen(host), real->port) ||
			     names(file, host, strcspn(host, "."), real->port)))
			return true;
	}
	return false;
}

static void decide(struct xlvs_ld_maintenance *maintenance, const struct entry *entry)
{
	bool on = is_named(maintenance, entry);

	/* Nobody leaves on the guess that it has no name. */
	if (!on && maintenance->has_names && !entry->known)
		return;
	if (on != entry->server->maintenance)
		maintenance->user.changed(maintenance->user.context, entry->server, on);
}

static void on_name(uv_getnameinfo_t *request, int status, const char *host, const char *service)
{
	struct lookup *lookup = (struct lookup *)request;
	struct xlvs_ld_maintenance *maintenance = lookup->maintenance;
	struct entry *entry = &maintenance->entries[lookup->at];

	(void)service;
	if (status == 0 && host)
		entry->host = strdup(host);
	entry->known = true;
	free(lookup);
	maintenance->n_lookups--;
	if (maintenance->is_ended)
		release(maintenance);
	else
		decide(maintenance, entry);
}

static void look_up(struct xlvs_ld_maintenance *maintenance, size_t at)
{
	struct entry *entry = &maintenance->entries[at];
	const struct xlvs_dest_key *key = &entry->server->real->key;
	struct lookup *lookup = calloc(1, sizeof(*lookup));
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	int r;

	if (!lookup)
		return;
	lookup->maintenance = maintenance;
	lookup->at = at;
	memcpy(&v4.sin_addr, key->address.bytes, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, key->address.bytes, sizeof(v6.sin6_addr));
	r = uv_getnameinfo(maintenance->loop, &lookup->request, on_name,
			   key->family == AF_INET6 ? (struct sockaddr *)&v6
						   : (struct sockaddr *)&v4,
			   NI_NAMEREQD);
	if (r < 0) {
		free(lookup);
		return;
	}
	entry->asked = true;
	maintenance->n_lookups++;
}

/* No more than digits, dots, colons, brackets and the letters of an IPv6 address. */
static bool is_address(const char *file)
{
	return *file == '[' || strspn(file, "0123456789.:") == strlen(file);
}

static void read_directory(struct xlvs_ld_maintenance *maintenance)
{
	DIR *directory = opendir(maintenance->directory);
	const struct dirent *found;

	free_files(maintenance);
	if (!directory)
		return;
	while ((found = readdir(directory))) {
		char **files;

		if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0)
			continue;
		files = reallocarray(maintenance->files, maintenance->n_files + 1, sizeof(*files));
		if (!files)
			break;
		maintenance->files = files;
		files[maintenance->n_files] = strdup(found->d_name);
		maintenance->n_files += files[maintenance->n_files] != NULL;
	}
	closedir(directory);
}

void xlvs_ld_maintenance_look(struct xlvs_ld_maintenance *maintenance)
{
	struct stat status = {0};

	if (!maintenance->directory)
		return;
	/* A directory that is not there names nobody. */
	if (stat(maintenance->directory, &status) == 0 &&
	    memcmp(&status.st_mtim, &maintenance->changed, sizeof(status.st_mtim)) == 0)
		return;
	maintenance->changed = status.st_mtim;
	read_directory(maintenance);
	maintenance->has_names = false;
	for (size_t i = 0; i < maintenance->n_files; i++)
		maintenance->has_names =
			maintenance->has_names || !is_address(maintenance->files[i]);
	for (size_t i = 0; i < maintenance->n_entries; i++) {
		decide(maintenance, &maintenance->entries[i]);
		if (maintenance->has_names && !maintenance->entries[i].asked)
			look_up(maintenance, i);
	}
}

static int list_entries(struct xlvs_ld_maintenance *maintenance,
			const struct xlvs_services *services)
{
	const struct xlvs_service *service;
	size_t n = 0;

	TAILQ_FOREACH(service, services, link)
	n += service->n_servers;
	maintenance->entries = calloc(n + 1, sizeof(*maintenance->entries));
	if (!maintenance->entries)
		return -ENOMEM;
	TAILQ_FOREACH(service, services, link)
	for (size_t i = 0; i < service->n_servers; i++)
		maintenance->entries[maintenance->n_entries++].server = &service->servers[i];
	return 0;
}

int xlvs_ld_maintenance_new(uv_loop_t *loop, const char *directory,
			    const struct xlvs_services *services,
			    const struct xlvs_ld_maintenance_user *user,
			    struct xlvs_ld_maintenance **ret_maintenance)
{
	struct xlvs_ld_maintenance *maintenance = calloc(1, sizeof(*maintenance));
	int r;

	if (!maintenance)
		return -ENOMEM;
	maintenance->loop = loop;
	maintenance->user = *user;
	if (directory)
		maintenance->directory = strdup(directory);
	r = list_entries(maintenance, services);
	if (r < 0) {
		release(maintenance);
		return r;
	}
	/* Whoever was in maintenance by the last configuration's directory. */
	for (size_t i = 0; !directory && i < maintenance->n_entries; i++)
		decide(maintenance, &maintenance->entries[i]);
	xlvs_ld_maintenance_look(maintenance);
	*ret_maintenance = maintenance;
	return 0;
}
