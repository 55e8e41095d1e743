/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Errors: print why a call failed.
 *
 * A function of this library that fails returns a negative errno, or returns
 * NULL and sets errno.  For each thread the library also keeps one sentence
 * about the last call that failed: what failed, on what, why, and what to do.
 * docs/errors.md has all errors in one table.
 */
#ifndef FUSION_ERROR_H
#define FUSION_ERROR_H

#include <fusion/types.h>

FUSION_BEGIN_DECLS

/**
 * Explain an error in words: use it where you would use strerror(-r).
 *
 * @param r  the negative errno that a function of this library returned, or
 *           -errno after a function that returned NULL
 *
 * @return a sentence without a full stop or a newline, never NULL.  If the last
 *         failing call of this thread returned @r, the sentence is about that
 *         call.  For example: "arena '/run/fusion/shop': no fusionfs is mounted
 *         there: mount one first (fusionfs DIR)".  Otherwise the sentence says
 *         what @r means in Fusion.  The library owns the string, which is valid
 *         until this thread calls the library again.
 *
 * Any thread.  Does not block, cannot fail, and leaves errno as it is.
 *
 * With FUSION_LOG=stderr in the environment the library writes each such
 * sentence to the standard error when the call fails; see fusion_set_log().
 */
FUSION_API const char *fusion_strerror(int r);

FUSION_END_DECLS

#endif
