/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * What is done with regular files, by calls: what is written through a mapping or by io_uring isn't seen.
 *
 * A file is its inode, the overlay's where there is one, whoever has a descriptor of it and however he came to it.
 */
#ifndef OBSERVE_FILES_H
#define OBSERVE_FILES_H

#include "observe_sockets.h"

#define NAME 256 /* of the path that totals keep */
#define FMODE_WRITE 2
#define FMODE_CREATED 0x100000
#define MAP_SHARED_BIT 1 /* of MAP_SHARED and of MAP_SHARED_VALIDATE */
#define MAP_ANONYMOUS 0x20
#define O_TRUNC 01000
#define O_PATH 010000000
#define O_TMPFILE 020000000
#define LANES 32 /* of a world, that are looked through for a number's former file */
#define AT_REMOVEDIR 0x200

/* A number alone is not enough: an overlay has those of all its layers. `until_ns`: when the file was found to be gone,
 * because another one is in its place; 0 before. */
struct file_key {
	__u64 number;
	__u64 inode;
	__u64 until_ns;
	__u32 device;
	__u16 lane;
	__u16 unused;
};

/* As model.observation.FileTotals. `mappings`: shared ones, through which it may be written without a call. `path` is what it had when it was first seen; of one that is longer, the end. */
struct file_totals {
	__u64 opens;
	__u64 reads;
	__u64 bytes_read;
	__u64 writes;
	__u64 bytes_written;
	__u64 syncs;
	__u64 mappings;
	__u16 length;
	char path[NAME];
	__u8 unused[6];
};

/* Of each world. */
struct file_counts {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, sizeof(struct file_key));
	__uint(value_size, sizeof(struct file_totals));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, WORLDS);
	__type(key, __u32);
	__array(values, struct file_counts);
} files SEC(".maps");

/* Where a new entry is made: too large for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct file_totals);
} new_files SEC(".maps");

enum file_kind { FILE_OPENED = FILE_FIRST, FILE_CREATED, FILE_WRITTEN, FILE_SYNCED, FILE_RENAMED, FILE_UNLINKED,
		 FILE_TRUNCATED, FILE_LINKED };

/* `bytes`: written, or the length that it has been cut to. `unresolved`: its paths are what the program named, from its
 * directory on. */
struct file_record {
	struct record head;
	__u64 bytes;
	__u32 unresolved;
	__u32 unused;
};

INLINE __u16 name_of(struct file *file, struct file_totals *totals)
{
	__u32 which = FIRST, length;
	struct text *text;

	if (!path_of(file, FIRST))
		return 0;
	text = bpf_map_lookup_elem(&texts, &which);
	if (!text)
		return 0;
	length = text->to - text->from;
	if (length >= NAME) {
		length = NAME - 1;
		text->from = text->to - length;
		text->cut = 1;
	}
	return copy_text(totals->path, length, NAME, FIRST) | (text->cut ? CUT : 0);
}

static __noinline struct file_totals *totals_of_file(struct lane *lane, struct subject *subject)
{
	struct file_key key = {
		.number = subject->number,
		.inode = subject->inode,
		.device = subject->device,
		.lane = lane->number,
	};
	__u32 slot = lane->slot, only = 0;
	void *counts = bpf_map_lookup_elem(&files, &slot);
	struct file_totals *found, *fresh;

	if (!counts)
		return 0;
	found = bpf_map_lookup_elem(counts, &key);
	if (found)
		return found;
	fresh = bpf_map_lookup_elem(&new_files, &only);
	if (!fresh)
		return 0;
	fresh->length = name_of((struct file *)subject->object, fresh);
	bpf_map_update_elem(counts, &key, fresh, BPF_NOEXIST);
	found = bpf_map_lookup_elem(counts, &key);
	if (!found)
		lose(lane, LOST_TOTALS);
	return found;
}

