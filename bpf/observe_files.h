/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * What is done with regular files.
 */
#ifndef OBSERVE_FILES_H
#define OBSERVE_FILES_H

#include "observe_paths.h"

/* A call of the 64-bit table has ended; `call->ret` is its result. */
INLINE void observe_file_call(struct lane *lane, struct call *call)
{
}

#endif
