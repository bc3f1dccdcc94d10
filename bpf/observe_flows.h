/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * What flows: bytes, with the numbers that both ends of a connection give them.
 *
 * TCP numbers bytes itself. A call moved exactly those between the number before it and the number after it where the
 * difference is what it returned: nobody else's bytes can be among them. Bytes of Unix sockets and pipes are counted
 * here; a call's are known where no other call of that direction overlapped with it. Otherwise: 0, not known.
 */
#ifndef OBSERVE_FLOWS_H
#define OBSERVE_FLOWS_H

#include "observe_subjects.h"

#define UNKNOWN 0

enum flow_kind { OPENED = 1, SENT, RECEIVED, CLOSED, WROTE, WAITED, FLOW_FORKED, FLOW_ENDED, CAME };

enum detail {
	STDOUT = 1, STDERR = 2, THROUGH_PIPE = 3,
	IN_EPOLL = 1, IN_POLL, IN_SELECT, IN_FUTEX, IN_SLEEP,
	BY_DATAGRAM = 1, BY_SIGNAL
};

/* A record of flows.bin, as model/flow.py explains them. `other`: the peer's end, or a child. `accepted`: of OPENED. */
struct flow {
	__u16 size;
	__u8 kind;
	__u8 accepted;
	__u16 lane;
	__u16 detail;
	__u32 tid;
	__u32 pid;
	__u64 time_ns;
	__u64 began_ns;
	__u32 end;
	__u32 length;
	__u32 position;
	__u32 other;
};

/* Ports in host order, addresses in network order; what is IPv4 in IPv6 is IPv4 here. */
struct addresses {
	__u16 family;
	__u16 local_port;
	__u16 remote_port;
	__u16 unused;
	__u8 local[16];
	__u8 remote[16];
};

struct opened_flow {
	struct flow flow;
	struct addresses addresses;
};

/* One direction of an end that we count. `entered`, `inside`: calls that have begun, and not ended. */
struct numbers {
	__u64 total;
	__u64 entered;
	__u64 inside;
};

/* An end of a Unix connection, or both ends of a pipe: one that a service has made, or one that is its output (`output`:
 * STDOUT, STDERR). By its inode's number: sockets and pipes share their numbers (get_next_ino). `exact`: all its bytes have been counted. */
struct end_state {
	struct numbers out;
	struct numbers in;
	__u32 peer;
	__u16 output;
	__u8 exact;
	__u8 unused;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct end_state);
} ends SEC(".maps");

/* Give a flow of the current task to its world, as happening now. */
ONCE int give_flow(struct lane *lane, struct flow *flow)
{
	struct flow *room;

	if (!lane || !flow || !(lane->wants & WANTS_FLOWS))
		return 0;
	room = FLOW_ROOM(lane, sizeof(*flow));
	if (!room)
		return 0;
	*room = *flow;
	room->size = sizeof(*flow);
	room->lane = lane->number;
	room->time_ns = bpf_ktime_get_ns();
	if (!room->began_ns)
		room->began_ns = room->time_ns;
	bpf_ringbuf_submit(room, FLOW_WAKEUP);
	return 0;
}

INLINE int tell_flow(struct lane *lane, const struct call *call, struct flow *flow)
{
	flow->pid = call->pid;
	flow->tid = call->tid;
	flow->began_ns = call->began_ns;
	return give_flow(lane, flow);
}

/* Whether there was room for it. */
ONCE int tell_opened(struct lane *lane, struct call *call, struct flow *flow, struct addresses *addresses)
{
	if (!lane || !call || !flow || !addresses)
		return 0;

	struct opened_flow *room;

	if (!(lane->wants & WANTS_FLOWS))
		return 0;
	room = FLOW_ROOM(lane, sizeof(*room));
	if (!room)
		return 0;
	room->flow = *flow;
	room->addresses = *addresses;
	room->flow.size = sizeof(*room);
	room->flow.kind = OPENED;
	room->flow.lane = lane->number;
	room->flow.pid = call->pid;
	room->flow.tid = call->tid;
	room->flow.time_ns = bpf_ktime_get_ns();
	room->flow.began_ns = call->began_ns ?: room->flow.time_ns;
	bpf_ringbuf_submit(room, FLOW_WAKEUP);
	return 1;
}

INLINE struct end_state *end_of(__u32 number)
{
	return bpf_map_lookup_elem(&ends, &number);
}

/* The entry of an end that was seen for the first time. Whether all its bytes will have been counted depends on whether
 * it is new. */
INLINE struct end_state *begin_end(__u32 number, __u32 peer, __u8 exact)
{
	struct end_state fresh = { .peer = peer, .exact = exact };

	bpf_map_update_elem(&ends, &number, &fresh, BPF_ANY);
	return bpf_map_lookup_elem(&ends, &number);
}

/* The call is about to move bytes that we count. Its place in `inside` comes first: who begins beside it sees either
 * that or its `entered`. */
INLINE void enter_numbers(struct subject *subject, struct numbers *numbers)
{
	subject->alone = __sync_fetch_and_add(&numbers->inside, 1) == 0;
	subject->before = __sync_fetch_and_add(&numbers->entered, 1) + 1;
}

/* It has moved `moved` bytes; the number of the last one. */
INLINE __u32 leave_numbers(struct subject *subject, struct numbers *numbers, __u32 moved)
{
	int alone = subject->alone && (__u32)__sync_fetch_and_add(&numbers->entered, 0) == subject->before;
	__u32 position = __sync_fetch_and_add(&numbers->total, moved) + moved;

	__sync_fetch_and_add(&numbers->inside, -1);
	return alone ? position : UNKNOWN;
}

/* The inode's number of the other end of a Unix connection, where somebody has a descriptor of it. */
INLINE __u32 peer_of(struct sock *sk)
{
	struct sock *peer = BPF_CORE_READ((struct unix_sock *)sk, peer);
	struct socket *socket = BPF_CORE_READ(peer, sk_socket);

	if (!peer || !socket)
		return 0;
	return BPF_CORE_READ(socket, file, f_inode, i_ino);
}

#endif
