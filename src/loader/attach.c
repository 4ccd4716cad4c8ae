// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>

#include "abi/config.h"
#include "base/cleanup.h"
#include "datapath/xlvs.skel.h"
#include "loader/attachment.h"
#include "loader/complaint.h"
#include "loader/detour.h"
#include "loader/program.h"
#include "loader/state.h"

static bool is_ours(const struct xlvs_loader *loader, const struct xlvs_attachment *attachment)
{
	return attachment->program_id &&
	       xlvs_program_holds(attachment->program_id, loader->private_id);
}

static uint32_t mode_flag(bool native)
{
	return native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
}

/* program_fd -1 takes the former program off. */
static int replace(const struct xlvs_attachment *former, int program_fd)
{
	XLVS_AUTO_CLOSE int former_fd = bpf_prog_get_fd_by_id(former->program_id);
	LIBBPF_OPTS(bpf_xdp_attach_opts, options, .old_prog_fd = former_fd);

	if (former_fd < 0)
		return -ENOENT;
	return bpf_xdp_attach((int)former->ifindex, program_fd,
			      mode_flag(former->native) | XDP_FLAGS_REPLACE, &options);
}

static int add(const struct xlvs_loader *loader, uint32_t ifindex, bool native)
{
	int r = bpf_xdp_attach((int)ifindex, bpf_program__fd(loader->skeleton->progs.xlvs_main),
			       mode_flag(native) | XDP_FLAGS_UPDATE_IF_NOEXIST, NULL);

	return r == -EEXIST ? -EBUSY : r; /* another one, in the other mode */
}

static int add_by_mode(const struct xlvs_loader *loader, uint32_t ifindex, enum xlvs_mode mode,
		       bool *ret_native)
{
	bool native = mode != XLVS_MODE_GENERIC;
	int r = add(loader, ifindex, native);

	/* Whatever the driver has against it (no XDP, this MTU, too few queues). */
	if (r < 0 && r != -EBUSY && r != -ENODEV && mode == XLVS_MODE_AUTO) {
		native = false;
		r = add(loader, ifindex, native);
	}
	if (r == 0)
		*ret_native = native;
	return r;
}

int xlvs_loader_attach(struct xlvs_loader *loader, uint32_t ifindex, enum xlvs_mode mode,
		       bool *ret_native, struct xlvs_error *reterr)
{
	struct xlvs_attachment attachment;
	int r;

	xlvs_complaint_listen();
	r = xlvs_attachment_get(ifindex, &attachment);
	if (r < 0)
		return xlvs_complaint_refuse(reterr, r, "cannot attach");

	if (is_ours(loader, &attachment)) {
		bool wanted =
			mode == XLVS_MODE_AUTO || attachment.native == (mode == XLVS_MODE_NATIVE);

		r = replace(&attachment,
			    wanted ? bpf_program__fd(loader->skeleton->progs.xlvs_main) : -1);
		if (r == 0 && wanted)
			*ret_native = attachment.native;
		if (r == 0 && !wanted)
			r = add_by_mode(loader, ifindex, mode, ret_native);
	} else {
		r = add_by_mode(loader, ifindex, mode, ret_native);
	}
	if (r == -EBUSY)
		return xlvs_refuse(reterr, r, "another XDP program is attached");
	return r < 0 ? xlvs_complaint_refuse(reterr, r, "cannot attach") : 0;
}

int xlvs_loader_detach(struct xlvs_loader *loader, uint32_t ifindex)
{
	struct xlvs_attachment attachment;
	int r = xlvs_attachment_get(ifindex, &attachment);

	if (r < 0)
		return r;
	if (ifindex == loader->maps.runtime->mark_ifindex ||
	    ifindex == loader->maps.runtime->detour_ifindex)
		return -ENOENT; /* no interface of the network */
	if (!is_ours(loader, &attachment))
		return -ENOENT;
	xlvs_attach_leave_egress(ifindex);
	return replace(&attachment, -1);
}

struct replacement {
	struct xlvs_loader *loader;
	int program_fd;
	int r;
};

static void replace_ours(void *context, const struct xlvs_attachment *attachment)
{
	struct replacement *replacement = context;
	int r;

	if (!is_ours(replacement->loader, attachment))
		return;
	if (replacement->program_fd < 0)
		xlvs_attach_leave_egress(attachment->ifindex);
	r = replace(attachment, replacement->program_fd);
	if (r < 0 && r != -ENODEV)
		replacement->r = r;
}

static int replace_everywhere(struct xlvs_loader *loader, int program_fd)
{
	struct replacement replacement = {.loader = loader, .program_fd = program_fd};
	int r = xlvs_attachments_walk(replace_ours, &replacement);

	return r < 0 ? r : replacement.r;
}

int xlvs_attach_replace_all(struct xlvs_loader *loader, struct xlvs_error *reterr)
{
	int r;

	xlvs_complaint_listen();
	r = replace_everywhere(loader, bpf_program__fd(loader->skeleton->progs.xlvs_main));
	return r < 0 ? xlvs_complaint_refuse(reterr, r, "cannot replace the former program") : 0;
}

void xlvs_loader_shutdown(struct xlvs_loader *loader)
{
	xlvs_complaint_listen();
	xlvs_loader_serve_host(loader, 0, 0, NULL);
	replace_everywhere(loader, -1);
	xlvs_detour_remove(loader);
	xlvs_pins_remove(&loader->pins);
}
