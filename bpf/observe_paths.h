/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * Paths as the kernel has them, and the records that carry them. Only for programs that run in the task whose call it
 * is: the texts belong to a processor, and a program that interrupts another one would write over them.
 */
#ifndef OBSERVE_PATHS_H
#define OBSERVE_PATHS_H

#include "observe.h"

#define AT_FDCWD (-100)
#define PATH 4096	/* PATH_MAX: what one text can hold before and after its middle */
#define STEPS 64	/* directories and mounts that a path may lead through */
#define CUT 0x8000	/* with the length of a text: its beginning is missing */

/* A path is written backwards from the middle, what a program has named relative to it forwards. `dentry`, `mount`: how
 * far the walk to the root has come. */
struct text {
	__u64 dentry;
	__u64 mount;
	__u32 from;
	__u32 to;
	__u32 cut;
	char bytes[2 * PATH + 256];
};

enum { FIRST, SECOND, TEXTS };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TEXTS);
	__type(key, __u32);
	__type(value, struct text);
} texts SEC(".maps");

/* Put a name and what parts it from its directory before what a text begins with; whether there was room. */
INLINE int prepend(struct text *text, struct dentry *dentry)
{
	struct qstr name;
	__u32 at;

	BPF_CORE_READ_INTO(&name, (struct dentry___name *)dentry, d_name);
	name.len &= 255;
	at = text->from - name.len;
	if (text->from <= name.len || bpf_probe_read_kernel(text->bytes + (at & (PATH - 1)), name.len, name.name))
		return 0;
	at--;
	text->bytes[at & (PATH - 1)] = '/';
	text->from = at;
	return 1;
}

enum { NO_PATH, CLIMBED, AT_THE_TOP, NO_ROOM };

/* From a dentry to the one above it, or from the root of a mount to where that is mounted. */
ONCE int climb(struct text *text)
{
	if (!text)
		return NO_PATH;

	struct dentry *dentry = (void *)text->dentry, *parent;
	struct mount *mount = (void *)text->mount, *above;

	if (dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
		above = BPF_CORE_READ(mount, mnt_parent);
		if (above == mount)
			return AT_THE_TOP;
		text->dentry = (__u64)BPF_CORE_READ(mount, mnt_mountpoint);
		text->mount = (__u64)above;
		return CLIMBED;
	}
	parent = BPF_CORE_READ(dentry, d_parent);
	if (parent == dentry)
		return NO_PATH;
	if (!prepend(text, dentry))
		return NO_ROOM;
	text->dentry = (__u64)parent;
	return CLIMBED;
}

/* Put the path of a dentry in a mount (both as addresses) into a text, from the root of their mount namespace; whether
 * it has one. What has been unlinked and what never had a name has none. Where the path is longer than we follow it,
 * its end is there. */
ONCE int walk(__u64 dentry_at, __u64 vfsmount_at, __u32 which)
{
	struct text *text = bpf_map_lookup_elem(&texts, &which);
	struct mount *mount = (void *)(vfsmount_at - bpf_core_field_offset(struct mount, mnt));
	struct dentry *dentry = (void *)dentry_at;
	int came = CLIMBED;

	if (!text || !dentry_at || !vfsmount_at)
		return 0;
	text->from = PATH;
	text->to = PATH;
	text->dentry = dentry_at;
	text->mount = (__u64)mount;
	if (dentry != BPF_CORE_READ(mount, mnt.mnt_root) && !BPF_CORE_READ(dentry, d_hash.pprev))
		return 0;
	for (int step = 0; step < STEPS && came == CLIMBED; step++)
		came = climb(text);
	if (came == NO_PATH)
		return 0;
	text->cut = came != AT_THE_TOP;
	if (text->from == PATH) {
		text->from = PATH - 1;
		text->bytes[PATH - 1] = '/';
	}
	return 1;
}

