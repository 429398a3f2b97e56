// What the files of this target share.
#ifndef NIBBLE_CNCURSES_INTERNAL_H
#define NIBBLE_CNCURSES_INTERNAL_H

#include <signal.h>

// signals.c
extern volatile sig_atomic_t nc_dying;  // a thread crashed: nobody draws any more
extern int nc_pipe[2];

int nc_signals_open(void);
void nc_signals_close(void);
// Bytes that bring the terminal back, for the crash handler; the current modes of the tty are saved
// with them.
void nc_restore_prepare(const char *bytes, int count);
void nc_stderr_hide(void);
void nc_stderr_show(void);
// Never returns once a thread crashed, so that nothing is drawn over the report.
void nc_park_if_dying(void);
int nc_signal_take_resize(void);
int nc_signal_take_suspend(void);
// How often the interrupt key was typed since the last call.
int nc_signal_take_interrupt(void);

#endif
