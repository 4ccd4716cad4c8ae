// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader_world.h"

#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

void world_run_command(const char *command)
{
	if (system(command)) /* NOLINT(cert-env33-c) */
		fail_msg("failed: %s", command);
}

int world_setup(void **state)
{
	struct director *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	world_run("ip link set lo up");
	world_run("ip link add v0 type veth peer name v1");
	world_run("ip link set v0 up");
	world_run("ip link set v1 up");
	*state = d;
	return 0;
}

int world_teardown(void **state)
{
	struct director *d = *state;

	if (d->loader)
		world_shutdown(d);
	free(d);
	return 0;
}

void world_open(struct director *d, bool adopted)
{
	struct xlvs_loader_options options = {.connections = WORLD_CONNECTIONS};
	bool found;

	d->f.model = xlvs_model_new();
	assert_non_null(d->f.model);
	if (xlvs_loader_open(&options, &d->loader, &found, &d->f.error))
		fail_msg("%s", d->f.error.text);
	assert_int_equal(found, adopted);
	if (found && xlvs_loader_adopt(d->loader, d->f.model, &d->f.error))
		fail_msg("%s", d->f.error.text);
}

void world_close(struct director *d)
{
	xlvs_loader_close(d->loader);
	xlvs_model_free(d->f.model);
	xlvs_plan_done(&d->f.plan);
	*d = (struct director){};
}

void world_shutdown(struct director *d)
{
	xlvs_loader_shutdown(d->loader);
	world_close(d);
}

uint32_t world_ifindex(const char *name)
{
	uint32_t ifindex = if_nametoindex(name);

	assert_int_not_equal(ifindex, 0);
	return ifindex;
}

pid_t world_child(void (*work)(void *context), void *context)
{
	int ends[2];
	char done;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(ends[0]);
		work(context);
		if (write(ends[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &done, 1), 1);
	close(ends[0]);
	return pid;
}

void world_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}
