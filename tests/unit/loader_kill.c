// SPDX-License-Identifier: GPL-2.0-or-later
/* kill -9 between any two instructions: a child carries out one command, is stepped through a
 * number of instructions by ptrace and killed. Whoever adopts the maps then finds the command done
 * or not begun, and everything else as it was. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loader_fixture.h"

enum {
	KILLS_BEFORE = 4,
	KILLS_WHILE = 10,
	SERVICES = 3,
	DESTS = 4
};

typedef int command(struct director *d);

static const char *vip(int i)
{
	static char text[32];

	snprintf(text, sizeof(text), "192.0.2.%d", 1 + i);
	return text;
}

static const char *server(int i)
{
	static char text[32];

	snprintf(text, sizeof(text), "198.51.100.%d", 1 + i);
	return text;
}

/* Some services and destinations, one of these in the trash; whatever stood there before. */
static void configure(struct director *d)
{
	struct xlvs_timeouts timeouts = {.tcp_sec = 900, .tcp_fin_sec = 120, .udp_sec = 300};
	const struct xlvs_model_dest *dest;

	make(d, xlvs_model_flush(d->f.model, &d->f.plan));
	while ((dest = xlvs_model_next_dest(d->f.model, 0)))
		make(d, xlvs_model_free_dest(d->f.model, dest->id, &d->f.plan));
	for (int i = 0; i < SERVICES; i++) {
		make(d, add_service(&d->f, vip(i), "wrr"));
		for (int j = 0; j < DESTS; j++)
			make(d, add_dest(&d->f, vip(i), server(j)));
	}
	make(d, delete_dest(&d->f, vip(0), server(3)));
	make(d, xlvs_model_set_timeouts(d->f.model, &timeouts, &d->f.plan, &d->f.error));
	make(d, xlvs_model_set_setting(d->f.model, "lblc_expiration", "86400", &d->f.plan,
				       &d->f.error));
}

static int new_service(struct director *d)
{
	return add_service(&d->f, vip(SERVICES), "sh");
}

static int change_service(struct director *d)
{
	struct xlvs_service_spec spec = service_spec(vip(0), "sh");

	spec.timeout_sec = 77;
	return xlvs_model_edit_service(d->f.model, &spec, &d->f.plan, &d->f.error);
}

static int drop_service(struct director *d)
{
	return delete_service(&d->f, vip(0));
}

static int new_dest(struct director *d)
{
	return add_dest(&d->f, vip(0), server(DESTS));
}

static int dest_comes_back(struct director *d)
{
	return add_dest(&d->f, vip(0), server(3));
}

static int change_dest(struct director *d)
{
	struct xlvs_service_key service = service_key(vip(0));
	struct xlvs_dest_spec spec = dest_spec(server(0), 99);

	spec.method = XLVS_METHOD_DR;
	return xlvs_model_edit_dest(d->f.model, &service, &spec, &d->f.plan, &d->f.error);
}

static int drop_dest(struct director *d)
{
	return delete_dest(&d->f, vip(0), server(1));
}

static int free_trash(struct director *d)
{
	return xlvs_model_free_dest(d->f.model, dest_id(d, vip(0), server(3)), &d->f.plan);
}

static int set_timeouts(struct director *d)
{
	struct xlvs_timeouts timeouts = {.tcp_sec = 1, .tcp_fin_sec = 2, .udp_sec = 3};

	return xlvs_model_set_timeouts(d->f.model, &timeouts, &d->f.plan, &d->f.error);
}

static int set_setting(struct director *d)
{
	return xlvs_model_set_setting(d->f.model, "lblc_expiration", "60", &d->f.plan, &d->f.error);
}

static int flush(struct director *d)
{
	return xlvs_model_flush(d->f.model, &d->f.plan);
}

