// The arena and the dispatcher: from the API before 0.1 to that of 0.1
//
// Run it over the C files of a program, one at a time:
//
//     for file in *.c; do
//         spatch --sp-file docs/migrate/arena.cocci --in-place "$file"
//     done
//
// spatch takes several files of one command for parts of one program, and would
// confuse functions of the same name.  What each rule replaces:
//
//   exit       fusion_arena_exit() takes the arena only.  Callbacks that do
//              nothing but return 0 are dropped.  If such a callback is defined
//              in a header, name it: -D nothing=NAME.  Calls with other
//              callbacks stay as they are, and do not compile: move the
//              callbacks to `shutdown` and `leave` of struct
//              fusion_arena_options.
//   dispatch   fusion_fd(), fusion_dispatch(), fusion_sync() and
//              fusion_dispatch_cleanup() begin with fusion_arena_.  A program
//              that calls the first or the second has to set
//              FUSION_ENTER_MANUAL in the options of fusion_arena_enter(); no
//              rule can tell which call that is.
//   fields     fusion_arena_get_field() and fusion_arena_wait_field() take the
//              size and the type that the caller expects, before the pointer.
//              The rule gives 0 and NULL, which check nothing.  Calls that ask
//              for the size stay as they are, and do not compile.
//   members    0 in the place of a member's id meant all members.  Now it is
//              FUSION_NONE, and FUSION_ALL means all.
//   count      fusion_members_list() takes the size of an element, and gives the
//              number of members by a pointer.  The rule converts calls that
//              only count, by a function that it adds at the top of the file.
//              Calls that list stay as they are, and do not compile.
//
//   first      fusion_arena_enter() returns 0 for the first process, too.  Tests
//              of its result for 1 ask for the role of the master instead.  The
//              two differ if the first process has left: then a later one
//              becomes the master, and `initialize` does not run there.

@first@
expression name, options, A, e;
identifier r;
@@
  r = fusion_arena_enter(name, options, &A)
  ... when != r = e
(
- r == 1
+ fusion_arena_role(A) == FUSION_ROLE_MASTER
|
- r > 0
+ fusion_arena_role(A) == FUSION_ROLE_MASTER
)

@first_declared@
expression name, options, A, e;
identifier r;
@@
  int r = fusion_arena_enter(name, options, &A);
  ... when != r = e
(
- r == 1
+ fusion_arena_role(A) == FUSION_ROLE_MASTER
|
- r > 0
+ fusion_arena_role(A) == FUSION_ROLE_MASTER
)

@idle@
identifier F, a, c;
@@
(
  int F(struct fusion_arena *a, void *c)
  {
	(void)a;
	(void)c;
	return 0;
  }
|
  int F(struct fusion_arena *a, void *c)
  {
	(void)a, (void)c;
	return 0;
  }
|
  int F(struct fusion_arena *a, void *c)
  {
	return 0;
  }
)

@exit_idle@
expression arena, ctx;
identifier idle.F;
@@
(
- fusion_arena_exit(arena, NULL, F, ctx)
+ fusion_arena_exit(arena)
|
- fusion_arena_exit(arena, F, NULL, ctx)
+ fusion_arena_exit(arena)
|
- fusion_arena_exit(arena, F, F, ctx)
+ fusion_arena_exit(arena)
)

@idle_used depends on exit_idle@
identifier idle.F, G;
type T;
position p;
@@
  T G(...) { <+... F@p ...+> }

@idle_drop depends on exit_idle && !idle_used@
identifier idle.F, a, c;
@@
(
- static int F(struct fusion_arena *a, void *c)
- {
-	(void)a;
-	(void)c;
-	return 0;
- }
|
- static int F(struct fusion_arena *a, void *c)
- {
-	(void)a, (void)c;
-	return 0;
- }
|
- static int F(struct fusion_arena *a, void *c)
- {
-	return 0;
- }
)

@exit_named@
expression arena, ctx;
identifier virtual.nothing;
@@
- fusion_arena_exit(arena, NULL, nothing, ctx)
+ fusion_arena_exit(arena)

@exit@
expression arena;
@@
- fusion_arena_exit(arena, NULL, NULL, NULL)
+ fusion_arena_exit(arena)

@exit_with_context@
expression arena, ctx;
@@
- fusion_arena_exit(arena, NULL, NULL, ctx)
+ fusion_arena_exit(arena)

@dispatch_fd@
symbol fusion_fd, fusion_arena_fd;
@@
- fusion_fd
+ fusion_arena_fd

@dispatch@
symbol fusion_dispatch, fusion_arena_dispatch;
@@
- fusion_dispatch
+ fusion_arena_dispatch

@dispatch_sync@
symbol fusion_sync, fusion_arena_sync;
@@
- fusion_sync
+ fusion_arena_sync

@dispatch_cleanup@
symbol fusion_dispatch_cleanup, fusion_arena_dispatch_cleanup;
@@
- fusion_dispatch_cleanup
+ fusion_arena_dispatch_cleanup

@field_get@
expression arena, name, ptr;
@@
- fusion_arena_get_field(arena, name, ptr, NULL)
+ fusion_arena_get_field(arena, name, 0, NULL, ptr)

@field_wait@
expression arena, name, timeout, ptr;
@@
- fusion_arena_wait_field(arena, name, timeout, ptr, NULL)
+ fusion_arena_wait_field(arena, name, timeout, 0, NULL, ptr)

@members_kill@
expression arena, signal, timeout;
@@
  fusion_members_kill(arena,
- 0
+ FUSION_ALL
  , signal, timeout)

@members_wait@
expression arena, timeout;
@@
  fusion_members_wait(arena,
- 0
+ FUSION_ALL
  , timeout)

@members_quota@
expression call, limit;
@@
  fusion_call_set_quota(call,
- 0
+ FUSION_ALL
  , limit)

@count@
expression arena;
@@
  fusion_members_list(arena, NULL, 0)

@count_function depends on count@
@@
  #include <fusion/fusion.h>
+ 
+ static int members_count(struct fusion_arena *arena)
+ {
+ 	size_t n;
+ 	int r = fusion_members_list(arena, NULL, 0, 0, &n);
+ 
+ 	return r < 0 ? r : (int)n;
+ }
+ 

@count_function_alone depends on count && !count_function@
identifier G;
type T;
expression A;
@@
+ static int members_count(struct fusion_arena *arena)
+ {
+ 	size_t n;
+ 	int r = fusion_members_list(arena, NULL, 0, 0, &n);
+ 
+ 	return r < 0 ? r : (int)n;
+ }
+ 
  T G(...) { <+... fusion_members_list(A, NULL, 0) ...+> }

@count_call@
expression arena;
@@
- fusion_members_list(arena, NULL, 0)
+ members_count(arena)
