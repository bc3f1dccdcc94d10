/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * What a call is about, as a thread's storage keeps it between the call's beginning and its end.
 */
#ifndef OBSERVE_ABOUT_H
#define OBSERVE_ABOUT_H

#include <linux/types.h>

enum subject_kind { NOTHING, FILE, DIRECTORY, TCP, UNIX, PIPE, DATAGRAM, SIGNAL };

/* DATAGRAM: what others can send to without our following their bytes. SIGNAL: what tells that something has happened
 * (eventfd, timerfd, signalfd, inotify).
 *
 * `object`: a socket's struct sock, a file's struct file, as addresses. `number`: of its inode, `inode`: where that is in
 * memory. `before`: what the
 * numbers of a connection were when the call began; for what is counted by us, the ticket of the call.
 * `alone`: nobody else was in such a call then. */
struct subject {
	__u64 object;
	__u64 number;
	__u64 inode;
	__u32 before;
	__u32 device;
	__u8 kind;
	__u8 alone;
};

/* What a thread's call is about: where its bytes come from and where they go to. `limit_us` of a wait. */
struct about {
	struct subject from;
	struct subject to;
	__u64 limit_us;
	__u8 act;
};

#endif
