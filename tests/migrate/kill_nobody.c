/* SPDX-License-Identifier: GPL-2.0-or-later */
/* FUSION_ALL is 0, and so is "no master": after the master died, killing it kills an innocent slave. */
#include <fusion/fusion.h>
#include <stdio.h>
#include <signal.h>
#include <unistd.h>
#include <sys/wait.h>
int main(){ struct fusion_arena*a; pid_t m=fork(); if(!m){ if(fusion_arena_enter("ap",NULL,&a)<0)_exit(1); pause(); }
 usleep(300000); pid_t in=fork(); if(!in){ if(fusion_arena_enter("ap",NULL,&a)<0)_exit(1); pause(); }
 usleep(300000); if(fusion_arena_enter("ap",NULL,&a)<0) return 1;
 kill(m,SIGKILL); waitpid(m,NULL,0); usleep(300000);
 int r=fusion_members_kill(a,fusion_arena_master(a),SIGKILL,1000000000LL); int st=0; pid_t w=waitpid(in,&st,WNOHANG);
 printf("master %u kill returned %d; innocent %s\n",fusion_arena_master(a),r,w==in?"KILLED":"alive"); kill(in,9); return 0; }
