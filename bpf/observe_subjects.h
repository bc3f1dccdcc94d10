/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * What a call is about: files, connections and pipes behind its descriptors. They are found when it begins, because a
 * descriptor may mean something else by its end, and because only two readings of a connection's numbers, before and
 * after, tell whether somebody else has moved bytes through it meanwhile.
 */
#ifndef OBSERVE_SUBJECTS_H
#define OBSERVE_SUBJECTS_H

#include "observe.h"

#include <asm/unistd.h>

/* Calls newer than the headers that we are built with; these numbers are the same everywhere. */
#ifndef __NR_epoll_pwait2
#define __NR_epoll_pwait2 441
#endif

#define S_IFREG 0100000
#define S_IFDIR 0040000
#define S_IFIFO 0010000
#define SOCK_STREAM 1
#define PIPEFS_MAGIC 0x50495045
#define ANON_INODE_FS_MAGIC 0x09041934
#define SOCK_DONE_BIT 2 /* 1 << SOCK_DONE of enum sock_flags: the other side's FIN has come */

/* What a call does with what its descriptors are open on. */
enum act {
	NO_ACT,
	READS,
	RECEIVES,
	RECEIVES_MESSAGE,
	RECEIVES_MESSAGES,
	WRITES,
	SENDS,
	SENDS_MESSAGE,
	SENDS_MESSAGES,
	SENDS_FILE,
	SPLICES,
	COPIES,
	LAST_MOVE = COPIES, /* those up to here move bytes */
	CONNECTS,
	ACCEPTS,
	PAIRS,
	MAKES_PIPE,
	PIPES,
	WAITS_EPOLL,
	WAITS_EPOLL2,
	WAITS_POLL,
	WAITS_PPOLL,
	WAITS_SELECT,
	WAITS_PSELECT,
	WAITS_FUTEX,
	SLEEPS,
	SLEEPS_CLOCK,
	LAST_WAIT = SLEEPS_CLOCK,
	CREATS,
	OPENS,
	OPENS_AT,
	OPENS_AT2,
	SYNCS,
	TRUNCATES,
	TRUNCATES_PATH,
	RENAMES,
	RENAMES_AT,
	LINKS,
	LINKS_AT,
	UNLINKS,
	UNLINKS_AT,
	MAPS,
};

static const __u8 acts[CALLS] = {
	[__NR_read] = READS,
	[__NR_readv] = READS,
	[__NR_pread64] = READS,
	[__NR_preadv] = READS,
	[__NR_preadv2] = READS,
	[__NR_recvfrom] = RECEIVES,
	[__NR_recvmsg] = RECEIVES_MESSAGE,
	[__NR_recvmmsg] = RECEIVES_MESSAGES,
	[__NR_write] = WRITES,
	[__NR_writev] = WRITES,
	[__NR_pwrite64] = WRITES,
	[__NR_pwritev] = WRITES,
	[__NR_pwritev2] = WRITES,
	[__NR_sendto] = SENDS,
	[__NR_sendmsg] = SENDS_MESSAGE,
	[__NR_sendmmsg] = SENDS_MESSAGES,
	[__NR_sendfile] = SENDS_FILE,
	[__NR_splice] = SPLICES,
	[__NR_copy_file_range] = COPIES,
	[__NR_connect] = CONNECTS,
	[__NR_accept] = ACCEPTS,
	[__NR_accept4] = ACCEPTS,
	[__NR_socketpair] = PAIRS,
	[__NR_pipe2] = MAKES_PIPE,
	[__NR_tee] = PIPES,
	[__NR_vmsplice] = PIPES,
	[__NR_epoll_pwait] = WAITS_EPOLL,
	[__NR_epoll_pwait2] = WAITS_EPOLL2,
	[__NR_ppoll] = WAITS_PPOLL,
	[__NR_pselect6] = WAITS_PSELECT,
	[__NR_futex] = WAITS_FUTEX,
	[__NR_nanosleep] = SLEEPS,
	[__NR_clock_nanosleep] = SLEEPS_CLOCK,
	[__NR_openat] = OPENS_AT,
	[__NR_openat2] = OPENS_AT2,
	[__NR_fsync] = SYNCS,
	[__NR_fdatasync] = SYNCS,
	[__NR_ftruncate] = TRUNCATES,
	[__NR_truncate] = TRUNCATES_PATH,
	[__NR_renameat2] = RENAMES_AT,
	[__NR_linkat] = LINKS_AT,
	[__NR_unlinkat] = UNLINKS_AT,
	[__NR_mmap] = MAPS,
#ifdef __NR_renameat
	[__NR_renameat] = RENAMES_AT,
#endif
#ifdef __NR_open /* what x86-64 has kept from before */
	[__NR_pipe] = MAKES_PIPE,
	[__NR_open] = OPENS,
	[__NR_creat] = CREATS,
	[__NR_rename] = RENAMES,
	[__NR_link] = LINKS,
	[__NR_unlink] = UNLINKS,
	[__NR_epoll_wait] = WAITS_EPOLL,
	[__NR_poll] = WAITS_POLL,
	[__NR_select] = WAITS_SELECT,
#endif
};

/* Only streams have numbered bytes. Sockets of other families speak with the kernel. */
INLINE __u8 kind_of_socket(struct sock *sk)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	int stream = BPF_CORE_READ(sk, sk_type) == SOCK_STREAM;

	if (family == AF_UNIX)
		return stream ? UNIX : DATAGRAM;
	if (family != AF_INET && family != AF_INET6)
		return NOTHING;
	return stream && BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP ? TCP : DATAGRAM;
}

/* What a descriptor of the current task is open on now. */
ONCE int find_subject(struct subject *subject, int fd)
{
	if (!subject)
		return 0;

	struct file *file = file_of(fd);
	struct socket *socket;
	struct inode *inode;
	struct sock *sk;
	__u16 format;
	__u64 magic;

	subject->kind = NOTHING;
	if (!file)
		return 0;
	inode = BPF_CORE_READ(file, f_inode);
	magic = BPF_CORE_READ(inode, i_sb, s_magic);
	format = BPF_CORE_READ(inode, i_mode) & S_IFMT;
	subject->number = BPF_CORE_READ(inode, i_ino);
	subject->inode = (__u64)inode;
	if (magic == ANON_INODE_FS_MAGIC) { /* a regular file by its mode, since Linux 6.16 */
		subject->kind = SIGNAL;
	} else if (format == S_IFREG || format == S_IFDIR) {
		subject->object = (__u64)file;
		subject->device = BPF_CORE_READ(inode, i_sb, s_dev);
		subject->kind = format == S_IFREG ? FILE : DIRECTORY;
	} else if (format == S_IFSOCK) {
		socket = BPF_CORE_READ(file, private_data);
		sk = BPF_CORE_READ(socket, sk);
		subject->object = (__u64)sk;
		subject->kind = kind_of_socket(sk);
	} else if (format == S_IFIFO) {
		subject->kind = magic == PIPEFS_MAGIC ? PIPE : DATAGRAM;
	}
	return subject->kind;
}

#endif
