/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * Calls on connections and outputs: what they move, and the ends that they open.
 *
 * Not seen: what io_uring moves, and what somebody outside the lanes does with a connection of theirs. TCP's own
 * numbers show that something is missing then; an end that we count ourselves is given up (`exact`).
 */
#ifndef OBSERVE_SOCKETS_H
#define OBSERVE_SOCKETS_H

#include "observe_tcp.h"

#define MSG_OOB 1
#define MSG_PEEK 2
#define MSG_ERRQUEUE 0x2000
#define EINPROGRESS (-115)

enum direction { OUT, IN };

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
	if (end)
		enter_numbers(subject, direction == IN ? &end->in : &end->out);
	else
		subject->kind = NOTHING;
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

/* Tell of a TCP end that is seen for the first time. */
static __noinline int meet_connection(struct lane *lane, struct call *call, struct connection *connection, __u32 number)
{
	struct flow flow = { .kind = OPENED, .end = number, .accepted = !connection->called };

	if (connection->said || connection->number == number)
		return 0;
	connection->said = 1;
	connection->number = number;
	return tell_opened(lane, call, &flow, &connection->addresses);
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
static __noinline int end_move(struct lane *lane, struct call *call, struct subject *subject, __u32 moved, int in)
{
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
		if (!end || in == IN)
			return 0;
		flow.kind = WROTE;
		flow.detail = end->output;
	}
	return tell_flow(lane, call, &flow);
}

INLINE int is_flowing(const struct subject *subject)
{
	return subject->kind == TCP || subject->kind == UNIX || subject->kind == PIPE;
}

INLINE void end_moves(struct lane *lane, struct call *call, struct about *about)
{
	__u32 moved = call->ret > 0 ? call->ret : 0;

	if (!is_flowing(&about->from) && !is_flowing(&about->to))
		return;
	if (about->act == RECEIVES_MESSAGES || about->act == SENDS_MESSAGES)
		moved = bytes_of_messages(call);
	if (is_flowing(&about->from))
		end_move(lane, call, &about->from, moved, IN);
	if (is_flowing(&about->to))
		end_move(lane, call, &about->to, moved, OUT);
}

/* A connection has been made, or will be: connect(2) without waiting. */
INLINE void end_connect(struct lane *lane, struct call *call)
{
	struct flow flow = { .kind = OPENED };
	struct subject subject = {};
	struct connection *connection;

	if (call->ret && call->ret != EINPROGRESS)
		return;
	find_subject(&subject, call->args[0]);
	flow.end = subject.number;
	if (subject.kind == TCP) {
		connection = connection_of((void *)subject.object);
		if (!connection)
			return;
		read_addresses((void *)subject.object, &connection->addresses);
		meet_connection(lane, call, connection, subject.number);
	} else if (subject.kind == UNIX && !call->ret) {
		flow.other = peer_of((void *)subject.object);
		begin_end(subject.number, flow.other, 1);
		tell_flow(lane, call, &flow);
	}
}

INLINE void end_accept(struct lane *lane, struct call *call)
{
	struct flow flow = { .kind = OPENED, .accepted = 1 };
	struct subject subject = {};
	struct connection *connection;
	struct end_state *peer;

	if (call->ret < 0)
		return;
	find_subject(&subject, call->ret);
	flow.end = subject.number;
	if (subject.kind == TCP) {
		connection = connection_of((void *)subject.object);
		if (!connection)
			return;
		connection->taken = 1;
		connection->pid = call->pid;
		connection->tid = call->tid;
		tell_socket(lane, connection, ACCEPTED);
		meet_connection(lane, call, connection, subject.number);
	} else if (subject.kind == UNIX) {
		flow.other = peer_of((void *)subject.object);
		begin_end(subject.number, flow.other, 1);
		peer = end_of(flow.other);
		if (peer)
			peer->peer = subject.number;
		tell_flow(lane, call, &flow);
	}
}