INLINE int path_of(struct file *file, __u32 which)
{
	return file && walk((__u64)BPF_CORE_READ(file, f_path.dentry), (__u64)BPF_CORE_READ(file, f_path.mnt), which);
}

/* Put what a program means by a path (an address in it) and a directory's descriptor into a text; whether it could be
 * read. Symbolic links, `.` and `..` stay as they are. */
ONCE int named(__u64 path, int directory, __u32 which)
{
	struct text *text = bpf_map_lookup_elem(&texts, &which);
	struct task_struct *task = (void *)bpf_get_current_task_btf();
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct path from = {};
	long length;

	if (!text)
		return 0;
	length = bpf_probe_read_user_str(text->bytes + PATH + 1, PATH, (void *)path);
	if (length < 1)
		return 0;
	if (length == 1)
		return path_of(file_of(directory), which);
	if (text->bytes[PATH + 1] == '/')
		BPF_CORE_READ_INTO(&from, fs, root);
	else if (directory == AT_FDCWD)
		BPF_CORE_READ_INTO(&from, fs, pwd);
	else
		BPF_CORE_READ_INTO(&from, file_of(directory), f_path);
	if (!walk((__u64)from.dentry, (__u64)from.mnt, which))
		return 0;
	text->bytes[PATH] = '/';
	text->to = PATH + (length & (2 * PATH - 1));
	return 1;
}

/* The length of a text as records have it. */
INLINE __u16 length_of(__u32 which)
{
	struct text *text = bpf_map_lookup_elem(&texts, &which);
	__u32 length;

	if (!text)
		return 0;
	length = text->to - text->from;
	if (length >= PATH) { /* its end tells more */
		length = PATH - 1;
		text->from = text->to - length;
		text->cut = 1;
	}
	return length | (text->cut ? CUT : 0);
}

/* Copy a text to where a record has `room` bytes for it; its length. */
INLINE __u32 copy_text(char *to, __u16 length, const __u32 room, __u32 which)
{
	struct text *text = bpf_map_lookup_elem(&texts, &which);
	__u32 bytes = length & (room - 1), from;

	if (!text)
		return 0;
	from = text->from;
	if (from > 2 * PATH)
		return 0;
	asm volatile("%0 &= %1" : "+r"(bytes) : "i"(room - 1));
	bpf_probe_read_kernel(to, bytes, text->bytes + from);
	return bytes;
}

INLINE void emit_within(struct lane *lane, const struct record *fixed, const __u32 size, const __u32 room,
			const __u32 count, enum lost kind)
{
	__u32 slot = lane->slot;
	void *ring = bpf_map_lookup_elem(&events, &slot);
	struct record *record;
	__u32 used;

	if (!ring)
		return;
	record = bpf_ringbuf_reserve(ring, size + room * count, 0);
	if (!record) {
		lose(lane, kind);
		return;
	}
	__builtin_memcpy(record, fixed, size);
	record->lane = lane->number;
	record->time_ns = bpf_ktime_get_ns();
	if (count > 0) {
		used = copy_text((char *)record + size, fixed->first, room, FIRST);
		if (count > 1)
			copy_text((char *)record + size + used, fixed->second, room, SECOND);
	}
	bpf_ringbuf_submit(record, 0);
}

/* Tell the lane's world of something: a structure that begins with struct record, and as many of the texts as it has
 * lengths of. A record's time is taken once it has its room: the reader promises that nothing comes that is older. */
INLINE void emit(struct lane *lane, struct record *fixed, const __u32 size, enum lost kind)
{
	__u32 longest = fixed->first & ~CUT, second = fixed->second & ~CUT;

	if (second > longest)
		longest = second;
	if (!longest)
		emit_within(lane, fixed, size, 0, 0, kind);
	else if (longest < 128 && !second)
		emit_within(lane, fixed, size, 128, 1, kind);
	else if (longest < 512)
		emit_within(lane, fixed, size, 512, 2, kind);
	else
		emit_within(lane, fixed, size, PATH, 2, kind);
}

#endif
