// SPDX-License-Identifier: GPL-2.0-or-later
/* Loading the packet path, or taking over the one that runs in this network namespace. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "abi/config.h"
#include "base/cleanup.h"
#include "datapath/xlvs.skel.h"
#include "loader/attach.h"
#include "loader/attachment.h"
#include "loader/complaint.h"
#include "loader/maps.h"
#include "loader/program.h"
#include "loader/settings.h"
#include "loader/state.h"

enum {
	KERNEL_MAJOR = 6,
	KERNEL_MINOR = 1,
};

static int check_kernel(struct xlvs_error *reterr)
{
	struct utsname name;
	unsigned int major = 0, minor = 0;

	if (geteuid() != 0)
		return xlvs_refuse(reterr, -EPERM, "loading the packet path needs root");
	uname(&name);
	if (sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
	    (major < KERNEL_MAJOR || (major == KERNEL_MAJOR && minor < KERNEL_MINOR)))
		return xlvs_refuse(reterr, -EOPNOTSUPP,
				   "Linux %s is too old: %d.%d or newer is needed", name.release,
				   KERNEL_MAJOR, KERNEL_MINOR);
	return 0;
}

/* The packet path of a former daemon. */
struct former {
	struct xlvs_identity identity;
	int program_fd;
};

/* Read what a program says of itself, if it is one of xlvs's. */
static bool identify(int program_fd, struct xlvs_identity *ret_identity)
{
	XLVS_AUTO_CLOSE int fd = xlvs_program_map(program_fd, "xlvs_private");
	union {
		struct xlvs_identity identity;
		char bytes[XLVS_PRIVATE_ELEMENT_BYTES];
	} first;
	uint32_t zero = 0;

	if (fd < 0 || bpf_map_lookup_elem(fd, &zero, &first))
		return false;
	*ret_identity = first.identity;
	return true;
}

static void consider(void *context, const struct xlvs_attachment *attachment)
{
	struct former *former = context;
	struct xlvs_identity found;
	int fd;

	if (!attachment->program_id || former->program_fd >= 0)
		return;
	fd = bpf_prog_get_fd_by_id(attachment->program_id);
	if (fd < 0)
		return;
	/* An interface may have come from another network namespace, program and all. */
	if (identify(fd, &found) && found.netns_cookie == former->identity.netns_cookie)
		*former = (struct former){.identity = found, .program_fd = fd};
	else
		close(fd);
}

/* The program that runs on an interface, or else the pinned one. */
static int find_former(const struct xlvs_loader *loader, struct former *former,
		       struct xlvs_error *reterr)
{
	int r;

	former->identity.netns_cookie = loader->pins.netns_cookie;
	r = xlvs_attachments_walk(consider, former);
	if (r < 0)
		return xlvs_complaint_refuse(reterr, r, "cannot list the interfaces");
	if (former->program_fd < 0) {
		int fd = xlvs_pins_program(&loader->pins);

		if (fd >= 0 && identify(fd, &former->identity))
			former->program_fd = fd;
		else if (fd >= 0)
			close(fd);
	}
	if (former->program_fd >= 0 && former->identity.layout != XLVS_LAYOUT)
		return xlvs_refuse(reterr, -EPROTONOSUPPORT,
				   "the running packet path has layout %u, this xlvsd works with "
				   "%d: stop that director with the xlvsd that started it",
				   former->identity.layout, XLVS_LAYOUT);
	return 0;
}

static int load(struct xlvs_loader *loader, struct xlvs_error *reterr)
{
	int r = xlvs__load(loader->skeleton);

	if (r < 0)
		return xlvs_complaint_refuse(reterr, r, "cannot load the packet path");
	r = xlvs_maps_open(loader, reterr);
	if (r < 0)
		return r;
	loader->private_id = xlvs_map_id(loader->private_fd);
	return 0;
}

static int load_afresh(struct xlvs_loader *loader, uint64_t connections, struct xlvs_error *reterr)
{
	uint32_t n_cpus = (uint32_t)libbpf_num_possible_cpus();
	struct xlvs_constants constants;
	struct xlvs_private *private;
	struct xlvs_sizes sizes;
	int r;

	r = xlvs_settings_sizes(connections, n_cpus, &sizes, reterr);
	if (r < 0)
		return r;
	r = xlvs_settings_constants(sizes.conns, &constants);
	if (r < 0)
		return xlvs_refuse(reterr, r, "no random numbers");
	r = xlvs_maps_create(loader, &sizes, reterr);
	if (r < 0)
		return r;
	loader->skeleton->rodata->xlvs_constants = constants;
	r = load(loader, reterr);
	if (r == -ENOMEM)
		return xlvs_refuse(reterr, r,
				   "not enough memory for a table of %" PRIu64 " connections: it "
				   "takes %" PRIu64 " MB",
				   connections,
				   ((uint64_t)sizes.conns * sizeof(struct xlvs_conn)) >> 20);
	if (r < 0)
		return r;

	xlvs_settings_runtime(&constants, loader->memories[XLVS_MEMORY_RUNTIME].base);
	private = loader->memories[XLVS_MEMORY_PRIVATE].base;
	private->identity = (struct xlvs_identity){
		.layout = XLVS_LAYOUT,
		.netns_cookie = loader->pins.netns_cookie,
	};
	return 0;
}

