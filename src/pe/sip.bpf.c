// SPDX-License-Identifier: GPL-2.0-or-later
/* SIP (RFC 3261) over UDP: the messages of one Call-ID are one session. Which lines are taken for
 * that header, and which characters a Call-ID may have, is as in the kernel's ip_vs_pe_sip, which
 * asks nf_conntrack_sip: it stands at the beginning of any line but the first, by its name or as
 * `i`, and ends with its line. A value that is none is passed by, and the search goes on. */
#include "pe/pe.bpf.h"

#include <linux/in.h>
#include <linux/udp.h>

enum sip_place {
	IN_LINE,
	AT_LINE,
	IN_NAME,
	AFTER_COMPACT_NAME,
	BEFORE_COLON,
	AFTER_COLON,
	IN_WORD,
	IN_HOST, /* behind the @ */
	FOUND,
	NONE_THERE,
};

/* All that a look at one byte needs; a loop's context has to lie on the stack. */
struct sip_look {
	struct xlvs_pe_scratch *scratch;
};

/* "call-id", its first letter in the lowest byte: objects that are linked may not share constant
 * data. */
#define NAME	   0x64692d6c6c6163ULL
#define NAME_BYTES 7

static __always_inline __u8 lower(__u8 c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* Latin 1's, as the kernel sees it. */
static __always_inline bool is_letter(__u8 c)
{
	return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= 0xc0 && c != 0xd7 && c != 0xf7);
}

static __always_inline bool is_word(__u8 c)
{
	switch (c) {
	case '!':
	case '"':
	case '%':
	case '(' ... ':':
	case '<':
	case '>':
	case '?':
	case '[' ... ']':
	case '_':
	case '`':
	case '{':
	case '}':
	case '~':
		return true;
	default:
		return is_letter(c);
	}
}

static __always_inline bool ends_line(__u8 c)
{
	return c == '\r' || c == '\n';
}

static __always_inline long stop(struct xlvs_pe_scratch *scratch, enum sip_place place)
{
	scratch->search.place = place;
	return 1;
}

/* In a line that is of no interest. */
static __always_inline long pass_by(struct xlvs_pe_scratch *scratch, __u8 c)
{
	scratch->search.place = ends_line(c) ? AT_LINE : IN_LINE;
	scratch->search.after_cr = c == '\r';
	return 0;
}

static __always_inline long begin_line(struct xlvs_pe_scratch *scratch, __u8 c)
{
	scratch->search.name_bytes = 1;
	if (lower(c) == 'c')
		scratch->search.place = IN_NAME;
	else
		scratch->search.place = lower(c) == 'i' ? AFTER_COMPACT_NAME : IN_LINE;
	return 0;
}

static __always_inline long read_name(struct xlvs_pe_scratch *scratch, __u8 c)
{
	__u32 n = scratch->search.name_bytes;

	if (n >= NAME_BYTES || lower(c) != (NAME >> n * 8 & 0xff))
		return pass_by(scratch, c);
	scratch->search.name_bytes = n + 1;
	if (n + 1 == NAME_BYTES)
		scratch->search.place = BEFORE_COLON;
	return 0;
}

/* Before and after the colon, of this line and of those that continue it: 1 when `c` is white
 * space, 0 when not, negative when the header has ended. */
static __always_inline int is_space(struct xlvs_pe_scratch *scratch, __u8 c)
{
	bool ends = ends_line(c);

	if (c != ' ' && c != '\t' && scratch->search.folded)
		return -1;
	scratch->search.folded = ends;
	scratch->search.after_cr = c == '\r';
	return ends || c == ' ' || c == '\t';
}

/* The value, a word or two with an @ between them. */
static __always_inline long read_value(struct xlvs_pe_scratch *scratch, __u8 c)
{
	__u32 n = scratch->data.length_bytes;
	bool in_host = scratch->search.place == IN_HOST;

	if (is_word(c) || (c == '@' && n && !in_host)) {
		if (n >= XLVS_PE_DATA_BYTES)
			return stop(scratch, NONE_THERE);
		scratch->data.bytes[n] = c;
		scratch->data.length_bytes = n + 1;
		scratch->search.place = in_host || c == '@' ? IN_HOST : IN_WORD;
		scratch->search.host_bytes += in_host;
		return 0;
	}
	if (!n || (in_host && !scratch->search.host_bytes)) {
		__builtin_memset(scratch->data.bytes, 0, sizeof(scratch->data.bytes));
		scratch->data.length_bytes = 0;
		return pass_by(scratch, c);
	}
	return stop(scratch, ends_line(c) ? FOUND : NONE_THERE);
}

static __always_inline long read_space(struct xlvs_pe_scratch *scratch, __u8 c)
{
	int space = is_space(scratch, c);

	if (space)
		return space > 0 ? 0 : stop(scratch, NONE_THERE);
	if (scratch->search.place == AFTER_COLON) {
		scratch->search.host_bytes = 0;
		scratch->search.place = IN_WORD;
		return read_value(scratch, c);
	}
	if (c != ':')
		return stop(scratch, NONE_THERE);
	scratch->search.place = AFTER_COLON;
	return 0;
}

static long look(__u32 n, struct sip_look *look)
{
	struct xlvs_pe_scratch *scratch = look->scratch;
	__u8 c;

	if (n >= XLVS_PE_MESSAGE_BYTES)
		return 1;
	c = scratch->message[n];
	if (scratch->search.after_cr) {
		scratch->search.after_cr = 0;
		if (c == '\n')
			return 0;
	}
	switch (scratch->search.place) {
	case IN_LINE:
		return pass_by(scratch, c);
	case AT_LINE:
		return begin_line(scratch, c);
	case IN_NAME:
		return read_name(scratch, c);
	case AFTER_COMPACT_NAME:
		if (is_letter(c))
			return pass_by(scratch, c);
		scratch->search.place = BEFORE_COLON;
		return read_space(scratch, c);
	case BEFORE_COLON:
	case AFTER_COLON:
		return read_space(scratch, c);
	default:
		return read_value(scratch, c);
	}
}

int xlvs_pe_sip(struct xdp_md *ctx, struct xlvs_packet *pkt)
{
	struct sip_look context = {.scratch = xlvs_pe_scratch_get()};
	__u32 offset, length;

	if (!pkt || !context.scratch)
		return -XLVS_DROP_INTERNAL;
	if (pkt->tuple.protocol != IPPROTO_UDP || !pkt->l4_offset) /* an error quotes too little */
		return -XLVS_DROP_NO_SESSION;
	offset = pkt->l4_offset + sizeof(struct udphdr);
	length = sizeof(struct ethhdr) + pkt->length_bytes - offset;
	if ((__s32)length > XLVS_PE_MESSAGE_BYTES)
		length = XLVS_PE_MESSAGE_BYTES;
	if (!xlvs_is_within(&length, 2, XLVS_PE_MESSAGE_BYTES) ||
	    bpf_xdp_load_bytes(ctx, offset, context.scratch->message, length))
		return -XLVS_DROP_NO_SESSION;
	__builtin_memset(&context.scratch->search, 0, sizeof(context.scratch->search));
	bpf_loop(length, look, &context, 0);
	return context.scratch->search.place == FOUND ? 0 : -XLVS_DROP_NO_SESSION;
}
