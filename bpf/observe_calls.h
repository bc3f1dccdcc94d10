/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * System calls: what is kept of one from its begin to its end, and what is counted of all.
 */
#ifndef OBSERVE_CALLS_H
#define OBSERVE_CALLS_H

#include "observe_paths.h"

#define INVALID 0x7fff	/* in place of numbers that no call has */

#if defined(__TARGET_ARCH_x86)
#define NUMBER_EXECVE 59
#define TS_COMPAT 2
#define IS_COMPAT(task) ((task)->thread_info.status & TS_COMPAT)
#define NUMBER(regs) ((regs)->orig_ax)
#else
#define NUMBER_EXECVE 221
#define TIF_32BIT 22
#define IS_COMPAT(task) ((task)->thread_info.flags >> TIF_32BIT & 1)
#define NUMBER(regs) ((regs)->syscallno)
#endif

/* Of one call by one lane, on one processor. `histogram[i]`: those that took 2**i to 2**(i+1) ns. */
struct total {
	__u64 calls;
	__u64 errors;
	__u64 total_ns;
	__u64 max_ns;
	__u32 histogram[BUCKETS];
};

/* By lane number << 16 | number of the call, with bit 15 for those of the 32-bit tables. Sizes rather than types: until
 * Linux 6.2 a map without a description of its types wasn't taken in place of one with it. */
struct counts {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct total));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, WORLDS);
	__type(key, __u32);
	__array(values, struct counts);
} totals SEC(".maps");

INLINE void read_call(struct call *call, struct task_struct *task, const struct pt_regs *regs, long number)
{
	if (number < 0 || number > INVALID)
		number = INVALID;
	call->number = number;
	if (IS_COMPAT(task))
		call->number |= COMPAT;
#if defined(__TARGET_ARCH_x86)
	call->args[0] = regs->di;
	call->args[1] = regs->si;
	call->args[2] = regs->dx;
	call->args[3] = regs->r10;
	call->args[4] = regs->r8;
	call->args[5] = regs->r9;
#else
	call->args[0] = regs->orig_x0;
	for (int index = 1; index < 6; index++)
		call->args[index] = regs->regs[index];
#endif
}

/* floor(log2), 0 for 0 and at most the last bucket. */
ONCE int bucket_of(__u64 ns)
{
	__u32 value = ns >> 32 ? 0xffffffff : ns, bits = 0;

	for (int step = 16; step; step >>= 1) {
		if (value >> step) {
			value >>= step;
			bits += step;
		}
	}
	return bits;
}

INLINE int failed(__s64 ret)
{
	return (__u64)ret >= (__u64)-4095;
}

INLINE void count(struct lane *lane, const struct call *call, int returned)
{
	static const struct total nothing;
	__u32 slot = lane->slot;
	__u32 key = lane->number << 16 | (call->number & 0x7fff) | (call->number & COMPAT ? 0x8000 : 0);
	void *counts = bpf_map_lookup_elem(&totals, &slot);
	struct total *total;
	__u64 took;

	if (!counts)
		return;
	total = bpf_map_lookup_elem(counts, &key);
	if (!total) {
		bpf_map_update_elem(counts, &key, &nothing, BPF_NOEXIST);
		total = bpf_map_lookup_elem(counts, &key);
		if (!total) {
			lose(lane, LOST_TOTALS);
			return;
		}
	}
	total->calls++;
	if (!returned)
		return;
	if (failed(call->ret))
		total->errors++;
	if (!call->began_ns)
		return;
	took = call->ended_ns - call->began_ns;
	total->total_ns += took;
	if (took > total->max_ns)
		total->max_ns = took;
	total->histogram[bucket_of(took) & (BUCKETS - 1)]++;
}

#endif
