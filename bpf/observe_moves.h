/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * Calls that move bytes through connections and outputs: the numbers before them, and after.
 */
#ifndef OBSERVE_MOVES_H
#define OBSERVE_MOVES_H

#include "observe_tcp.h"

#define MSG_OOB 1
#define MSG_PEEK 2
#define MSG_ERRQUEUE 0x2000
#define MANY_MESSAGES 32 /* of sendmmsg and recvmmsg, whose lengths are added up */

enum direction { OUT, IN };

struct task_struct___ring { /* where the kernel is built with io_uring */
	void *io_uring;
	struct task_struct___ring *group_leader;
} __attribute__((preserve_access_index));

/* Whether the current task, or its process's first one, may move bytes that aren't seen here. */
INLINE int uses_io_uring(void)
{
	struct task_struct___ring *task = (void *)bpf_get_current_task_btf();

	if (!bpf_core_field_exists(task->io_uring))
		return 0;
	return BPF_CORE_READ(task, io_uring) || BPF_CORE_READ(task, group_leader, io_uring);
}

/* Before the call: the numbers that its bytes will come after. */
static __noinline int begin_move(struct subject *subject, int fd, enum direction direction)
{
	struct end_state *end;

	if (!find_subject(subject, fd))
		return 0;
	if (subject->kind == TCP) {
		struct tcp_sock *tcp = (void *)subject->object;

		subject->before = direction == IN ? BPF_CORE_READ(tcp, copied_seq) : BPF_CORE_READ(tcp, write_seq);
		return 0;
	}
	if (subject->kind != UNIX && subject->kind != PIPE)
		return 0;
	end = end_of(subject->number);
	if (!end && subject->kind == UNIX)
		end = begin_end(subject->number, 0, 0);
	if (!end) { /* somebody else's pipe */
		subject->kind = DATAGRAM;
		return 0;
	}
	if (uses_io_uring())
		end->exact = 0;
	enter_numbers(subject, direction == IN ? &end->in : &end->out);
	return 0;
}

/* Whether the receiver looks at bytes without taking them, or takes what has no number. */
INLINE int only_looks(__u64 flags)
{
	return flags & (MSG_OOB | MSG_PEEK | MSG_ERRQUEUE);
}

INLINE void begin_moves(struct call *call, struct about *about)
{
	switch (about->act) {
	case RECEIVES:
	case RECEIVES_MESSAGES:
		if (!only_looks(call->args[3]))
			begin_move(&about->from, call->args[0], IN);
		break;
	case RECEIVES_MESSAGE:
		if (!only_looks(call->args[2]))
			begin_move(&about->from, call->args[0], IN);
		break;
	case READS:
		begin_move(&about->from, call->args[0], IN);
		break;
	case SENDS_FILE:
		begin_move(&about->to, call->args[0], OUT);
		begin_move(&about->from, call->args[1], IN);
		break;
	case SPLICES:
	case COPIES:
		begin_move(&about->from, call->args[0], IN);
		begin_move(&about->to, call->args[2], OUT);
		break;
	default:
		begin_move(&about->to, call->args[0], OUT);
	}
}

/* The number of the last of `moved` bytes, where they are exactly what was moved since the call began. A FIN that was
 * read with the last bytes has a number as well. */
INLINE __u32 tcp_position(struct subject *subject, enum direction direction, __u32 moved)
{
	struct tcp_sock *tcp = (void *)subject->object;
	__u32 after = direction == IN ? BPF_CORE_READ(tcp, copied_seq) : BPF_CORE_READ(tcp, write_seq);

	if (direction == IN && BPF_CORE_READ((struct sock *)tcp, __sk_common.skc_flags) & FIN_HAS_COME)
		after -= after == BPF_CORE_READ(tcp, rcv_nxt);
	return after - subject->before == moved ? after - 1 : UNKNOWN;
}

/* Tell of a TCP end that is seen for the first time; at its next move, where there was no room. */
static __noinline int meet_connection(struct lane *lane, struct call *call, struct connection *connection, __u32 number)
{
	struct flow flow = { .kind = OPENED, .end = number, .accepted = !connection->called };

	if (connection->said)
		return 0;
	connection->number = number;
	connection->said = tell_opened(lane, call, &flow, &connection->addresses);
	return 0;
}

static __noinline __u32 moved_by_tcp(struct lane *lane, struct call *call, struct subject *subject, __u32 moved, int in)
{
	struct sock *sk = (void *)subject->object;
	struct connection *connection = connection_of(sk);
	__u32 position = tcp_position(subject, in, moved);

	if (connection && !connection->over && connection->opened) {
		tally(lane, connection, sk);
		meet_connection(lane, call, connection, subject->number);
	}
	return position;
}