/* socketpair(2): two ends that know each other. */
INLINE void end_pair(struct lane *lane, struct call *call)
{
	struct subject first = {}, second = {};
	struct flow flow = { .kind = OPENED };
	int fds[2];

	if (call->ret || bpf_probe_read_user(fds, sizeof(fds), (void *)call->args[3]))
		return;
	find_subject(&first, fds[0]);
	find_subject(&second, fds[1]);
	if (first.kind != UNIX || second.kind != UNIX)
		return;
	begin_end(first.number, second.number, 1);
	begin_end(second.number, first.number, 1);
	flow.end = first.number;
	flow.other = second.number;
	tell_flow(lane, call, &flow);
	flow.end = second.number;
	flow.other = first.number;
	tell_flow(lane, call, &flow);
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

/* A call has begun; no other field of it than its number and arguments is set. */
INLINE void observe_socket_begin(struct call *call)
{
	__u32 number = call->number;
	struct about *about;
	struct lane *lane;
	__u8 act;

	if (number >= CALLS)
		return;
	act = acts[number];
	if (!act)
		return;
	about = bpf_task_storage_get(&abouts, (void *)bpf_get_current_task_btf(), 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!about) {
		lane = bpf_map_lookup_elem(&lanes, &call->lane);
		if (lane)
			lose(lane, LOST_FLOWS);
		return;
	}
	about->act = act;
	about->from.kind = about->to.kind = NOTHING;
	if (act <= LAST_MOVE)
		begin_moves(call, about);
	else if (act >= WAITS_EPOLL && act <= LAST_WAIT)
		begin_wait(call, about);
	else if (act == SYNCS || act == TRUNCATES)
		find_subject(&about->to, call->args[0]);
}

/* What the ended call was about; 0 where it concerns neither sockets nor files. */
INLINE struct about *about_of(struct call *call)
{
	if (call->number >= CALLS || !acts[call->number])
		return 0;
	return bpf_task_storage_get(&abouts, (void *)bpf_get_current_task_btf(), 0, 0);
}

INLINE void end_opening(struct lane *lane, struct call *call, __u8 act)
{
	switch (act) {
	case CONNECTS:
		end_connect(lane, call);
		break;
	case ACCEPTS:
		end_accept(lane, call);
		break;
	case PAIRS:
		end_pair(lane, call);
		break;
	case PIPES:
		distrust(call, call->args[0]);
		distrust(call, call->args[1]);
	}
}

/* A call of the 64-bit table has ended; `call->ret` is its result. One that never began was answered by a supervisor,
 * which may have moved bytes in its place. */
INLINE void observe_socket_call(struct lane *lane, struct call *call)
{
	struct about *about = about_of(call);
	__u8 act;

	if (!about)
		return;
	act = about->act;
	if (!call->began_ns) {
		if (acts[call->number & (CALLS - 1)] <= LAST_MOVE)
			distrust(call, call->args[0]);
	} else if (act && act <= LAST_MOVE) {
		end_moves(lane, call, about);
	} else if (act >= WAITS_EPOLL && act <= LAST_WAIT) {
		end_wait(lane, call, about);
	} else {
		end_opening(lane, call, act);
	}
	about->act = NO_ACT;
}

/* The current task has made a thread or a process. */
INLINE void observe_socket_fork(struct lane *lane, struct call *parent, struct call *child)
{
	struct flow flow = { .kind = FLOW_FORKED, .other = child->tid };

	tell_flow(lane, parent, &flow);
}

/* Of a call that a signal ended together with its thread: it moved nothing. */
INLINE void leave_move(struct subject *subject, int in)
{
	if (subject->kind == UNIX || subject->kind == PIPE)
		moved_by_count(subject, 0, in);
}

/* The current task ends. */
INLINE void observe_socket_end(struct lane *lane, struct call *call)
{
	struct about *about = bpf_task_storage_get(&abouts, (void *)bpf_get_current_task_btf(), 0, 0);
	struct flow flow = { .kind = FLOW_ENDED };

	if (about && about->act && about->act <= LAST_MOVE) {
		leave_move(&about->from, IN);
		leave_move(&about->to, OUT);
	}
	tell_flow(lane, call, &flow);
}

INLINE void begin_output(int fd, __u16 output)
{
	struct subject subject = {};
	struct end_state *end;

	if (find_subject(&subject, fd) != PIPE || end_of(subject.number))
		return;
	end = begin_end(subject.number, 0, 1);
	if (end)
		end->output = output;
}

/* A service begins: what it inherits as standard output and error, where these are pipes, is what Faultbox reads. */
INLINE void observe_socket_exec(void)
{
	begin_output(1, STDOUT);
	begin_output(2, STDERR);
}

#endif
