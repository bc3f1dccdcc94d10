/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * What the parts of observe.bpf.c share: lanes and the tasks in them, the two rings of a world, and the words that
 * records begin with. faultbox/observe/layout.py reads the same structures.
 */
#ifndef OBSERVE_H
#define OBSERVE_H

#include "faultbox.h"
#include "observe_about.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "observe_kernel.h"

#define CALLS 512	/* numbers of system calls that may be watched: 0 to 511 */
#define WORLDS 1024	/* that live at once */
#define BUCKETS 32

/* A function that isn't static is verified once, for whatever arguments, and not anew at each of its calls: that takes
 * half of what loading takes. For all the verifier knows its pointers may be null (Linux 5.13). */
#define ONCE __noinline

/* What a lane wants to be told beyond totals and its processes' lives. */
#define WANTS_CALLS 1
#define WANTS_FILES 2
#define WANTS_SOCKETS 4
#define WANTS_FLOWS 8
#define WANTS_BEGINS 16

/* A service, the driver or the edge process of one world. `slot`: the world's place in the maps of rings and totals.
 * `moves_in`: its processes belong to it as they are put into its cgroup; those of other lanes once they exec there,
 * for what a launcher does before that isn't the service's. `spent_ns`: what our programs took of its time, by a sample.
 * `calls`: those that are told when they are over; `begins`: those of them that are told when they begin as well. */
struct lane {
	__u64 world;
	__u32 slot;
	__u16 number;
	__u8 wants;
	__u8 moves_in;
	__u64 spent_ns;
	__u64 calls[CALLS / 64];
	__u64 begins[CALLS / 64];
};

/* By the id of the lane's cgroup. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct lane);
} lanes SEC(".maps");

/* Which world has which slot, by its cgroup's id; only user space reads it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WORLDS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u64);
} slots SEC(".maps");

/* Element 0: the level of lanes in the tree of cgroups. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} depth SEC(".maps");

/* A thread of a lane, and the system call that it is in.
 *
 * `began_ns` is 0 between calls, and after one that seccomp answered in the kernel's place: such a call is seen at its
 * end only. `number` has COMPAT set for calls by the 32-bit tables. `ret`, `ended_ns`: only once it has ended.
 * `interrupted_ns`: when the call began in which the thread was ended. */
#define COMPAT 0x80000000

struct call {
	__u64 lane;
	__u64 began_ns;
	__u64 ended_ns;
	__u64 interrupted_ns;
	__s64 ret;
	__u64 args[6];
	__u32 number;
	__u32 nth;
	__u32 pid;
	__u32 tid;
	__u64 over; /* of a process's first thread: the process's end has been told */
	__u32 outside; /* it was in a call when it came to the lane, which isn't the lane's */
	__u32 begins; /* its lane wants to be told of calls that begin */
	struct about about;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct call);
} tasks SEC(".maps");

/* What found no room is counted, by world and kind. */
enum lost {
	LOST_CALLS, LOST_LIVES, LOST_SOCKETS, LOST_FILES, LOST_FLOWS, LOST_TOTALS, LOST_TASKS, LOST_BEGINS, LOST_KINDS
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WORLDS * LOST_KINDS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} losses SEC(".maps");

/* The rings of each world. */
struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

#define RINGS(name)                                                                  \
	struct {                                                                     \
		__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);                            \
		__uint(max_entries, WORLDS);                                         \
		__type(key, __u32);                                                  \
		__array(values, struct ring);                                        \
	} name SEC(".maps")

RINGS(events);
RINGS(flows);

/* What every record of `events` begins with. `first`, `second`: the lengths of the texts after its fixed part. */
enum kind { CALL = 1, FORKED, EXECED, EXITED, SOCKET_FIRST = 16, FILE_FIRST = 32 };

struct record {
	__u64 time_ns;
	__u32 pid;
	__u32 tid;
	__u16 kind;
	__u16 lane;
	__u16 first;
	__u16 second;
};

ONCE int lose(struct lane *lane, enum lost kind)
{
	__u64 *count;
	__u32 at;

	if (!lane)
		return 0;
	at = lane->slot * LOST_KINDS + kind;
	count = bpf_map_lookup_elem(&losses, &at);
	if (count)
		__sync_fetch_and_add(count, 1);
	return 0;
}

/* Room in the world's ring of flows for a record of a constant size, to be given to bpf_ringbuf_submit(, FLOW_WAKEUP)
 * once it is filled; 0 where there is none. A record's time must be taken after its room was: the reader promises that
 * nothing comes which is older than what it has read. */
#define FLOW_ROOM(lane, size)                                                        \
	({                                                                           \
		__u32 _slot = (lane)->slot;                                          \
		void *_ring = bpf_map_lookup_elem(&flows, &_slot), *_room = 0;       \
		if (_ring)                                                           \
			_room = bpf_ringbuf_reserve(_ring, size, 0);                 \
		if (_ring && !_room)                                                 \
			lose(lane, LOST_FLOWS);                                      \
		_room;                                                               \
	})

/* Flows are nobody's hurry: whoever reads them looks every few milliseconds while there are any. */
#define FLOW_WAKEUP 0

/* The lane of the current task's cgroup, for tasks that aren't known yet. Whoever sees only a part of the tree of cgroups
 * can't tell the level of lanes in it: it is put right here, by the first task of a lane. */
INLINE struct lane *lane_of_cgroup(__u64 *id)
{
	__u32 only = 0, *level = bpf_map_lookup_elem(&depth, &only);
	struct lane *lane;

	if (!level)
		return 0;
	*id = bpf_get_current_ancestor_cgroup_id(*level);
	lane = bpf_map_lookup_elem(&lanes, id);
	for (int other = 1; other < DEEPEST && !lane; other++) {
		*id = bpf_get_current_ancestor_cgroup_id(other);
		if (!*id)
			break;
		lane = bpf_map_lookup_elem(&lanes, id);
		if (lane)
			*level = other;
	}
	return lane;
}

/* The open file of a descriptor of the current task, 0 for none. */
INLINE struct file *file_of(int fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file *file = 0;

	if (fd < 0 || (__u32)fd >= BPF_CORE_READ(table, max_fds))
		return 0;
	bpf_probe_read_kernel(&file, sizeof(file), BPF_CORE_READ(table, fd) + fd);
	return file;
}

#endif
