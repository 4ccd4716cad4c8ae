// SPDX-License-Identifier: GPL-2.0-or-later
/* A file in memory, filled when it is opened: it can be sought in and read again as one of /proc,
 * and needs nobody to go on writing. A connection takes 80 bytes of it. */
#include "preload/proc.h"

#include "base/cleanup.h"
#include "control/client.h"
#include "preload/proc_text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static int write_dests(struct xlvs_client *client, const struct xlvs_service_key *key, FILE *out)
{
	XLVS_AUTO_FREE struct xlvs_dest_info *dests = NULL;
	size_t n = 0;
	int r;

	r = xlvs_client_ask_dests(client, key);
	if (r == 0)
		r = xlvs_client_take_dests(client, &dests, &n);
	for (size_t i = 0; r == 0 && i < n; i++)
		xlvs_proc_dest(out, &dests[i]);
	return r;
}

static int write_services(struct xlvs_client *client, FILE *out)
{
	XLVS_AUTO_FREE struct xlvs_service_info *services = NULL;
	struct xlvs_director_info info;
	size_t n = 0;
	int r;

	r = xlvs_client_info(client, &info);
	if (r == 0)
		r = xlvs_client_services(client, &services, &n);
	if (r == 0)
		xlvs_proc_services_header(out, &info);
	for (size_t i = 0; r == 0 && i < n; i++) {
		xlvs_proc_service(out, &services[i]);
		r = write_dests(client, &services[i].spec.key, out);
	}
	return r;
}

static int write_conn(void *out, const struct xlvs_conn_entry *entry, const struct xlvs_conn_pe *pe)
{
	xlvs_proc_conn(out, entry, pe);
	return 0;
}

static int write_conns(struct xlvs_client *client, FILE *out)
{
	xlvs_proc_conns_header(out);
	return xlvs_client_conns(client, write_conn, out);
}

static int write_conn_origin(void *out, const struct xlvs_conn_entry *entry,
			     const struct xlvs_conn_pe *pe)
{
	(void)pe;
	xlvs_proc_conn_origin(out, entry);
	return 0;
}

static int write_conns_origin(struct xlvs_client *client, FILE *out)
{
	xlvs_proc_conns_origin_header(out);
	return xlvs_client_conns(client, write_conn_origin, out);
}

/* No application helper is registered. */
static int write_apps(struct xlvs_client *client, FILE *out)
{
	(void)client;
	xlvs_proc_apps_header(out);
	return 0;
}

/* The sum over the services there are. */
static int write_stats(struct xlvs_client *client, FILE *out)
{
	XLVS_AUTO_FREE struct xlvs_service_info *services = NULL;
	struct xlvs_stats sum = {.total = {0}};
	size_t n = 0;
	int r;

	r = xlvs_client_services(client, &services, &n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct xlvs_stats *stats = &services[i].stats;

		sum.total.conns += stats->total.conns;
		sum.total.in_packets += stats->total.in_packets;
		sum.total.out_packets += stats->total.out_packets;
		sum.total.in_bytes += stats->total.in_bytes;
		sum.total.out_bytes += stats->total.out_bytes;
		sum.conns_per_sec += stats->conns_per_sec;
		sum.in_packets_per_sec += stats->in_packets_per_sec;
		sum.out_packets_per_sec += stats->out_packets_per_sec;
		sum.in_bytes_per_sec += stats->in_bytes_per_sec;
		sum.out_bytes_per_sec += stats->out_bytes_per_sec;
	}
	if (r == 0)
		xlvs_proc_stats(out, &sum);
	return r;
}

static const struct proc_file {
	const char *name;
	int (*write)(struct xlvs_client *client, FILE *out);
} files[] = {
	{"ip_vs", write_services},    {"ip_vs_app", write_apps},
	{"ip_vs_conn", write_conns},  {"ip_vs_conn_sync", write_conns_origin},
	{"ip_vs_stats", write_stats},
};

static const struct proc_file *find_file(const char *path)
{
	static const char *const folders[] = {"/proc/net/", "/proc/self/net/",
					      "/proc/thread-self/net/"};
	const char *name = NULL;

	for (size_t i = 0; !name && i < sizeof(folders) / sizeof(folders[0]); i++)
		if (!strncmp(path, folders[i], strlen(folders[i])))
			name = path + strlen(folders[i]);
	for (size_t i = 0; name && i < sizeof(files) / sizeof(files[0]); i++)
		if (!strcmp(name, files[i].name))
			return &files[i];
	return NULL;
}

bool xlvs_proc_is_ours(const char *path)
{
	return find_file(path) != NULL;
}

bool xlvs_proc_is_there(const char *path)
{
	int saved = errno;
	struct xlvs_client *client;
	bool is_there = find_file(path) && xlvs_client_open(NULL, &client) == 0;

	if (is_there)
		xlvs_client_close(client);
	errno = saved;
	return is_there;
}

static int fill(const struct proc_file *file, int fd)
{
	struct xlvs_client *client;
	FILE *out;
	int r;

	r = xlvs_client_open(NULL, &client);
	if (r < 0)
		return -ENOENT;
	out = fdopen(dup(fd), "w");
	r = out ? file->write(client, out) : -errno;
	if (out && fclose(out) != 0 && r == 0)
		r = -errno;
	xlvs_client_close(client);
	return r;
}

int xlvs_proc_open(const char *path, int flags)
{
	const struct proc_file *file = find_file(path);
	XLVS_AUTO_CLOSE int fd = -1;
	int r;

	if (!file || (flags & O_ACCMODE) != O_RDONLY)
		return -ENOENT;
	fd = memfd_create(file->name, flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
	if (fd < 0)
		return -errno;
	r = fill(file, fd);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0 || fchmod(fd, 0444) < 0)
		return -errno;
	return xlvs_take_fd(&fd);
}
