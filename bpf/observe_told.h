/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * System calls that are asked for, as events.
 */
#ifndef OBSERVE_TOLD_H
#define OBSERVE_TOLD_H

#include "observe_calls.h"

/* Which arguments of a call are what; -1 for none. `makes`: what the path has become where the call succeeded. */
enum { MAKES_NOTHING, MAKES_DESCRIPTOR, MAKES_DIRECTORY, MAKES_ROOT, MAKES_PROGRAM };

struct shape {
	__s8 fd;
	__s8 directory;
	__s8 path;
	__s8 directory2;
	__s8 path2;
	__s8 address;
	__s8 size;
	__s8 makes;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CALLS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct shape);
} shapes SEC(".maps");

/* `flags` BEGINS: it is not over; another record comes when it is. `began_ns` 0: it was answered before it began. `family` with `port` and `address` is the peer; AF_UNIX: its name is
 * the second text. `local_port`: of the socket itself. */
#define RETURNED 1
#define UNREADABLE 2
#define BEGINS 4
#define NO_SIZE 0xffffffffffffffff

struct call_record {
	struct record head;
	__u64 began_ns;
	__s64 ret;
	__u64 size;
	__u32 number;
	__s32 fd;
	__u32 device;
	__u16 mode;
	__u8 family;
	__u8 flags;
	__u16 local_port;
	__be16 port;
	__u8 address[16];
	__u32 unused;
};

INLINE __u64 argument(const struct call *call, __u8 index)
{
	return index < 6 ? call->args[index] : 0;
}

/* Where an address in the program's memory leads. */
INLINE void read_address(struct call_record *record, __u64 at, __u32 size)
{
	struct sockaddr_in6 address = {};
	__u32 unix_texts = SECOND;
	struct text *text;

	if (bpf_probe_read_user(&address, 8, (void *)at))
		return;
	record->family = address.sin6_family;
	record->port = address.sin6_port;
	if (record->family == AF_INET) {
		__builtin_memcpy(record->address, &address.sin6_flowinfo, 4);
	} else if (record->family == AF_INET6) {
		bpf_probe_read_user(&address, sizeof(address), (void *)at);
		__builtin_memcpy(record->address, &address.sin6_addr, 16);
	} else if (record->family == AF_UNIX && size > 2) {
		text = bpf_map_lookup_elem(&texts, &unix_texts);
		if (!text)
			return;
		size = (size - 2) & 127;
		if (bpf_probe_read_user(text->bytes + PATH, size, (void *)(at + 2)))
			return;
		text->from = PATH;
		text->to = PATH + size;
		text->cut = 0;
		record->head.second = size;
	}
}

/* Whom a connected socket leads to, and its own port. */
INLINE void read_socket(struct call_record *record, struct file *file)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);
	struct sock *sk = BPF_CORE_READ(socket, sk);
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	if (family != AF_INET && family != AF_INET6)
		return;
	record->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	if (record->family)
		return;
	record->family = family;
	record->port = BPF_CORE_READ(sk, __sk_common.skc_dport);
	if (family == AF_INET)
		BPF_CORE_READ_INTO((__be32 *)record->address, sk, __sk_common.skc_daddr);
	else
		BPF_CORE_READ_INTO((struct in6_addr *)record->address, sk, __sk_common.skc_v6_daddr);
}

/* What a descriptor is open on, where it is open. */
ONCE int read_file(struct call_record *record, int fd)
{
	struct file *file = file_of(fd);
	struct inode *inode = BPF_CORE_READ(file, f_inode);

	if (!record || !file)
		return 0;
	record->mode = BPF_CORE_READ(inode, i_mode);
	record->device = BPF_CORE_READ(inode, i_rdev);
	if ((record->mode & S_IFMT) == S_IFSOCK)
		read_socket(record, file);
	else if (path_of(file, FIRST))
		record->head.first = length_of(FIRST);
	return 0;
}

INLINE int resolved(const struct path *path)
{
	return walk((__u64)path->dentry, (__u64)path->mnt, FIRST);
}

/* The path that a call has followed, where what it led to can be asked. */
INLINE int followed(struct call_record *record, __s8 makes, __s64 ret)
{
	struct task_struct *task = (void *)bpf_get_current_task_btf();
	struct path path = {};

	if (makes == MAKES_DESCRIPTOR) {
		read_file(record, ret);
		return 0;
	}
	if (makes == MAKES_DIRECTORY)
		BPF_CORE_READ_INTO(&path, task, fs, pwd);
	else if (makes == MAKES_ROOT)
		BPF_CORE_READ_INTO(&path, task, fs, root);
	else
		BPF_CORE_READ_INTO(&path, task, mm, exe_file, f_path);
	return resolved(&path);
}

/* The path that an argument names. */
ONCE int read_path(struct call_record *record, struct shape *shape, struct call *call)
{
	int directory;

	if (!record || !shape || !call)
		return 0;
	directory = shape->directory < 0 ? AT_FDCWD : (int)argument(call, shape->directory);
	if (shape->makes && (record->flags & RETURNED) && call->ret >= 0) {
		if (followed(record, shape->makes, call->ret))
			record->head.first = length_of(FIRST);
		return 0;
	}
	if (named(argument(call, shape->path), directory, FIRST))
		record->head.first = length_of(FIRST);
	else
		record->flags |= UNREADABLE;
	if (shape->path2 < 0)
		return 0;
	directory = shape->directory2 < 0 ? AT_FDCWD : (int)argument(call, shape->directory2);
	if (named(argument(call, shape->path2), directory, SECOND))
		record->head.second = length_of(SECOND);
	else
		record->flags |= UNREADABLE;
	return 0;
}

ONCE int emit_call(struct lane *lane, struct call_record *record)
{
	if (lane && record)
		emit(lane, &record->head, sizeof(*record), record->flags & BEGINS ? LOST_BEGINS : LOST_CALLS);
	return 0;
}

/* `state`: RETURNED, BEGINS, or 0 where the thread has ended in the call. */
ONCE int tell_call(struct lane *lane, struct call *call, int state)
{
	if (!lane || !call)
		return 0;

	struct call_record record = {
		.head = { .kind = CALL, .pid = call->pid, .tid = call->tid },
		.began_ns = call->began_ns,
		.ret = call->ret,
		.number = call->number,
		.size = NO_SIZE,
		.fd = -1,
		.flags = state,
	};
	struct shape *shape = bpf_map_lookup_elem(&shapes, &record.number);

	if (!shape)
		return 0;
	if (shape->size >= 0)
		record.size = argument(call, shape->size);
	if (shape->address >= 0 && argument(call, shape->address))
		read_address(&record, argument(call, shape->address), argument(call, shape->address + 1));
	if (shape->fd >= 0) {
		record.fd = argument(call, shape->fd);
		read_file(&record, record.fd);
	}
	if (shape->path >= 0)
		read_path(&record, shape, call);
	return emit_call(lane, &record);
}

#endif
