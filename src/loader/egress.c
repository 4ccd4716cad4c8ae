// SPDX-License-Identifier: GPL-2.0-or-later
/* The program at the egress of interfaces, as a filter of a clsact queueing discipline, which may
 * have filters of others, so it stays when ours go. */
#include <bpf/libbpf.h>
#include <errno.h>

#include "abi/config.h"
#include "datapath/xlvs.skel.h"
#include "loader/attach.h"
#include "loader/complaint.h"
#include "loader/state.h"

/* Ours alone, so that another daemon's filter is replaced and nobody else's. */
enum {
	HANDLE = 1,
	PRIORITY = 5827,
	LOOPBACK_IFINDEX = 1,
};

static int attach(uint32_t ifindex, const struct bpf_program *program, struct xlvs_error *reterr)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = HANDLE, .priority = PRIORITY,
		    .flags = BPF_TC_F_REPLACE, .prog_fd = bpf_program__fd(program));
	int r;

	xlvs_complaint_listen();
	r = bpf_tc_hook_create(&hook);
	if (r == 0 || r == -EEXIST)
		r = bpf_tc_attach(&hook, &options);
	return r < 0 ? xlvs_complaint_refuse(reterr, r, "cannot attach to egress") : 0;
}

int xlvs_loader_attach_egress(struct xlvs_loader *loader, uint32_t ifindex,
			      struct xlvs_error *reterr)
{
	return attach(ifindex, loader->skeleton->progs.xlvs_egress, reterr);
}

int xlvs_loader_serve_host(struct xlvs_loader *loader, uint32_t near_ifindex, uint32_t far_ifindex,
			   struct xlvs_error *reterr)
{
	uint32_t *published = &loader->maps.runtime->host_ifindex;
	bool native;
	int r = 0;

	/* Generic XDP does not look at packets that a program has redirected. */
	if (far_ifindex)
		r = xlvs_loader_attach(loader, far_ifindex, XLVS_MODE_NATIVE, &native, reterr);
	if (r == 0 && far_ifindex)
		r = attach(LOOPBACK_IFINDEX, loader->skeleton->progs.xlvs_loopback, reterr);
	if (r < 0 || !far_ifindex) {
		xlvs_attach_leave_egress(LOOPBACK_IFINDEX);
		near_ifindex = 0;
	}
	__atomic_store_n(published, near_ifindex, __ATOMIC_RELEASE);
	xlvs_loader_bump_generation(loader);
	return r;
}

void xlvs_attach_leave_egress(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = HANDLE, .priority = PRIORITY);

	xlvs_complaint_listen();
	bpf_tc_detach(&hook, &options);
}