/* What a lane knows of a file that is gone stays as such. */
ONCE int forget(struct lane *lane, struct file_key *key)
{
	struct file_totals *found;
	struct file_key former;
	__u32 slot;
	void *counts;

	if (!lane || !key)
		return 0;
	slot = lane->slot;
	counts = bpf_map_lookup_elem(&files, &slot);
	former = *key; /* until Linux 6.2 no argument of a function that is verified alone may be a map's key */
	found = counts ? bpf_map_lookup_elem(counts, &former) : 0;
	if (!found)
		return 0;
	former.until_ns = bpf_ktime_get_ns();
	if (bpf_map_update_elem(counts, &former, found, BPF_NOEXIST))
		lose(lane, LOST_TOTALS);
	former.until_ns = key->until_ns;
	bpf_map_delete_elem(counts, &former);
	return 0;
}

/* A file has just been made: what is known by its number is of another one. */
static __noinline int forget_former(struct lane *lane, struct subject *subject)
{
	struct file_key key = { .number = subject->number, .inode = subject->inode, .device = subject->device };

	for (int number = 0; number < LANES; number++) {
		key.lane = number;
		forget(lane, &key);
	}
	return 0;
}

/* Tell of a file that is open. */
ONCE int tell_file(struct lane *lane, struct call *call, struct subject *subject, __u16 kind, __u64 bytes)
{
	if (!lane || !call || !subject)
		return 0;

	struct file_record record = { .head = { .kind = kind, .pid = call->pid, .tid = call->tid }, .bytes = bytes };

	if (!(lane->wants & WANTS_FILES))
		return 0;
	if (path_of((struct file *)subject->object, FIRST))
		record.head.first = length_of(FIRST);
	emit(lane, &record.head, sizeof(record), LOST_FILES);
	return 0;
}

/* What a call names: a path, or two, each with the descriptor of the directory that it starts from. */
struct names {
	__u64 first;
	__u64 second;
	int from;
	int to;
	__u64 bytes;
};

ONCE int tell_names(struct lane *lane, struct call *call, struct names *names, __u16 kind)
{
	if (!lane || !call || !names)
		return 0;

	struct file_record record = { .head = { .kind = kind, .pid = call->pid, .tid = call->tid }, .unresolved = 1 };

	if (call->ret || !(lane->wants & WANTS_FILES))
		return 0;
	record.bytes = names->bytes;
	if (named(names->first, names->from, FIRST))
		record.head.first = length_of(FIRST);
	if (names->second && named(names->second, names->to, SECOND))
		record.head.second = length_of(SECOND);
	emit(lane, &record.head, sizeof(record), LOST_FILES);
	return 0;
}

INLINE __u64 open_flags(struct call *call, __u8 act)
{
	__u64 flags = 0;

	switch (act) {
	case CREATS: return O_TRUNC;
	case OPENS: return call->args[1];
	case OPENS_AT: return call->args[2];
	}
	bpf_probe_read_user(&flags, sizeof(flags), (void *)call->args[2]); /* of struct open_how */
	return flags;
}

INLINE void end_open(struct lane *lane, struct call *call, __u8 act)
{
	struct subject subject = {};
	struct file_totals *totals;
	struct file *file;
	int created;
	__u64 flags;

	if (call->ret < 0 || find_subject(&subject, call->ret) != FILE)
		return;
	flags = open_flags(call, act);
	if (flags & O_PATH)
		return;
	file = (struct file *)subject.object;
	created = BPF_CORE_READ(file, f_mode) & FMODE_CREATED;
	if (created || flags & O_TMPFILE)
		forget_former(lane, &subject);
	totals = totals_of_file(lane, &subject);
	if (totals)
		__sync_fetch_and_add(&totals->opens, 1);
	tell_file(lane, call, &subject, created ? FILE_CREATED : FILE_OPENED, 0);
	if (flags & O_TRUNC && !created)
		tell_file(lane, call, &subject, FILE_TRUNCATED, 0);
}

INLINE void end_read(struct lane *lane, struct call *call, struct subject *subject)
{
	struct file_totals *totals = call->ret < 0 ? 0 : totals_of_file(lane, subject);

	if (!totals)
		return;
	__sync_fetch_and_add(&totals->reads, 1);
	__sync_fetch_and_add(&totals->bytes_read, call->ret);
}

