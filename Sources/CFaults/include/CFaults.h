// Faults of the machine: pages of mapped files that are gone, and the way out of a crash. Plain functions; one table a
// process.
#ifndef NIBBLE_CFAULTS_H
#define NIBBLE_CFAULTS_H

#include <stddef.h>

// Takes the signals of crashes; the second call does nothing. A crash goes on to whoever had them before, with standard
// input at its end, so that nobody waits for a key.
void cf_open(void);

// Guards a mapping of a file: a page of it that the file no longer has reads as zeros and counts as a loss, in place of a
// SIGBUS. Yields its place in the table, or -1 when that is full.
int cf_watch(const void *start, size_t count);
// Ends the guard, before the mapping goes.
void cf_unwatch(int place);
// Whether a page of the mapping was lost.
int cf_is_lost(int place);
// Mappings that lost pages since the program began.
long cf_losses(void);

// For whoever takes SIGBUS too: whether the fault at the address was of a guarded mapping, which can be read on now. Safe in
// a signal handler.
int cf_mend(int number, int code, const void *address);

#endif
