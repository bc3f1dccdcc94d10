// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * The kernel's eye: every system call of every service counted, those that are asked for told, and the lives of its
 * processes, connections and files.
 *
 * Attached once a run. A task of a lane has a storage of its own; the rest of the machine pays for finding none.
 */
#include "observe_told.h"
#include "observe_sockets.h"
#include "observe_files.h"

LICENSED;

/* A call is over; with `returned` 0 the thread is, in it. */
INLINE void finish(struct lane *lane, struct call *call, int returned)
{
	__u32 number = call->number;

	count(lane, call, returned);
	if (number >= CALLS)
		return;
	if (lane->wants & WANTS_CALLS && lane->calls[number / 64] >> (number % 64) & 1)
		tell_call(lane, call, returned ? RETURNED : 0);
	if (!returned)
		return;
	observe_file_call(lane, call);
	observe_socket_call(lane, call);
}

/* A call that might not be over when somebody asks what has happened. */
INLINE void tell_begin(struct call *call)
{
	struct lane *lane = bpf_map_lookup_elem(&lanes, &call->lane);
	__u32 number = call->number;

	if (lane && number < CALLS && lane->begins[number / 64] >> (number % 64) & 1)
		tell_call(lane, call, BEGINS);
}

/* What a program takes is measured at one call of these. */
#define SAMPLE 64

INLINE int sampled(const struct call *call)
{
	return call->nth % SAMPLE == 0;
}

INLINE void charge(const struct call *call, __u64 since)
{
	struct lane *lane = bpf_map_lookup_elem(&lanes, &call->lane);

	if (lane)
		__sync_fetch_and_add(&lane->spent_ns, (bpf_ktime_get_ns() - since) * SAMPLE);
}

SEC("tp_btf/sys_enter")
int BPF_PROG(observe_enter, struct pt_regs *regs, long number)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = bpf_task_storage_get(&tasks, task, 0, 0);
	__u64 since = 0;

	if (!call)
		return 0;
	call->nth++;
	if (sampled(call))
		since = bpf_ktime_get_ns();
	read_call(call, task, regs, number);
	call->outside = 0;
	if (call->number < CALLS)
		observe_socket_begin(call);
	if (call->begins)
		tell_begin(call);
	if (since)
		charge(call, since);
	call->began_ns = bpf_ktime_get_ns();
	return 0;
}

#define SIGKILL_BIT (1 << 8)

/* The end of a thread interrupts the call that it is in; what that gives then, no program sees. */
INLINE int returns(struct task_struct *task, long ret)
{
	return !failed(ret) || !(BPF_CORE_READ(task, pending.signal.sig[0]) & SIGKILL_BIT);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(observe_exit, struct pt_regs *regs, long ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = bpf_task_storage_get(&tasks, task, 0, 0);
	struct lane *lane;
	int returned;

	if (!call)
		return 0;
	returned = returns(task, ret);
	if (!call->began_ns) {
		if (call->outside) {
			call->outside = 0;
			return 0;
		}
		read_call(call, task, regs, NUMBER(regs));
	}
	lane = bpf_map_lookup_elem(&lanes, &call->lane);
	if (lane) {
		call->ended_ns = bpf_ktime_get_ns();
		call->ret = ret;
		finish(lane, call, returned);
		if (sampled(call))
			charge(call, call->ended_ns);
	}
	if (!returned)
		call->interrupted_ns = call->began_ns;
	call->began_ns = 0;
	return 0;
}

#include "observe_lives.h"
