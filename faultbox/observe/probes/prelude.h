/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * What stands before a probe's own text. bcc turns calls like events.perf_submit() into calls of helpers, and
 * compiles the result again: there the macros below send what is put out to the ring of the world that the
 * running process belongs to, behind a head. FAULTBOX_LEVEL is how deep the cgroups of services lie.
 */
struct faultbox_head {
	u64 time;
	u32 pid, tid;
	u32 output, size;
};

BPF_RINGBUF_OUTPUT(faultbox_ring, 1);
BPF_HASH_OF_MAPS(faultbox_rings, u64, "faultbox_ring", 4096);
BPF_HASH(faultbox_lost, u64, u64, 4096);

/* The cgroup of the service that this process belongs to; 0 for all who are not observed by this probe. */
static inline __attribute__((always_inline)) u64 faultbox_service(void)
{
	u64 id = bpf_get_current_ancestor_cgroup_id(FAULTBOX_LEVEL);

	return faultbox_rings.lookup(&id) ? id : 0;
}

static inline __attribute__((always_inline)) void *faultbox_reserve(u32 size)
{
	u64 id = bpf_get_current_ancestor_cgroup_id(FAULTBOX_LEVEL), who = bpf_get_current_pid_tgid();
	void *ring = faultbox_rings.lookup(&id);
	struct faultbox_head *head;

	if (!ring)
		return 0;
	head = bpf_ringbuf_reserve(ring, sizeof(*head) + size, 0);
	if (!head) {
		faultbox_lost.increment(id);
		return 0;
	}
	head->time = bpf_ktime_get_ns();
	head->pid = who >> 32;
	head->tid = who;
	head->size = size;
	return head + 1;
}

static inline __attribute__((always_inline)) int faultbox_submit(u32 output, void *data)
{
	struct faultbox_head *head = (struct faultbox_head *)data - 1;

	head->output = output;
	bpf_ringbuf_submit(head, 0);
	return 0;
}

static inline __attribute__((always_inline)) int faultbox_discard(void *data)
{
	bpf_ringbuf_discard((struct faultbox_head *)data - 1, 0);
	return 0;
}

static inline __attribute__((always_inline)) int faultbox_put(u32 output, const void *data, u32 size)
{
	void *room = faultbox_reserve(size);

	if (!room)
		return 0;
	bpf_probe_read_kernel(room, size, data);
	return faultbox_submit(output, room);
}

#define bpf_perf_event_output(ctx, map, index, data, size) faultbox_put(FAULTBOX_OUTPUT(ctx), data, size)
#define bpf_ringbuf_output(map, data, size, flags) faultbox_put(FAULTBOX_OUTPUT(data), data, size)
#define bpf_ringbuf_reserve(map, size, flags) faultbox_reserve(size)
#define bpf_ringbuf_submit(data, flags) faultbox_submit(FAULTBOX_OUTPUT(data), data)
#define bpf_ringbuf_discard(data, flags) faultbox_discard(data)
