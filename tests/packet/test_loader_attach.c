// SPDX-License-Identifier: GPL-2.0-or-later
/* On which interfaces the program runs, in which mode, and how it is replaced there. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "loader/attachment.h"
#include "loader_world.h"

enum {
	SOME_OTHER_PORT = 4000,
	UPDATES = 5,
	BURST = 20,
	RECEIVE_BYTES = 256 << 20,
};

static int attach(struct director *d, const char *interface, enum xlvs_mode mode, bool *ret_native)
{
	return xlvs_loader_attach(d->loader, world_ifindex(interface), mode, ret_native,
				  &d->f.error);
}

/* The program of the interface, 0 without. */
static uint32_t program_of(const char *interface, bool *ret_native)
{
	struct xlvs_attachment attachment;

	assert_int_equal(xlvs_attachment_get(world_ifindex(interface), &attachment), 0);
	*ret_native = attachment.native;
	return attachment.program_id;
}

static void expect_attached(struct director *d, const char *interface, enum xlvs_mode mode,
			    bool native)
{
	bool became = !native, is = !native;

	if (attach(d, interface, mode, &became))
		fail_msg("%s", d->f.error.text);
	assert_int_equal(became, native);
	assert_int_not_equal(program_of(interface, &is), 0);
	assert_int_equal(is, native);
}

static void test_the_mode_is_the_one_asked_for(void **state)
{
	struct director *d = *state;
	bool native;

	world_open(d, false);
	expect_attached(d, "v0", XLVS_MODE_NATIVE, true);
	expect_attached(d, "v0", XLVS_MODE_AUTO, true);
	expect_attached(d, "v0", XLVS_MODE_GENERIC, false);
	expect_attached(d, "v0", XLVS_MODE_AUTO, false);
	expect_attached(d, "v0", XLVS_MODE_NATIVE, true);
	expect_attached(d, "v1", XLVS_MODE_AUTO, true);
	assert_int_equal(attach(d, "lo", XLVS_MODE_NATIVE, &native), -EOPNOTSUPP);
	assert_non_null(strstr(d->f.error.text, "native"));
	expect_attached(d, "lo", XLVS_MODE_AUTO, false);
}

static void test_an_interface_that_vanished_is_no_device(void **state)
{
	struct director *d = *state;
	uint32_t v0 = world_ifindex("v0");
	bool native;

	world_open(d, false);
	expect_attached(d, "v0", XLVS_MODE_AUTO, true);
	world_run("ip link del v0");
	assert_int_equal(xlvs_loader_attach(d->loader, v0, XLVS_MODE_AUTO, &native, &d->f.error),
			 -ENODEV);
	assert_string_equal(d->f.error.text, "cannot attach: No such device");
	assert_int_equal(xlvs_loader_detach(d->loader, v0), -ENODEV);
}

static int another_program(void)
{
	const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 2},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "another", "GPL", pass, 2, NULL);
}

static void test_another_program_is_not_displaced(void **state)
{
	struct director *d = *state;
	int another = another_program();
	bool native;

	world_open(d, false);
	assert_int_equal(bpf_xdp_attach((int)world_ifindex("v0"), another, 0, NULL), 0);
	for (int mode = XLVS_MODE_AUTO; mode <= XLVS_MODE_GENERIC; mode++) {
		assert_int_equal(attach(d, "v0", (enum xlvs_mode)mode, &native), -EBUSY);
		assert_string_equal(d->f.error.text, "another XDP program is attached");
	}
	assert_int_equal(xlvs_loader_detach(d->loader, world_ifindex("v0")), -ENOENT);
	xlvs_loader_shutdown(d->loader);
	assert_int_not_equal(program_of("v0", &native), 0);
	close(another);
}

static void test_detached_and_shut_down_it_is_off(void **state)
{
	struct director *d = *state;
	bool native;

	world_open(d, false);
	expect_attached(d, "v0", XLVS_MODE_NATIVE, true);
	expect_attached(d, "v1", XLVS_MODE_GENERIC, false);
	expect_attached(d, "lo", XLVS_MODE_AUTO, false);
	assert_int_equal(xlvs_loader_detach(d->loader, world_ifindex("v0")), 0);
	assert_int_equal(program_of("v0", &native), 0);
	assert_int_equal(xlvs_loader_detach(d->loader, world_ifindex("v0")), -ENOENT);
	expect_attached(d, "v0", XLVS_MODE_NATIVE, true);
	world_shutdown(d);
	assert_int_equal(program_of("v0", &native), 0);
	assert_int_equal(program_of("v1", &native), 0);
	assert_int_equal(program_of("lo", &native), 0);
	world_open(d, false);
}

