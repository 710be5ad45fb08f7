/* SPDX-License-Identifier: MIT */
#ifndef ABI_FILIO_H
#define ABI_FILIO_H

/* ioctl(2) commands that any file may know. Terminals' are in ioctl.h. */

#define FIONREAD 0x541b
#define FIONBIO  0x5421
#define FIONCLEX 0x5450
#define FIOCLEX  0x5451
#define FIOASYNC 0x5452
#define FIOQSIZE 0x5460

#endif
