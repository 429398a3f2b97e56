// Pages of mapped files that are gone, and the way out of a crash.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CFaults.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PLACES = 4096 };
// A place is free while `start` is 0, and taken but not yet told while it is 1.
static struct {
  atomic_uintptr_t start;
  atomic_size_t count;
  atomic_int lost;
} places[PLACES];
static atomic_long losses;

static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS};
enum { CRASHES = sizeof crashes / sizeof *crashes };
static struct sigaction earlier[CRASHES];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static uintptr_t page_bytes;

int cf_mend(int number, int code, const void *address) {
  if (number != SIGBUS || code != BUS_ADRERR || page_bytes == 0) return 0;
  uintptr_t fault = (uintptr_t)address;
  for (int i = 0; i < PLACES; i++) {
    uintptr_t start = atomic_load(&places[i].start);
    size_t count = atomic_load(&places[i].count);
    if (start < 2 || fault < start || fault - start >= count) continue;
    int error = errno;
    // What the file lost, it lost from here to its end.
    uintptr_t page = fault & ~(page_bytes - 1);
    size_t rest = (start + count - page + page_bytes - 1) & ~(page_bytes - 1);
    void *zeros = mmap((void *)page, rest, PROT_READ,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
    errno = error;
    if (zeros == MAP_FAILED) return 0;
    if (atomic_exchange(&places[i].lost, 1) == 0) atomic_fetch_add(&losses, 1);
    return 1;
  }
  return 0;
}

static void on_crash(int number, siginfo_t *info, void *context) {
  (void)context;
  if (info != NULL && cf_mend(number, info->si_code, info->si_addr)) return;
  // A backtrace may follow, which would wait for a key where there is a terminal.
  int nothing = open("/dev/null", O_RDONLY);
  if (nothing >= 0) dup2(nothing, STDIN_FILENO);
  for (int i = 0; i < CRASHES; i++) {
    if (crashes[i] == number) sigaction(number, &earlier[i], NULL);
  }
  // A fault happens again when we return, at the right place; a signal that was sent does not.
  if (info == NULL || info->si_code <= 0) raise(number);
}

static void open_once(void) {
  page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  sigemptyset(&action.sa_mask);
  action.sa_sigaction = on_crash;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  for (int i = 0; i < CRASHES; i++) {
    sigaction(crashes[i], NULL, &earlier[i]);
    // A signal that nobody has taken ends the program as it is, and without a question.
    int is_ours = crashes[i] == SIGBUS || earlier[i].sa_handler != SIG_DFL;
    if (is_ours) sigaction(crashes[i], &action, NULL);
  }
}

void cf_open(void) { pthread_once(&once, open_once); }

int cf_watch(const void *start, size_t count) {
  cf_open();
  for (int i = 0; i < PLACES; i++) {
    uintptr_t nothing = 0;
    if (!atomic_compare_exchange_strong(&places[i].start, &nothing, 1)) continue;
    atomic_store(&places[i].count, count);
    atomic_store(&places[i].lost, 0);
    atomic_store(&places[i].start, (uintptr_t)start);
    return i;
  }
  return -1;
}

void cf_unwatch(int place) {
  if (place >= 0 && place < PLACES) atomic_store(&places[place].start, 0);
}

int cf_is_lost(int place) {
  return place >= 0 && place < PLACES ? atomic_load(&places[place].lost) : 0;
}

long cf_losses(void) { return atomic_load(&losses); }