static void test_a_new_daemon_replaces_the_program_everywhere(void **state)
{
	struct director *d = *state;
	uint32_t before, after;
	bool native;

	world_open(d, false);
	expect_attached(d, "v0", XLVS_MODE_NATIVE, true);
	expect_attached(d, "v1", XLVS_MODE_GENERIC, false);
	before = program_of("v0", &native);
	assert_int_equal(program_of("v1", &native), before);
	world_close(d);
	assert_int_equal(program_of("v0", &native), before);

	world_open(d, true);
	after = program_of("v0", &native);
	assert_true(native);
	assert_int_not_equal(after, before);
	assert_int_equal(program_of("v1", &native), after);
	assert_false(native);
}

/* An interface that came from another director's network namespace brings its program along. */
static void test_another_directors_interface_is_left_alone(void **state)
{
	struct director *d = *state;
	struct director other = {};
	int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	char path[64];
	bool native;

	world_open(d, false);
	expect_attached(d, "v0", XLVS_MODE_NATIVE, true);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), here);
	world_run("nsenter --net=%s ip link set v0 netns %d", path, getpid());
	world_open(&other, false);
	assert_int_equal(attach(&other, "v0", XLVS_MODE_AUTO, &native), -EBUSY);
	world_shutdown(&other);
	assert_int_not_equal(program_of("v0", &native), 0);
	assert_int_equal(setns(here, CLONE_NEWNET), 0);
	close(here);
}

struct sender {
	volatile int *stop; /* shared memory */
	volatile int *sent;
};

/* Twenty datagrams a millisecond until told to stop. */
static void __attribute__((noreturn)) send_until_stopped(const struct sender *sender, int start)
{
	const struct timespec pause_between = {.tv_nsec = 1000000};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(SOME_OTHER_PORT)};
	char data[16] = {};
	int fd;

	to.sin_addr.s_addr = htonl(0xc0000201);
	if (unshare(CLONE_NEWNET) || write(start, "", 1) != 1 || read(start, data, 1) != 1)
		_exit(1);
	world_run("ip addr add 192.0.2.2/24 dev v1; ip link set v1 up; ethtool -K v1 tx off "
		  ">/dev/null");
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	while (!*sender->stop) {
		for (int i = 0; i < BURST; i++) {
			if (sendto(fd, data, sizeof(data), 0, (struct sockaddr *)&to, sizeof(to)) ==
			    (ssize_t)sizeof(data))
				*sender->sent += 1;
		}
		nanosleep(&pause_between, NULL);
	}
	_exit(0);
}

static int receiver(void)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(SOME_OTHER_PORT)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	int bytes = RECEIVE_BYTES;

	assert_int_equal(bind(fd, (struct sockaddr *)&here, sizeof(here)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)), 0);
	return fd;
}

static int receive_all(int fd)
{
	char data[16];
	int n = 0;

	while (recv(fd, data, sizeof(data), 0) > 0)
		n++;
	return n;
}

static void test_replacing_the_program_loses_no_packet(void **state)
{
	struct director *d = *state;
	volatile int *shared =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct sender sender = {.stop = &shared[0], .sent = &shared[1]};
	int start[2], fd, received = 0, status;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, start), 0);
	pid = fork();
	if (pid == 0)
		send_until_stopped(&sender, start[1]);
	assert_int_equal(read(start[0], &(char){0}, 1), 1);
	world_run("ip link set v1 netns %d", pid);
	world_run("ip addr add 192.0.2.1/24 dev v0");
	world_open(d, false);
	expect_attached(d, "v0", XLVS_MODE_NATIVE, true);
	fd = receiver();
	assert_int_equal(write(start[0], "", 1), 1);
	world_wait_for(*sender.sent > 0 && (received += receive_all(fd)) > 0);

	for (int i = 0; i < UPDATES; i++) {
		world_close(d);
		world_open(d, true);
		received += receive_all(fd);
	}
	*sender.stop = 1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	world_wait_for((received += receive_all(fd)) >= *sender.sent);
	print_message("%d of %d datagrams came through %d updates\n", received, *sender.sent,
		      UPDATES);
	assert_int_equal(received, *sender.sent);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_the_mode_is_the_one_asked_for),
		world_test(test_an_interface_that_vanished_is_no_device),
		world_test(test_another_program_is_not_displaced),
		world_test(test_detached_and_shut_down_it_is_off),
		world_test(test_a_new_daemon_replaces_the_program_everywhere),
		world_test(test_another_directors_interface_is_left_alone),
		world_test(test_replacing_the_program_loses_no_packet),
	};

	return world_run_tests(tests);
}
