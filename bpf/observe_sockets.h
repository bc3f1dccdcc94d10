/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * Connections, and what flows through them.
 */
#ifndef OBSERVE_SOCKETS_H
#define OBSERVE_SOCKETS_H

#include "observe_paths.h"

/* A call of the 64-bit table has ended; `call->ret` is its result. */
INLINE void observe_socket_call(struct lane *lane, struct call *call)
{
}

/* A call has begun; no other field of it than its number and arguments is set. */
INLINE void observe_socket_begin(struct lane *lane, struct call *call)
{
}

/* The current task has made a thread or a process. */
INLINE void observe_socket_fork(struct lane *lane, struct call *parent, struct call *child)
{
}

/* The current task ends. */
INLINE void observe_socket_end(struct lane *lane, struct call *call)
{
}

#endif