/* The child: plan the command, wait to be stepped, carry it out. */
static void __attribute__((noreturn)) carry_out_in_steps(struct director *d, command *change)
{
	if (change(d) || ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(2);
	raise(SIGSTOP);
	_exit(xlvs_loader_apply(d->loader, d->f.model, &d->f.plan, NULL) ? 3 : 0);
}

/* The command's length in instructions, and between which of them the journal is valid. */
struct course {
	uint32_t length, from, to;
};

static void watch(const struct director *d, uint32_t done, struct course *course)
{
	bool is_valid = __atomic_load_n(&d->loader->private->journal_words, __ATOMIC_RELAXED) != 0;

	course->length = done;
	if (is_valid && !course->from)
		course->from = done;
	if (is_valid)
		course->to = done;
}

/* Kill the child after so many instructions, or let it finish if it needs fewer. */
static void kill_after(struct director *d, command *change, uint32_t instructions,
		       struct course *ret_course)
{
	struct course course = {};
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		carry_out_in_steps(d, change);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	for (uint32_t done = 1; done <= instructions; done++) {
		assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		watch(d, done, &course);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			*ret_course = course;
			return;
		}
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	*ret_course = course;
}

struct tally {
	uint32_t undone, done, completed;
};

static void kill_once(struct director *d, command *change, uint32_t instructions,
		      struct tally *tally)
{
	struct xlvs_model *before, *after;
	struct course course;

	configure(d);
	before = copy_of_model(d->f.model);
	kill_after(d, change, instructions, &course);
	assert_int_equal(change(d), 0);
	d->f.plan.n_ops = 0;
	after = copy_of_model(d->f.model);
	tally->completed += d->loader->private->journal_words != 0;
	restart(d);
	expect_maps_as_model(d->loader, d->f.model);
	if (is_same_model(d->f.model, before))
		tally->undone++;
	else if (is_same_model(d->f.model, after))
		tally->done++;
	else
		fail_msg("neither done nor undone after %u instructions", instructions);
	xlvs_model_free(before);
	xlvs_model_free(after);
}

/* Kills before, while and after the journal is valid. */
static void kill_everywhere(void **state, command *change)
{
	struct director *d = *state;
	struct tally tally = {};
	struct course course;

	configure(d);
	kill_after(d, change, UINT32_MAX, &course);
	assert_true(course.from > 0);
	restart(d);
	for (uint32_t i = 0; i < KILLS_BEFORE; i++)
		kill_once(d, change, course.from * i / KILLS_BEFORE, &tally);
	for (uint32_t i = 0; i < KILLS_WHILE; i++)
		kill_once(d, change,
			  course.from + (course.to - course.from) * i / (KILLS_WHILE - 1), &tally);
	kill_once(d, change, course.to + 2, &tally);
	print_message("%u instructions, journal valid from %u to %u; killed: %u not begun, %u "
		      "done, %u of these completed\n",
		      course.length, course.from, course.to, tally.undone, tally.done,
		      tally.completed);
	assert_true(tally.undone >= KILLS_BEFORE - 1);
	assert_true(tally.completed >= KILLS_WHILE / 2);
	assert_true(tally.done >= tally.completed);
}

#define KILL_TEST(change)                                              \
	static void test_##change##_is_done_or_not_begun(void **state) \
	{                                                              \
		kill_everywhere(state, change);                        \
	}

KILL_TEST(new_service)
KILL_TEST(change_service)
KILL_TEST(drop_service)
KILL_TEST(new_dest)
KILL_TEST(dest_comes_back)
KILL_TEST(change_dest)
KILL_TEST(drop_dest)
KILL_TEST(free_trash)
KILL_TEST(set_timeouts)
KILL_TEST(set_setting)
KILL_TEST(flush)

/* Stepping is a conversation between two processes: on one CPU it needs no wake-ups. */
static void stay_on_one_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		director_test(test_new_service_is_done_or_not_begun),
		director_test(test_change_service_is_done_or_not_begun),
		director_test(test_drop_service_is_done_or_not_begun),
		director_test(test_new_dest_is_done_or_not_begun),
		director_test(test_dest_comes_back_is_done_or_not_begun),
		director_test(test_change_dest_is_done_or_not_begun),
		director_test(test_drop_dest_is_done_or_not_begun),
		director_test(test_free_trash_is_done_or_not_begun),
		director_test(test_set_timeouts_is_done_or_not_begun),
		director_test(test_set_setting_is_done_or_not_begun),
		director_test(test_flush_is_done_or_not_begun),
	};

	stay_on_one_cpu();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
