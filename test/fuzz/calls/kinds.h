/* SPDX-License-Identifier: MIT */
#ifndef TEST_FUZZ_KINDS_H
#define TEST_FUZZ_KINDS_H

/*
 * What each argument of each system call is, a letter for each:
 *
 *	f descriptor    d the same, or the working directory   n name of a file
 *	p memory        v pieces of memory (struct iovec)      h message (struct msghdr)
 *	a page          l length    o offset                   g flags
 *	c small number  t process   u user or group            z a short time
 *	s segment  m set  q queue  k key   S set of signals    x anything
 */

#include <sys/syscall.h>

struct kinds {
	long number;
	const char *name, *arguments;
};

#define KINDS(name, arguments) {SYS_##name, #name, arguments},

/* clang-format off */
static const struct kinds kinds[] = {
	KINDS(execveat, "dnppg") KINDS(remap_file_pages, "alxog")
	KINDS(accept, "fpp") KINDS(accept4, "fppg") KINDS(adjtimex, "p") KINDS(bind, "fpl")
	KINDS(brk, "a") KINDS(capget, "pp") KINDS(capset, "pp") KINDS(chdir, "n")
	KINDS(chroot, "n") KINDS(clock_adjtime, "cp") KINDS(clock_getres, "cp")
	KINDS(clock_gettime, "cp") KINDS(clock_nanosleep, "cczp") KINDS(clock_settime, "cp")
	KINDS(clone, "gpppp") KINDS(clone3, "pl") KINDS(close, "f") KINDS(close_range, "ffg")
	KINDS(connect, "fpl") KINDS(copy_file_range, "fpfplg") KINDS(dup, "f") KINDS(dup3, "ffg")
	KINDS(epoll_create1, "g") KINDS(epoll_ctl, "fcfp") KINDS(epoll_pwait, "fpccSc")
	KINDS(epoll_pwait2, "fpczSc") KINDS(eventfd2, "cg") KINDS(execve, "npp") KINDS(exit, "c")
	KINDS(exit_group, "c") KINDS(faccessat, "dng") KINDS(faccessat2, "dngg")
	KINDS(fadvise64, "folc") KINDS(fallocate, "fgol") KINDS(fchdir, "f") KINDS(fchmod, "fg")
	KINDS(fchmodat, "dng") KINDS(fchown, "fuu") KINDS(fchownat, "dnuug") KINDS(fcntl, "fcx")
	KINDS(fdatasync, "f") KINDS(fgetxattr, "fnpl") KINDS(flistxattr, "fpl") KINDS(flock, "fc")
	KINDS(fremovexattr, "fn") KINDS(fsetxattr, "fnplg") KINDS(fstat, "fp")
	KINDS(fstatfs, "fp") KINDS(fsync, "f") KINDS(ftruncate, "fo") KINDS(futex, "pcczpx")
	{454, "futex_wake", "pxcg"}, {455, "futex_wait", "pcxgzc"}, {456, "futex_requeue", "pgcc"},
	KINDS(futex_waitv, "pcgzc") KINDS(get_mempolicy, "ppxag") KINDS(get_robust_list, "tpp")
	KINDS(getcpu, "pp") KINDS(getcwd, "pl") KINDS(getdents64, "fpl") KINDS(getegid, "")
	KINDS(geteuid, "") KINDS(getgid, "") KINDS(getgroups, "cp") KINDS(getitimer, "cp")
	KINDS(getpeername, "fpp") KINDS(getpgid, "t") KINDS(getpid, "") KINDS(getppid, "")
	KINDS(getpriority, "cc") KINDS(getrandom, "plg") KINDS(getresgid, "ppp")
	KINDS(getresuid, "ppp") KINDS(getrlimit, "cp") KINDS(getrusage, "cp") KINDS(getsid, "t")
	KINDS(getsockname, "fpp") KINDS(getsockopt, "fccpp") KINDS(gettid, "")
	KINDS(gettimeofday, "pp") KINDS(getuid, "") KINDS(getxattr, "nnpl")
	KINDS(inotify_add_watch, "fng") KINDS(inotify_init1, "g") KINDS(inotify_rm_watch, "fc")
	KINDS(ioctl, "fxp") KINDS(kill, "tc") KINDS(lgetxattr, "nnpl") KINDS(linkat, "dndng")
	KINDS(listen, "fc") KINDS(listxattr, "npl") KINDS(llistxattr, "npl")
	KINDS(lremovexattr, "nn") KINDS(lseek, "foc") KINDS(lsetxattr, "nnplg")
	KINDS(madvise, "alc") KINDS(mbind, "alcpxg") KINDS(membarrier, "cgc")
	KINDS(memfd_create, "ng") KINDS(mincore, "alp") KINDS(mkdirat, "dng")
	KINDS(mknodat, "dngx") KINDS(mlock, "al") KINDS(mlock2, "alg") KINDS(mlockall, "c")
	KINDS(mmap, "alggfo") KINDS(mount, "nnngp") KINDS(mprotect, "alg") KINDS(mq_open, "nggp")
	KINDS(mremap, "allga") KINDS(msgctl, "qcp") KINDS(msgget, "kg") KINDS(msgrcv, "qplxg")
	KINDS(msgsnd, "qplg") KINDS(msync, "alg") KINDS(munlock, "al") KINDS(munlockall, "")
	KINDS(munmap, "al") KINDS(name_to_handle_at, "dnppg") KINDS(nanosleep, "zp")
	KINDS(newfstatat, "dnpg") KINDS(openat, "dngg") KINDS(openat2, "dnpl")
	KINDS(personality, "c") KINDS(pidfd_getfd, "ffg") KINDS(pidfd_open, "tg")
	KINDS(pidfd_send_signal, "fcpg") KINDS(pipe2, "pg") KINDS(ppoll, "pczSc")
	KINDS(prctl, "cxxxx") KINDS(pread64, "fplo") KINDS(preadv, "fvco")
	KINDS(preadv2, "fvcocg") KINDS(prlimit64, "tcpp") KINDS(process_madvise, "fvccg")
	KINDS(process_vm_readv, "tvcvcg") KINDS(process_vm_writev, "tvcvcg")
	KINDS(pselect6, "cpppzp") KINDS(pwrite64, "fplo") KINDS(pwritev, "fvco")
	KINDS(pwritev2, "fvcocg") KINDS(read, "fpl") KINDS(readahead, "fol")
	KINDS(readlinkat, "dnpl") KINDS(readv, "fvc") KINDS(reboot, "xxxp")
	KINDS(recvfrom, "fplgpp") KINDS(recvmmsg, "fpcgz") KINDS(recvmsg, "fhg")
	KINDS(removexattr, "nn") KINDS(renameat2, "dndng") KINDS(restart_syscall, "")
	KINDS(rseq, "plgx") KINDS(rt_sigaction, "cppc") KINDS(rt_sigpending, "pc")
	KINDS(rt_sigprocmask, "cSpc") KINDS(rt_sigqueueinfo, "tcp") KINDS(rt_sigreturn, "")
	KINDS(rt_sigsuspend, "Sc") KINDS(rt_sigtimedwait, "Spzc") KINDS(rt_tgsigqueueinfo, "ttcp")
	KINDS(sched_get_priority_max, "c") KINDS(sched_get_priority_min, "c")
	KINDS(sched_getaffinity, "tlp") KINDS(sched_getattr, "tplg") KINDS(sched_getparam, "tp")
	KINDS(sched_getscheduler, "t") KINDS(sched_rr_get_interval, "tp")
	KINDS(sched_setaffinity, "tlp") KINDS(sched_setattr, "tpg") KINDS(sched_setparam, "tp")
	KINDS(sched_setscheduler, "tcp") KINDS(sched_yield, "") KINDS(semctl, "mccp")
	KINDS(semget, "kcg") KINDS(semop, "mpc") KINDS(semtimedop, "mpcz") KINDS(sendfile, "ffpl")
	KINDS(sendmmsg, "fpcg") KINDS(sendmsg, "fhg") KINDS(sendto, "fplgpl")
	KINDS(set_mempolicy, "cpx") KINDS(set_robust_list, "pl") KINDS(set_tid_address, "p")
	KINDS(setdomainname, "pl") KINDS(setfsgid, "u") KINDS(setfsuid, "u") KINDS(setgid, "u")
	KINDS(setgroups, "cp") KINDS(sethostname, "pl") KINDS(setitimer, "czp") KINDS(setns, "fg")
	KINDS(setpgid, "tt") KINDS(setpriority, "ccc") KINDS(setregid, "uu")
	KINDS(setresgid, "uuu") KINDS(setresuid, "uuu") KINDS(setreuid, "uu")
	KINDS(setrlimit, "cp") KINDS(setsid, "") KINDS(setsockopt, "fccpl")
	KINDS(settimeofday, "pp") KINDS(setuid, "u") KINDS(setxattr, "nnplg") KINDS(shmat, "sag")
	KINDS(shmctl, "scp") KINDS(shmdt, "a") KINDS(shmget, "klg") KINDS(shutdown, "fc")
	KINDS(sigaltstack, "pp") KINDS(signalfd4, "fScg") KINDS(socket, "ccc")
	KINDS(socketpair, "cccp") KINDS(splice, "fpfplg") KINDS(statfs, "np")
	KINDS(statx, "dngcp") KINDS(symlinkat, "ndn") KINDS(sync, "")
	KINDS(sync_file_range, "folg") KINDS(syncfs, "f") KINDS(sysinfo, "p") KINDS(syslog, "cpl")
	KINDS(tee, "fflg") KINDS(tgkill, "ttc") KINDS(timer_create, "cpp")
	KINDS(timer_delete, "c") KINDS(timer_getoverrun, "c") KINDS(timer_gettime, "cp")
	KINDS(timer_settime, "cczp") KINDS(timerfd_create, "cg") KINDS(timerfd_gettime, "fp")
	KINDS(timerfd_settime, "fczp") KINDS(times, "p") KINDS(tkill, "tc") KINDS(truncate, "no")
	KINDS(umask, "g") KINDS(umount2, "ng") KINDS(uname, "p") KINDS(unlinkat, "dng")
	KINDS(unshare, "g") KINDS(utimensat, "dnzg") KINDS(vhangup, "") KINDS(vmsplice, "fvcg")
	KINDS(wait4, "tpgp") KINDS(waitid, "ctpgp") KINDS(write, "fpl") KINDS(writev, "fvc")
#ifdef SYS_open
	KINDS(getpgrp, "") KINDS(renameat, "dndn") KINDS(open, "ngg") KINDS(stat, "np")
	KINDS(lstat, "np") KINDS(poll, "pcc") KINDS(access, "ng") KINDS(pipe, "p")
	KINDS(select, "cpppz") KINDS(dup2, "ff") KINDS(pause, "") KINDS(alarm, "c")
	KINDS(fork, "") KINDS(vfork, "") KINDS(rename, "nn") KINDS(mkdir, "ng") KINDS(rmdir, "n")
	KINDS(creat, "ng") KINDS(link, "nn") KINDS(unlink, "n") KINDS(symlink, "nn")
	KINDS(readlink, "npl") KINDS(chmod, "ng") KINDS(chown, "nuu") KINDS(lchown, "nuu")
	KINDS(utime, "np") KINDS(mknod, "ngx") KINDS(time, "p") KINDS(epoll_create, "c")
	KINDS(epoll_wait, "fpcc") KINDS(utimes, "np") KINDS(futimesat, "dnp")
	KINDS(signalfd, "fSc") KINDS(eventfd, "c") KINDS(arch_prctl, "xx")
#endif
#ifdef SYS_riscv_flush_icache
	KINDS(riscv_flush_icache, "aag") {258, "riscv_hwprobe", "pcxpg"},
#endif
};
/* clang-format on */

#endif
