/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a persistence engine knows a client's session by: of SIP the Call-ID. */
#ifndef XLVS_ABI_PE_H
#define XLVS_ABI_PE_H

#include <linux/types.h>

enum xlvs_pe_limit {
	XLVS_PE_DATA_BYTES = 255, /* more is no session's name, as in IPVS */
	XLVS_PE_MESSAGE_BYTES = 4096, /* of a message an engine looks at so many */
	XLVS_PE_WORDS = 33,
};

/* The last two words of a template's key hide its session's digest: they are what they would be
 * without an engine, exclusive or this. */
struct xlvs_pe_data {
	__u64 digest[2];
	union {
		__u64 words[XLVS_PE_WORDS]; /* what the digest is of; zero behind the name */
		struct {
			__u8 engine; /* enum xlvs_pe_number */
			__u8 length_bytes;
			char bytes[XLVS_PE_DATA_BYTES];
		};
	};
};

/* Where an engine works: one per CPU. */
struct xlvs_pe_scratch {
	struct xlvs_pe_data data;
	struct {
		__u32 place;
		__u32 name_bytes;
		__u32 host_bytes;
		__u32 after_cr;
		__u32 folded;
	} search; /* how far it has come; here, for of memory the verifier knows no value */
	__u8 message[XLVS_PE_MESSAGE_BYTES];
};

#endif
