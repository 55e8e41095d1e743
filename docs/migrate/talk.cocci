// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Calls: from the functions before 0.1 to those of 0.1
//
//  - struct fusion_call_options, which said how to execute a call, is called
//    struct fusion_call_execute_options.  A time-out of 0 there has no limit
//    any more: one that is written as 0 becomes 1, a nanosecond.
//  - fusion_call_execute_bytes() and the former fusion_call_execute() become
//    call_for_bytes() and call_for_word() of talk.h, which use the new
//    fusion_call_execute().  They return the handler's error as they did.  The
//    program includes docs/migrate/talk.h: compile with -I and the top of this
//    tree, or copy the file.
//  - fusion_call_create() gets the handler and its argument in the new struct
//    fusion_call_options.
//  - struct fusion_call_stats is called struct fusion_call_stat, and
//    fusion_call_stat() gets its size.
//
// By hand: fusion_call_answer() is gone, as an answer without room gets private
// memory.  -EOWNERDEAD of a call is -EHOSTDOWN (not executed) or -ECONNRESET
// (may have run).  A time-out in a variable that may be 0.

@old@
@@
 fusion_call_execute_bytes(...)

@depends on old@
identifier o;
expression F;
@@
 struct fusion_call_options o = {sizeof(o), F,
-0
+1
 };

@depends on old@
@@
-struct fusion_call_options
+struct fusion_call_execute_options

@bytes@
@@
-fusion_call_execute_bytes
+call_for_bytes
 (...)

@word@
expression C, W, R;
@@
-fusion_call_execute(C, W, R)
+call_for_word(C, W, R)

@depends on bytes || word@
@@
 #include <fusion/fusion.h>
+#include "migrate-0.1.h"

@@
expression A, N, F, R;
@@
-fusion_call_create(A, N, F, NULL, R)
+fusion_call_create(A, N,
+	&(struct fusion_call_options){
+		.size = sizeof(struct fusion_call_options),
+		.fn = F},
+	R)

@@
expression A, N, F, X, R;
@@
-fusion_call_create(A, N, F, X, R)
+fusion_call_create(A, N,
+	&(struct fusion_call_options){
+		.size = sizeof(struct fusion_call_options),
+		.fn = F,
+		.ctx = X},
+	R)

@@
@@
-struct fusion_call_stats
+struct fusion_call_stat

@@
expression C, S;
@@
(
-fusion_call_stat(C, &S)
+fusion_call_stat(C, &S, sizeof(S))
|
-fusion_call_stat(C, S)
+fusion_call_stat(C, S, sizeof(*(S)))
)
