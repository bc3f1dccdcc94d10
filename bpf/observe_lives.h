/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * The lives of a lane's tasks: who belongs to it from when, and how processes end.
 */
#ifndef OBSERVE_LIVES_H
#define OBSERVE_LIVES_H

#include "observe_told.h"
#include "observe_sockets.h"

#define SIGNAL_GROUP_EXIT 4
#define ARGUMENTS 512

/* `status` is as wait(2) gives it. `parent` of a fork is the process that forked. */
struct life_record {
	struct record head;
	__u32 parent;
	__u32 status;
	__u32 oom;
	__u32 unused;
};

/* Processes that the kernel has chosen to kill for want of memory. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u32);
} victims SEC(".maps");

INLINE struct call *join(struct task_struct *task, __u64 id, const struct lane *lane)
{
	struct call first = { .lane = id, .outside = 1 };
	struct call *call = bpf_task_storage_get(&tasks, task, &first, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (call) {
		call->lane = id;
		call->begins = lane->wants & WANTS_BEGINS;
		call->pid = task->tgid;
		call->tid = task->pid;
	}
	return call;
}

INLINE void tell_life(struct lane *lane, const struct call *call, struct life_record *record, enum kind kind)
{
	record->head.kind = kind;
	record->head.pid = call->pid;
	record->head.tid = call->tid;
	emit(lane, &record->head, sizeof(*record), LOST_LIVES);
}

/* A process comes to the lane by being put into its cgroup. */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(observe_move, struct cgroup *to, const char *path, struct task_struct *task)
{
	__u64 id = BPF_CORE_READ(to, kn, id);
	struct lane *lane = bpf_map_lookup_elem(&lanes, &id);

	if (lane && lane->moves_in && !join(task, id, lane))
		lose(lane, LOST_TASKS);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(observe_fork, struct task_struct *parent, struct task_struct *task)
{
	struct call *call = bpf_task_storage_get(&tasks, parent, 0, 0), *child;
	struct life_record record = {};
	struct lane *lane;

	if (!call)
		return 0;
	lane = bpf_map_lookup_elem(&lanes, &call->lane);
	if (!lane)
		return 0;
	child = join(task, call->lane, lane);
	if (!child) {
		lose(lane, LOST_TASKS);
		return 0;
	}
	observe_socket_fork(lane, call, child);
	if (child->tid == child->pid) {
		record.parent = call->pid;
		tell_life(lane, child, &record, FORKED);
	}
	return 0;
}

/* The program's arguments, each ended by a zero byte. */
INLINE __u16 read_arguments(struct task_struct *task)
{
	__u64 from = BPF_CORE_READ(task, mm, arg_start), to = BPF_CORE_READ(task, mm, arg_end);
	__u32 which = SECOND, size = to - from;
	struct text *text = bpf_map_lookup_elem(&texts, &which);

	if (!text || from >= to)
		return 0;
	if (to - from >= ARGUMENTS)
		size = ARGUMENTS - 1;
	size &= ARGUMENTS - 1;
	if (bpf_probe_read_user(text->bytes + PATH, size, (void *)from))
		return 0;
	text->from = PATH;
	text->to = PATH + size;
	text->cut = to - from >= ARGUMENTS;
	return size | (text->cut ? CUT : 0);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(observe_exec, struct task_struct *task, int old, struct linux_binprm *program)
{
	struct life_record record = {};
	struct call *call;
	struct lane *lane;
	__u64 id;

	lane = lane_of_cgroup(&id);
	if (!lane)
		return 0;
	call = join(task, id, lane);
	if (!call) {
		lose(lane, LOST_TASKS);
		return 0;
	}
	if (!call->began_ns) { /* its first: of the call that brought it here the end is seen */
		observe_socket_exec();
		call->outside = 0;
		call->number = NUMBER_EXECVE;
		call->began_ns = bpf_ktime_get_ns();
	}
	if (path_of(BPF_CORE_READ(program, file), FIRST))
		record.head.first = length_of(FIRST);
	record.head.second = read_arguments(task);
	record.parent = BPF_CORE_READ(task, real_parent, tgid);
	tell_life(lane, call, &record, EXECED);
	return 0;
}

/* As wait(2) will say: the first thread's, unless the whole process was ended at once. */
INLINE __u32 status_of(struct task_struct *task)
{
	if (BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT)
		return BPF_CORE_READ(task, signal, group_exit_code);
	return BPF_CORE_READ(task, group_leader, exit_code);
}

INLINE void tell_end(struct lane *lane, struct task_struct *task, const struct call *call)
{
	struct life_record record = { .parent = BPF_CORE_READ(task, real_parent, tgid), .status = status_of(task) };
	__u32 pid = call->pid;

	record.oom = bpf_map_delete_elem(&victims, &pid) == 0;
	tell_life(lane, call, &record, EXITED);
}

/* Each thread that ends, and with the last one its process. Two may find that nobody is left. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(observe_end, struct task_struct *task)
{
	struct call *call = bpf_task_storage_get(&tasks, task, 0, 0), *first;
	struct lane *lane;
	__u64 began_ns;

	if (!call)
		return 0;
	lane = bpf_map_lookup_elem(&lanes, &call->lane);
	if (!lane)
		return 0;
	began_ns = call->began_ns ?: call->interrupted_ns;
	if (call->began_ns)
		finish(lane, call, 0);
	observe_socket_end(lane, call, began_ns);
	if (BPF_CORE_READ(task, signal, live.counter))
		return 0;
	first = bpf_task_storage_get(&tasks, task->group_leader, 0, 0);
	if (!first || __sync_lock_test_and_set(&first->over, 1))
		return 0;
	tell_end(lane, task, call);
	return 0;
}

/* Until Linux 6.10 this point gave the process's number, since then the process. */
SEC("raw_tp/mark_victim")
int observe_victim(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)ctx->args[0];
	__u32 pid = ctx->args[0], yes = 1;

	if (ctx->args[0] >> 32)
		pid = BPF_CORE_READ(task, tgid);
	bpf_map_update_elem(&victims, &pid, &yes, BPF_ANY);
	return 0;
}

#endif
