/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * What an error means.
 *
 * A function of this library that fails returns a negative errno, or NULL and
 * sets errno.  The library keeps for each thread why its last failing call
 * failed: what failed, on what, why, and what to do.
 */
#ifndef FUSION_ERROR_H
#define FUSION_ERROR_H

#include <fusion/types.h>

FUSION_BEGIN_DECLS

/**
 * Explain an error: use it where you would use strerror(-r).
 *
 * @param r  what a function of this library has returned, or -errno after one
 *           that returns NULL
 *
 * @return a sentence without a full stop or a newline, never NULL.  If the last
 *         call of this thread that failed returned @r, the sentence is about
 *         that call, say "arena '/run/fusion/shop': no fusionfs is mounted
 *         there: mount one (fusionfs DIR)"; otherwise it says what @r means in
 *         Fusion.  It stays valid until the next call of the library by this
 *         thread.
 *
 * Any thread; does not block and cannot fail.  Changes no errno.
 *
 * With FUSION_LOG=stderr in the environment the same sentence is written to the
 * standard error when the call fails, whether the program asks or not; see
 * fusion_set_log().
 */
FUSION_API const char *fusion_strerror(int r);

FUSION_END_DECLS

#endif
