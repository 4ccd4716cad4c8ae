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

static void try_append(struct xlvs_ld_problems *problems, const char *file,
		       struct xlvs_ld_place place)
{
	int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);

	if (fd >= 0)
		close(fd);
	else
		xlvs_ld_problem_add(problems, true, place, "cannot write %s: %s", file,
				    strerror(errno));
}

/* It may be there when it is needed: no more than a warning. */
static void try_command(struct xlvs_ld_problems *problems, const struct xlvs_ld_virtual *service)
{
	bool is_perl = service->checktype == XLVS_LD_EXTERNAL_PERL;
	bool is_run = is_perl || service->checktype == XLVS_LD_EXTERNAL ||
		      service->service == XLVS_SERVICE_oracle;

	if (is_run && access(service->checkcommand, is_perl ? R_OK : X_OK) < 0)
		xlvs_ld_problem_add(problems, false, service->checkcommand_place,
				    "cannot run %s: %s", service->checkcommand, strerror(errno));
}

static void try_files(const struct xlvs_ld_config *config, struct xlvs_ld_problems *problems)
{
	const char *directory = config->maintenancedir;
	struct stat status;
	int facility;

	for (size_t i = 0; i < config->n_virtuals; i++) {
		const struct xlvs_ld_virtual *service = &config->virtuals[i];

		if (service->monitorfile)
			try_append(problems, service->monitorfile, service->monitorfile_place);
		try_command(problems, service);
	}
	if (*config->logfile == '/' && config->logfile_place.line)
		try_append(problems, config->logfile, config->logfile_place);
	else if (*config->logfile != '/' && xlvs_ld_log_facility(config->logfile, &facility) < 0)
		xlvs_ld_problem_add(problems, true, config->logfile_place,
				    "expected a path or a syslog facility such as local0");
	if (directory && (stat(directory, &status) < 0 || !S_ISDIR(status.st_mode)))
		xlvs_ld_problem_add(problems, false, config->maintenancedir_place,
				    "maintenancedir: there is no directory %s", directory);
}

/* Whether the checks can be run as configured. */
static void try_checks(const struct xlvs_ld_config *config, struct xlvs_ld_problems *problems)
{
	struct xlvs_check_engine *engine = NULL;
	struct xlvs_prober *prober = NULL;
	uv_loop_t loop;

	if (uv_loop_init(&loop) < 0)
		return;
	if (xlvs_check_engine_new(&loop, &engine) == 0 &&
	    xlvs_prober_new(&loop, engine, config, problems, &prober) == -ENOMEM)
		xlvs_ld_problem_add(problems, true, (struct xlvs_ld_place){0}, "out of memory");
	xlvs_prober_free(prober);
	if (engine)
		xlvs_check_engine_free(engine);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
}

static void look(const struct xlvs_ld_config *config, struct xlvs_ld_problems *problems)
{
	try_files(config, problems);
	try_checks(config, problems);
}

void xlvs_ld_load(const char *file, bool original, struct xlvs_ld_loaded *ret_loaded)
{
	char host[256] = "localhost";
	const char *named = getenv("HOSTNAME");
	const struct xlvs_ld_reading reading = {&xlvs_ld_system_resolver, named ? named : host,
						original, look};
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
}

void xlvs_ld_loaded_done(struct xlvs_ld_loaded *loaded)
{
	xlvs_ld_config_free(loaded->config);
	xlvs_ld_problems_free(&loaded->problems);
	free(loaded->text);
	*loaded = (struct xlvs_ld_loaded){0};
}