/* Bytes that came though nobody was seen to send them show that an end isn't counted right. */
INLINE void doubt(struct end_state *end)
{
	struct end_state *peer = end->peer ? end_of(end->peer) : 0;

	if (peer && !__sync_fetch_and_add(&peer->out.inside, 0) &&
	    __sync_fetch_and_add(&peer->out.total, 0) < end->in.total)
		end->exact = peer->exact = 0;
}

static __noinline __u32 moved_by_count(struct subject *subject, __u32 moved, int in)
{
	struct end_state *end = end_of(subject->number);
	__u32 position;

	if (!end)
		return UNKNOWN;
	position = leave_numbers(subject, in == IN ? &end->in : &end->out, moved);
	if (in == IN)
		doubt(end);
	return end->exact ? position : UNKNOWN;
}

/* After the call: `moved` bytes, or the end of what the other side says. */
ONCE int end_move(struct lane *lane, struct call *call, struct subject *subject, __u32 moved, int in)
{
	if (!lane || !call || !subject)
		return 0;

	struct flow flow = { .kind = in == IN ? RECEIVED : SENT, .end = subject->number, .length = moved };
	struct end_state *end;

	if (subject->kind == TCP)
		flow.position = moved_by_tcp(lane, call, subject, moved, in);
	else
		flow.position = moved_by_count(subject, moved, in);
	if (call->ret < 0 || (!moved && in == OUT))
		return 0;
	if (!moved)
		flow.position = UNKNOWN;
	if (subject->kind == PIPE) {
		end = end_of(subject->number);
		if (!end || (end->output && in == IN))
			return 0;
		if (end->output)
			flow.kind = WROTE;
		flow.detail = end->output ?: THROUGH_PIPE;
	}
	return tell_flow(lane, call, &flow);
}

/* Something has come that isn't followed. What is ready in a socket's queue of errors has come as well. */
static __noinline int tell_came(struct lane *lane, struct call *call, struct subject *subject)
{
	struct flow flow = { .kind = CAME, .detail = subject->kind == SIGNAL ? BY_SIGNAL : BY_DATAGRAM };

	if (call->ret <= 0 || (subject->kind != SIGNAL && subject->kind != DATAGRAM))
		return 0;
	return tell_flow(lane, call, &flow);
}

/* How many bytes sendmmsg or recvmmsg moved; 0 where that isn't known. */
static __noinline __u32 bytes_of_messages(struct call *call)
{
	__u64 messages = call->args[1];
	__u32 bytes = 0, length;

	if (call->ret > MANY_MESSAGES)
		return 0;
	for (int index = 0; index < MANY_MESSAGES && index < call->ret; index++) {
		/* struct mmsghdr: a struct msghdr of 56 bytes, its length */
		if (bpf_probe_read_user(&length, sizeof(length), (void *)(messages + index * 64 + 56)))
			return 0;
		bytes += length;
	}
	return bytes;
}

INLINE int is_flowing(const struct subject *subject)
{
	return subject->kind == TCP || subject->kind == UNIX || subject->kind == PIPE;
}

/* A call has moved bytes in a way that we can't count. */
static __noinline int distrust(struct call *call, int fd)
{
	struct subject subject = {};
	struct end_state *end;

	if (call->ret <= 0)
		return 0;
	find_subject(&subject, fd);
	end = end_of(subject.number);
	if (end && (subject.kind == UNIX || subject.kind == PIPE))
		end->exact = 0;
	return 0;
}

/* Of a call that moved nothing, or nobody knows how much. */
INLINE void leave_move(struct subject *subject, int in)
{
	if (subject->kind == UNIX || subject->kind == PIPE)
		moved_by_count(subject, 0, in);
}

/* Count what went through a pipe without telling of it. */
INLINE void leave_pipe(struct subject *subject, __u32 moved, int in)
{
	struct end_state *end = subject->kind == PIPE ? end_of(subject->number) : 0;

	if (!end || end->output)
		return;
	moved_by_count(subject, moved, in);
	subject->kind = NOTHING;
}

INLINE void end_moves(struct lane *lane, struct call *call, struct about *about)
{
	__u32 moved = call->ret > 0 ? call->ret : 0;

	tell_came(lane, call, &about->from);
	if (!is_flowing(&about->from) && !is_flowing(&about->to))
		return;
	if (about->act == RECEIVES_MESSAGES || about->act == SENDS_MESSAGES)
		moved = bytes_of_messages(call);
	if (call->ret > 0 && !moved) {
		distrust(call, call->args[0]);
		leave_move(&about->from, IN);
		leave_move(&about->to, OUT);
		lose(lane, LOST_FLOWS);
		return;
	}
	if (about->act == SPLICES) { /* a pipe between is part of the call, and seldom more */
		leave_pipe(&about->from, moved, IN);
		leave_pipe(&about->to, moved, OUT);
	}
	if (is_flowing(&about->from))
		end_move(lane, call, &about->from, moved, IN);
	if (is_flowing(&about->to))
		end_move(lane, call, &about->to, moved, OUT);
}

#endif