INLINE void end_write(struct lane *lane, struct call *call, struct subject *subject)
{
	struct file_totals *totals = call->ret < 0 ? 0 : totals_of_file(lane, subject);

	if (totals) {
		__sync_fetch_and_add(&totals->writes, 1);
		__sync_fetch_and_add(&totals->bytes_written, call->ret);
	}
	if (call->ret > 0)
		tell_file(lane, call, subject, FILE_WRITTEN, call->ret);
}

/* A directory's sync makes the names in it last: it is told too. */
INLINE void end_sync(struct lane *lane, struct call *call, struct subject *subject)
{
	struct file_totals *totals;

	if (call->ret || (subject->kind != FILE && subject->kind != DIRECTORY))
		return;
	totals = subject->kind == FILE ? totals_of_file(lane, subject) : 0;
	if (totals)
		__sync_fetch_and_add(&totals->syncs, 1);
	tell_file(lane, call, subject, FILE_SYNCED, 0);
}

INLINE void end_rename(struct lane *lane, struct call *call, __u8 act)
{
	struct names plain = { call->args[0], call->args[1], AT_FDCWD, AT_FDCWD };
	struct names at = { call->args[1], call->args[3], call->args[0], call->args[2] };

	if (act == RENAMES || act == LINKS)
		tell_names(lane, call, &plain, act == RENAMES ? FILE_RENAMED : FILE_LINKED);
	else
		tell_names(lane, call, &at, act == RENAMES_AT ? FILE_RENAMED : FILE_LINKED);
}

INLINE void end_unlink(struct lane *lane, struct call *call, __u8 act)
{
	struct names plain = { .first = call->args[0], .from = AT_FDCWD };
	struct names at = { .first = call->args[1], .from = call->args[0] };

	if (act == UNLINKS)
		tell_names(lane, call, &plain, FILE_UNLINKED);
	else if (!(call->args[2] & AT_REMOVEDIR))
		tell_names(lane, call, &at, FILE_UNLINKED);
}

INLINE void end_truncate(struct lane *lane, struct call *call, struct about *about)
{
	struct names names = { .first = call->args[0], .from = AT_FDCWD, .bytes = call->args[1] };

	if (about->act == TRUNCATES_PATH)
		tell_names(lane, call, &names, FILE_TRUNCATED);
	else if (!call->ret && about->to.kind == FILE)
		tell_file(lane, call, &about->to, FILE_TRUNCATED, call->args[1]);
}

/* A shared mapping may be written to where its descriptor could be, now or once mprotect(2) says so. */
INLINE void end_map(struct lane *lane, struct call *call)
{
	struct subject subject = {};
	struct file_totals *totals;
	struct file *file;

	if (failed(call->ret) || !(call->args[3] & MAP_SHARED_BIT) || call->args[3] & MAP_ANONYMOUS)
		return;
	if (find_subject(&subject, call->args[4]) != FILE)
		return;
	file = (struct file *)subject.object;
	if (!(BPF_CORE_READ(file, f_mode) & FMODE_WRITE))
		return;
	totals = totals_of_file(lane, &subject);
	if (totals)
		__sync_fetch_and_add(&totals->mappings, 1);
}

/* A call of the 64-bit table has ended; `call->ret` is its result. What never began has moved nothing. */
ONCE int observe_file_call(struct lane *lane, struct call *call)
{
	struct about *about;
	__u8 act;

	if (!lane || !call)
		return 0;
	about = call->began_ns ? about_of(call) : 0;
	if (!about)
		return 0;
	act = about->act;
	if (act <= LAST_MOVE && about->from.kind == FILE)
		end_read(lane, call, &about->from);
	if (act <= LAST_MOVE && about->to.kind == FILE)
		end_write(lane, call, &about->to);
	else if (act == CREATS || act == OPENS || act == OPENS_AT || act == OPENS_AT2)
		end_open(lane, call, act);
	else if (act == SYNCS)
		end_sync(lane, call, &about->to);
	else if (act == TRUNCATES || act == TRUNCATES_PATH)
		end_truncate(lane, call, about);
	else if (act == RENAMES || act == RENAMES_AT || act == LINKS || act == LINKS_AT)
		end_rename(lane, call, act);
	else if (act == UNLINKS || act == UNLINKS_AT)
		end_unlink(lane, call, act);
	else if (act == MAPS)
		end_map(lane, call);
	return 0;
}

#endif
