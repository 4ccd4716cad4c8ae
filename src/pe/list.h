/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every persistence engine, one line each: the number stands in maps and never changes.
 * From this list come the packet path's dispatch and the table of names. */
#ifndef XLVS_PE_LIST_H
#define XLVS_PE_LIST_H

/* X(name, number) */
#define XLVS_PES(X) X(sip, 1)

enum xlvs_pe_number {
	XLVS_PE_NONE = 0, /* a client is known by its address alone */
#define XLVS_PE_ENUM(name, number) XLVS_PE_##name = (number),
	XLVS_PES(XLVS_PE_ENUM)
#undef XLVS_PE_ENUM
};

#endif
