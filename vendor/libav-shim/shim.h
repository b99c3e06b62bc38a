/*
 * The part of the libav interface that Rust cannot express on its stable channel: a callback that takes a C
 * argument list (`va_list`); and C's own `stderr`, which encoders beneath libav write to past that callback.
 *
 * Plain C types only, so that the Rust declarations can be written by hand (`src/av/sys`); whoever changes a
 * signature here changes it there.
 */
#ifndef REELMILL_LIBAV_SHIM_H
#define REELMILL_LIBAV_SHIM_H

/*
 * Receives one whole log line.
 *
 * level      one of the AV_LOG_* values, already without the colour bits.
 * component  the part of libav that speaks, "h264", "libx264", "mov,mp4,m4a,3gp,3g2,mj2"; "" when nobody said.
 * line       the text, without "[component @ 0x...]" before it and line end behind it. Never empty. Control
 *            characters (a file's metadata may hold terminal escapes) are replaced by '?'. Cut at 1023 bytes, perhaps
 *            in the middle of a character, and metadata may be in any encoding: do not take it for valid UTF-8.
 *
 * Both strings belong to the shim and are gone when the sink returns. The sink is called on any thread, also on those
 * that libav starts itself, by several at once; it must not unwind. What libav logs while the sink runs is dropped.
 */
typedef void (*reelmill_log_sink)(int level, const char *component, const char *line);

/*
 * Sends every libav message whose level is at most av_log_get_level() to `sink`; NULL gives the messages back to
 * libav's own handler, which writes to stderr. For the whole process; may be called at any time, from any thread.
 */
void reelmill_log_install(reelmill_log_sink sink);

/*
 * Makes C's `stderr` a stream whose lines go to the sink, until it is given back: nonzero begins, zero ends. What takes
 * hold of `stderr` meanwhile keeps that stream for good, which is the purpose: SVT-AV1 does so at its first line, and
 * has no other way to be quiet but the environment. File descriptor 2, which all but C's own functions write to, stays as
 * it is. For the whole process; not to be called by two threads at once.
 */
void reelmill_log_divert(int on);

#endif
