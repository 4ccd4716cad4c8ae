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
};

int xlvs_loader_attach_egress(struct xlvs_loader *loader, uint32_t ifindex,
			      struct xlvs_error *reterr)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = HANDLE, .priority = PRIORITY,
		    .flags = BPF_TC_F_REPLACE,
		    .prog_fd = bpf_program__fd(loader->skeleton->progs.xlvs_egress));
	int r;

	xlvs_complaint_listen();
	r = bpf_tc_hook_create(&hook);
	if (r == 0 || r == -EEXIST)
		r = bpf_tc_attach(&hook, &options);
	return r < 0 ? xlvs_complaint_refuse(reterr, r, "cannot attach to egress") : 0;
}

void xlvs_attach_leave_egress(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = HANDLE, .priority = PRIORITY);

	xlvs_complaint_listen();
	bpf_tc_detach(&hook, &options);
}