static int load_over(struct xlvs_loader *loader, int program_fd, struct xlvs_error *reterr)
{
	struct xlvs_runtime runtime;
	uint32_t zero = 0;
	int r;

	r = xlvs_maps_reuse(loader, program_fd, reterr);
	if (r < 0)
		return r;
	if (bpf_map__lookup_elem(loader->skeleton->maps.data_runtime, &zero, sizeof(zero), &runtime,
				 sizeof(runtime), 0))
		return xlvs_complaint_refuse(reterr, -EIO, "cannot read the running settings");
	loader->skeleton->rodata->xlvs_constants = runtime.constants;
	loader->skeleton->bss->xlvs_lookups = xlvs_loader_lookups(&runtime);
	return load(loader, reterr);
}

/* The expiry goes on with the program that was just loaded. */
static int start_clock(struct xlvs_loader *loader, struct xlvs_error *reterr)
{
	char frame[ETH_ZLEN] = {};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame));
	int r;

	r = bpf_prog_test_run_opts(bpf_program__fd(loader->skeleton->progs.xlvs_start), &options);
	if (r < 0 || options.retval)
		return xlvs_complaint_refuse(reterr, r < 0 ? r : -EIO, "cannot start the expiry");
	return 0;
}

static void close_pointer(struct xlvs_loader **loader)
{
	xlvs_loader_close(*loader);
}

static int bring_up(struct xlvs_loader *loader, const struct xlvs_loader_options *options,
		    int former_fd, struct xlvs_error *reterr)
{
	struct xlvs_runtime *runtime;
	int r;

	loader->mh_slots = options->mh_slots;
	loader->skeleton = xlvs__open();
	if (!loader->skeleton)
		return xlvs_complaint_refuse(reterr, -errno, "cannot open the packet path");
	r = former_fd < 0 ? load_afresh(loader, options->connections, reterr)
			  : load_over(loader, former_fd, reterr);
	if (r < 0)
		return r;
	/* The mapping of a variable is the library's own, made when the programs are loaded. */
	loader->lookups = (uint32_t *)&loader->skeleton->bss->xlvs_lookups;
	runtime = loader->memories[XLVS_MEMORY_RUNTIME].base;
	runtime->unprivileged_port = xlvs_settings_unprivileged_port();
	xlvs_settings_own_ports(&runtime->own_ports_first, &runtime->own_ports_last);
	if (xlvs_loader_init(loader))
		return xlvs_refuse(reterr, -ENOMEM, "out of memory");
	loader->maps.pe_data_fd = bpf_map__fd(loader->skeleton->maps.xlvs_pe_data);
	r = start_clock(loader, reterr);
	if (r == 0 && former_fd >= 0)
		r = xlvs_attach_replace_all(loader, reterr);
	if (r < 0)
		return r;
	xlvs_pins_put(&loader->pins, bpf_program__fd(loader->skeleton->progs.xlvs_main),
		      bpf_map__fd(loader->skeleton->maps.xlvs_clock));
	return 0;
}

int xlvs_loader_open(const struct xlvs_loader_options *options, struct xlvs_loader **ret_loader,
		     bool *ret_adopted, struct xlvs_error *reterr)
{
	XLVS_CLEANUP(close_pointer) struct xlvs_loader *loader = NULL;
	struct former former = {.program_fd = -1};
	int r;

	r = check_kernel(reterr);
	if (r < 0)
		return r;
	loader = calloc(1, sizeof(*loader));
	if (!loader)
		return xlvs_refuse(reterr, -ENOMEM, "out of memory");
	loader->private_fd = -1;
	xlvs_complaint_listen();
	r = xlvs_pins_open(&loader->pins);
	if (r < 0)
		return xlvs_complaint_refuse(reterr, r, "which network namespace is this");

	r = find_former(loader, &former, reterr);
	if (r == 0)
		r = bring_up(loader, options, former.program_fd, reterr);
	if (former.program_fd >= 0)
		close(former.program_fd);
	if (r < 0)
		return r;
	*ret_adopted = former.program_fd >= 0;
	*ret_loader = xlvs_take_ptr(loader);
	return 0;
}

int xlvs_loader_events_fd(const struct xlvs_loader *loader)
{
	return bpf_map__fd(loader->skeleton->maps.xlvs_events);
}

void xlvs_loader_close(struct xlvs_loader *loader)
{
	if (!loader)
		return;
	xlvs_loader_done(loader);
	xlvs_maps_close(loader);
	if (loader->skeleton)
		xlvs__destroy(loader->skeleton);
	free(loader);
}
