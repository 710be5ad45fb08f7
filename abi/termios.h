/* SPDX-License-Identifier: MIT */
#ifndef ABI_TERMIOS_H
#define ABI_TERMIOS_H

/* Terminal settings as Linux has them on x86_64 and riscv64: termios(3). */

#include <stdint.h>

#define ABI_NCCS 19

struct abi_termios {
	uint32_t iflag, oflag, cflag, lflag;
	uint8_t line;
	uint8_t cc[ABI_NCCS];
};

/* TCGETS2 and its kin. */
struct abi_termios2 {
	struct abi_termios base;
	uint32_t input_speed, output_speed;
};

_Static_assert(sizeof(struct abi_termios) == 36, "struct termios of the kernel");
_Static_assert(sizeof(struct abi_termios2) == 44, "struct termios2");

struct abi_winsize {
	uint16_t rows, columns, pixels_x, pixels_y;
};

/* cc[] */
#define VINTR    0
#define VQUIT    1
#define VERASE   2
#define VKILL    3
#define VEOF     4
#define VTIME    5
#define VMIN     6
#define VSWTC    7
#define VSTART   8
#define VSTOP    9
#define VSUSP    10
#define VEOL     11
#define VREPRINT 12
#define VDISCARD 13
#define VWERASE  14
#define VLNEXT   15
#define VEOL2    16

/* iflag */
#define ISTRIP 0000040
#define INLCR  0000100
#define IGNCR  0000200
#define ICRNL  0000400
#define IXON   0002000
#define IXANY  0004000
#define IUTF8  0040000

/* oflag */
#define OPOST  0000001
#define ONLCR  0000004
#define OCRNL  0000010
#define ONOCR  0000020
#define ONLRET 0000040

/* cflag */
#define B38400 0000017
#define CS8    0000060
#define CREAD  0000200
#define HUPCL  0002000

/* lflag */
#define ISIG    0000001
#define ICANON  0000002
#define ECHO    0000010
#define ECHOE   0000020
#define ECHOK   0000040
#define ECHONL  0000100
#define NOFLSH  0000200
#define TOSTOP  0000400
#define ECHOCTL 0001000
#define ECHOKE  0004000
#define IEXTEN  0100000

/* TCFLSH */
#define TCIFLUSH  0
#define TCOFLUSH  1
#define TCIOFLUSH 2

/* TCXONC */
#define TCOOFF 0
#define TCOON  1

#endif
