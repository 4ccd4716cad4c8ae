/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program's generic netlink sockets that carry IPVS messages, and the director they go to.
 *
 * When a program asks the kernel for the number of the family "IPVS" and there is a director, a
 * connection to it is put in the place of the netlink socket, under the same descriptor; so
 * polling, inheriting, duplicating and closing it work as ever. The netlink socket is kept aside:
 * it comes back as soon as the program sends a message to anybody else in the kernel.
 *
 * A program never hears nothing. Where the director cannot be reached, or dies before it has
 * answered, a socket that holds one refusal (EBUSY, the error the clients of IPVS try again after)
 * takes the connection's place; at the next message the director is looked for again.
 *
 * Sockets are known by their cookies, which the kernel never gives twice, so a descriptor may be
 * duplicated, closed and given away without this module's knowledge. Any thread may call; changes
 * are made under a lock, questions need none. */
#ifndef XLVS_PRELOAD_CARRIER_H
#define XLVS_PRELOAD_CARRIER_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct xlvs_carried;

/* What is known of the socket in `fd`; NULL when it is none of those. Leaves errno alone. */
struct xlvs_carried *xlvs_carrier_find(int fd);

/* Whether the descriptor leads to the director at present, or to nowhere in its stead. */
bool xlvs_carrier_is_away(const struct xlvs_carried *carried);

/* Lead the generic netlink socket `fd` to the director of its network namespace. -ENOTSOCK when it
 * is no such socket, -ECONNREFUSED when there is no director; the socket is then as it was. */
int xlvs_carrier_adopt(int fd, struct xlvs_carried **ret_carried);

/* Lead it to the director once more, to the kernel, or to the answer that refuses `request`. 0, or
 * -errno with the descriptor as it was. */
int xlvs_carrier_to_director(struct xlvs_carried *carried, int fd);
int xlvs_carrier_to_kernel(struct xlvs_carried *carried, int fd);
int xlvs_carrier_to_refusal(struct xlvs_carried *carried, int fd, const struct nlmsghdr *request);

/* A request was sent; `data` was received. */
void xlvs_carrier_note_request(struct xlvs_carried *carried, const struct nlmsghdr *request);
void xlvs_carrier_note_answer(struct xlvs_carried *carried, const void *data, size_t bytes);

/* Nothing more comes from behind the descriptor. Puts something in its place from which to receive
 * again: the refusal of what was not answered, or a new connection, or, while there is no director,
 * silence. 0, or -errno when not even that was possible. */
int xlvs_carrier_mend(struct xlvs_carried *carried, int fd);

/* The netlink socket kept aside, for questions about it; -1 when it is gone. */
int xlvs_carrier_kernel_fd(const struct xlvs_carried *carried);

/* The program is about to close `fd`. */
void xlvs_carrier_forget(int fd);

#endif
