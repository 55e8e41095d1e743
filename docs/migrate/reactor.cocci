// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Reactors, from the API before 0.1 to that of 0.1:
//
//   spatch --sp-file docs/migrate/reactor.cocci --in-place -I include FILE...
//
// A reaction got NULL for the end of a reactor.  Now it gets a message whose
// event says what has ended.  The rules below replace tests for NULL by tests
// of the event.

@@
const struct fusion_reactor_message *M;
@@
(
- M == NULL
+ M->event != FUSION_REACTOR_DATA
|
- !M
+ M->event != FUSION_REACTOR_DATA
)

@@
const struct fusion_reactor_message *M;
expression A, B;
@@
- M ? A : B
+ M->event == FUSION_REACTOR_DATA ? A : B

@@
const struct fusion_reactor_message *M;
statement S;
@@
- if (M)
+ if (M->event == FUSION_REACTOR_DATA)
  S

@@
const struct fusion_reactor_message *M;
statement S, T;
@@
- if (M)
+ if (M->event == FUSION_REACTOR_DATA)
  S
  else T

@@
const struct fusion_reactor_message *M;
expression E;
@@
(
- M && E
+ M->event == FUSION_REACTOR_DATA && E
|
- M != NULL
+ M->event == FUSION_REACTOR_DATA
)

// fusion_reactor_stat() takes the size of the caller's struct.

@@
expression R, S;
@@
- fusion_reactor_stat(R, &S)
+ fusion_reactor_stat(R, &S, sizeof(S))

@@
expression R, P;
@@
- fusion_reactor_stat(R, P)
+ fusion_reactor_stat(R, P, sizeof(*P))
