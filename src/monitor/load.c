// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/load.h"

#include "base/cleanup.h"
#include "monitor/log.h"
#include "monitor/prober.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX_BYTES (64 << 20)

int xlvs_ld_read_file(const char *file, char **ret_text, size_t *ret_bytes)
{
	XLVS_AUTO_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC);
	XLVS_AUTO_FREE char *text = NULL;
	size_t bytes = 0, room = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		if (bytes == room) {
			char *wider = realloc(text, room = room ? 2 * room : 65536);

			if (!wider)
				return -ENOMEM;
			text = wider;
		}
		n = read(fd, text + bytes, room - bytes);
		if (n < 0)
			return -errno;
		bytes += (size_t)n;
		if (bytes > FILE_MAX_BYTES)
			return -EFBIG;
	} while (n > 0);
	*ret_text = xlvs_take_ptr(text);
	*ret_bytes = bytes;
	return 0;
}

static void try_append(struct xlvs_ld_loaded *loaded, const char *file, struct xlvs_ld_place place)
{
	int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);

	if (fd >= 0)
		close(fd);
	else
		xlvs_ld_problem_add(&loaded->problems, true, place, "cannot write %s: %s", file,
				    strerror(errno));
}

static void try_files(struct xlvs_ld_loaded *loaded)
{
	const struct xlvs_ld_config *config = loaded->config;
	const char *directory = config->maintenancedir;
	struct stat status;
	int facility;

	for (size_t i = 0; i < config->n_virtuals; i++)
		if (config->virtuals[i].monitorfile)
			try_append(loaded, config->virtuals[i].monitorfile,
				   config->virtuals[i].place);
	if (*config->logfile == '/' && config->logfile_place.line)
		try_append(loaded, config->logfile, config->logfile_place);
	else if (*config->logfile != '/' && xlvs_ld_log_facility(config->logfile, &facility) < 0)
		xlvs_ld_problem_add(&loaded->problems, true, config->logfile_place,
				    "expected a path or a syslog facility such as local0");
	if (directory && (stat(directory, &status) < 0 || !S_ISDIR(status.st_mode)))
		xlvs_ld_problem_add(&loaded->problems, false, (struct xlvs_ld_place){0},
				    "maintenancedir: there is no directory %s", directory);
}

static void drop_faulty(struct xlvs_ld_loaded *loaded)
{
	if (!loaded->problems.n_errors)
		return;
	xlvs_ld_config_free(loaded->config);
	loaded->config = NULL;
}

void xlvs_ld_load(const char *file, bool original, struct xlvs_ld_loaded *ret_loaded)
{
	char host[256] = "localhost";
	const char *named = getenv("HOSTNAME");
	const struct xlvs_ld_reading reading = {&xlvs_ld_system_resolver, named ? named : host,
						original};
	struct xlvs_ld_loaded *loaded = ret_loaded;
	int r;

	*loaded = (struct xlvs_ld_loaded){0};
	gethostname(host, sizeof(host) - 1);
	r = xlvs_ld_read_file(file, &loaded->text, &loaded->bytes);
	if (r < 0) {
		xlvs_ld_problem_add(&loaded->problems, true, (struct xlvs_ld_place){0},
				    "cannot read it: %s", strerror(-r));
		return;
	}
	r = xlvs_ld_config_read(loaded->text, loaded->bytes, &reading, &loaded->problems,
				&loaded->config);
	if (r == -ENOMEM)
		xlvs_ld_problem_add(&loaded->problems, true, (struct xlvs_ld_place){0},
				    "out of memory");
	if (loaded->config)
		try_files(loaded);
	drop_faulty(loaded);
}

void xlvs_ld_loaded_done(struct xlvs_ld_loaded *loaded)
{
	xlvs_ld_config_free(loaded->config);
	xlvs_ld_problems_free(&loaded->problems);
	free(loaded->text);
	*loaded = (struct xlvs_ld_loaded){0};
}

void xlvs_ld_try_checks(struct xlvs_ld_loaded *loaded)
{
	struct xlvs_check_engine *engine = NULL;
	struct xlvs_prober *prober = NULL;
	uv_loop_t loop;

	if (!loaded->config || uv_loop_init(&loop) < 0)
		return;
	if (xlvs_check_engine_new(&loop, &engine) == 0 &&
	    xlvs_prober_new(&loop, engine, loaded->config, &loaded->problems, &prober) == -ENOMEM)
		xlvs_ld_problem_add(&loaded->problems, true, (struct xlvs_ld_place){0},
				    "out of memory");
	xlvs_prober_free(prober);
	if (engine)
		xlvs_check_engine_free(engine);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	drop_faulty(loaded);
}
