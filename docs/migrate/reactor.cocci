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

// fusion_reactor_dispatch() and fusion_object_dispatch() take options, and do
// what ..._dispatch_channel() did.  NULL stands for channel 0 and no flags.

@@
expression R, D, S, F;
@@
(
  fusion_reactor_dispatch(R, D, S, NULL)
|
  fusion_reactor_dispatch(R, D, S, &F)
|
- fusion_reactor_dispatch(R, D, S, 0)
+ fusion_reactor_dispatch(R, D, S, NULL)
|
- fusion_reactor_dispatch(R, D, S, F)
+ fusion_reactor_dispatch(R, D, S,
+	&(const struct fusion_reactor_dispatch_options){
+		.size = sizeof(struct fusion_reactor_dispatch_options),
+		.flags = F})
)

@@
expression O, D, S, F;
@@
(
  fusion_object_dispatch(O, D, S, NULL)
|
  fusion_object_dispatch(O, D, S, &F)
|
- fusion_object_dispatch(O, D, S, 0)
+ fusion_object_dispatch(O, D, S, NULL)
|
- fusion_object_dispatch(O, D, S, F)
+ fusion_object_dispatch(O, D, S,
+	&(const struct fusion_reactor_dispatch_options){
+		.size = sizeof(struct fusion_reactor_dispatch_options),
+		.flags = F})
)

@@
expression R, C, D, S, F, G, N;
@@
(
- fusion_reactor_dispatch_channel(R, C, D, S, 0, NULL, 0)
+ fusion_reactor_dispatch(R, D, S,
+	&(const struct fusion_reactor_dispatch_options){
+		.size = sizeof(struct fusion_reactor_dispatch_options),
+		.channel = C})
|
- fusion_reactor_dispatch_channel(R, C, D, S, F, NULL, 0)
+ fusion_reactor_dispatch(R, D, S,
+	&(const struct fusion_reactor_dispatch_options){
+		.size = sizeof(struct fusion_reactor_dispatch_options),
+		.flags = F,
+		.channel = C})
|
- fusion_reactor_dispatch_channel(R, C, D, S, F, G, N)
+ fusion_reactor_dispatch(R, D, S,
+	&(const struct fusion_reactor_dispatch_options){
+		.size = sizeof(struct fusion_reactor_dispatch_options),
+		.flags = F,
+		.channel = C,
+		.globals = G,
+		.n_globals = N})
)

@@
expression O, C, D, S, F, G, N;
@@
(
- fusion_object_dispatch_channel(O, C, D, S, F, NULL, 0)
+ fusion_object_dispatch(O, D, S,
+	&(const struct fusion_reactor_dispatch_options){
+		.size = sizeof(struct fusion_reactor_dispatch_options),
+		.flags = F,
+		.channel = C})
|
- fusion_object_dispatch_channel(O, C, D, S, F, G, N)
+ fusion_object_dispatch(O, D, S,
+	&(const struct fusion_reactor_dispatch_options){
+		.size = sizeof(struct fusion_reactor_dispatch_options),
+		.flags = F,
+		.channel = C,
+		.globals = G,
+		.n_globals = N})
)

// fusion_reactor_attach() and fusion_object_attach() take options: channel,
// policy, and a function that runs when the reaction is gone.  NULL stands for
// channel 0 and no policy.

@@
expression R, C, F, X, P, T;
@@
(
- fusion_reactor_attach(R, 0, F, X, NULL, T)
+ fusion_reactor_attach(R, NULL, F, X, T)
|
- fusion_reactor_attach(R, C, F, X, NULL, T)
+ fusion_reactor_attach(R,
+	&(const struct fusion_reactor_attach_options){
+		.size = sizeof(struct fusion_reactor_attach_options),
+		.channel = C},
+	F, X, T)
|
- fusion_reactor_attach(R, 0, F, X, P, T)
+ fusion_reactor_attach(R,
+	&(const struct fusion_reactor_attach_options){
+		.size = sizeof(struct fusion_reactor_attach_options),
+		.policy = P},
+	F, X, T)
|
- fusion_reactor_attach(R, C, F, X, P, T)
+ fusion_reactor_attach(R,
+	&(const struct fusion_reactor_attach_options){
+		.size = sizeof(struct fusion_reactor_attach_options),
+		.channel = C,
+		.policy = P},
+	F, X, T)
)

@@
expression O, F, X, T;
@@
- fusion_object_attach(O, F, X, T)
+ fusion_object_attach(O, NULL, F, X, T)

@@
expression O, C, F, X, P, T;
@@
(
- fusion_object_attach_channel(O, C, F, X, NULL, T)
+ fusion_object_attach(O,
+	&(const struct fusion_reactor_attach_options){
+		.size = sizeof(struct fusion_reactor_attach_options),
+		.channel = C},
+	F, X, T)
|
- fusion_object_attach_channel(O, C, F, X, P, T)
+ fusion_object_attach(O,
+	&(const struct fusion_reactor_attach_options){
+		.size = sizeof(struct fusion_reactor_attach_options),
+		.channel = C,
+		.policy = P},
+	F, X, T)
)
