// SPDX-License-Identifier: GPL-2.0-or-later
/* Netfilter's marks enter the packet path by a veth pair. The program at the near end writes them
 * into frames (datapath/carrier.bpf.c); the packet path runs at the far end in generic mode, from
 * where a packet can leave by any interface. Both stay when the daemon ends, and go with the pair.
 */
#include <bpf/libbpf.h>
#include <errno.h>

#include "datapath/carrier.skel.h"
#include "loader/complaint.h"
#include "loader/loader.h"
#include "loader/state.h"

static int attach_carrier(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = 1, .priority = 1, .flags = BPF_TC_F_REPLACE);
	struct carrier *skeleton = carrier__open_and_load();
	int r;

	if (!skeleton)
		return -errno;
	options.prog_fd = bpf_program__fd(skeleton->progs.xlvs_carry_mark);
	r = bpf_tc_hook_create(&hook);
	if (r == 0 || r == -EEXIST)
		r = bpf_tc_attach(&hook, &options);
	carrier__destroy(skeleton);
	return r;
}

int xlvs_loader_carry_marks(struct xlvs_loader *loader, uint32_t near_ifindex, uint32_t far_ifindex,
			    struct xlvs_error *reterr)
{
	uint32_t *published = &loader->maps.runtime->mark_ifindex;
	bool native;
	int r = 0;

	xlvs_complaint_listen();
	if (far_ifindex)
		r = attach_carrier(near_ifindex);
	if (r < 0)
		return xlvs_complaint_refuse(reterr, r, "cannot attach what carries marks");
	if (far_ifindex)
		r = xlvs_loader_attach(loader, far_ifindex, XLVS_MODE_GENERIC, &native, reterr);
	if (r < 0)
		return r;
	__atomic_store_n(published, far_ifindex, __ATOMIC_RELEASE);
	xlvs_loader_tell_lookups(loader);
	return 0;
}
