/* SPDX-License-Identifier: MIT */
#ifndef INIT_PROTOCOL_H
#define INIT_PROTOCOL_H

/*
 * What goes over the control port between init and tools/samepage (which has
 * the same table, in tools/lib/protocol.py).
 *
 * A frame is: type (1 byte), zero (1 byte), length of the payload (2 bytes,
 * little-endian), payload. Numbers in payloads are 32 bits, little-endian.
 *
 * Neither side ever waits for the other with a full port: each stream has a
 * window of bytes that its receiver has room for, sent bytes use it up, and a
 * credit frame gives it back. So both sides can always read the port.
 */

#define FRAME_HEADER_BYTES  4u
#define FRAME_PAYLOAD_BYTES 4096u
#define STREAM_WINDOW_BYTES 65536u

/* From init to the runner. */
#define FRAME_HELLO        'H' /* the first frame: "samepage-init 1" */
#define FRAME_STDOUT       'O'
#define FRAME_STDERR       'E'
#define FRAME_STDIN_CREDIT 'C' /* number: so many bytes of standard input have been taken */
#define FRAME_STDIN_CLOSED 'X' /* the program reads no more: nobody has the pipe's other end */
#define FRAME_FILE         'F' /* order's index, st_mode, path below the order's path ("": itself) */
#define FRAME_FILE_DATA    'D' /* contents, or a link's target, of the last FRAME_FILE */
#define FRAME_FILE_ERROR   'N' /* order's index, message */
#define FRAME_STATUS       'S' /* number: the program's wait(2) status */
#define FRAME_BYE          'B' /* nothing more comes; power off follows the answer */

/* From the runner to init. */
#define FRAME_START         'G' /* a program on the console may begin: what it says comes after all else */
#define FRAME_STDIN         'I'
#define FRAME_STDIN_END     'Z'
#define FRAME_STDOUT_CREDIT 'o' /* number */
#define FRAME_STDERR_CREDIT 'e' /* number */
#define FRAME_STDOUT_CLOSED 'p' /* nobody reads it: the program's next write is SIGPIPE */
#define FRAME_STDERR_CLOSED 'q'
#define FRAME_BYE_SEEN      'b'

#endif
