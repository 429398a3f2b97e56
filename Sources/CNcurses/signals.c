// Signals and the way back: whatever ends the process, the terminal is usable afterwards.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "CFaults.h"
#include "CNcurses.h"
#include "internal.h"

volatile sig_atomic_t nc_dying = 0;
int nc_pipe[2] = {-1, -1};

static volatile sig_atomic_t resized, suspended, ending, interrupts;
// So many of the interrupt key in a row, none of them read: the loop is stuck.
enum { PATIENCE = 3 };
static pthread_t drawing_thread;
static char restore_bytes[512];
static int restore_count;
static struct termios shell_modes;
static int has_shell_modes;
static int saved_stderr = -1;
static int hidden_stderr = -1;
static char alternate_stack[64 * 1024];

static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS};
static const int requests[] = {SIGWINCH, SIGTSTP, SIGINT,  SIGTERM,
                               SIGHUP,   SIGQUIT, SIGUSR1, SIGUSR2};
enum { CRASHES = sizeof crashes / sizeof *crashes, REQUESTS = sizeof requests / sizeof *requests };
static struct sigaction old_crashes[CRASHES];
static struct sigaction old_requests[REQUESTS];
static int is_open;

static void write_all(int file, const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t written = write(file, bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    bytes += written;
    count -= (size_t)written;
  }
}

// Only calls that are safe in a signal handler.
static void restore_terminal(void) {
  write_all(STDOUT_FILENO, restore_bytes, (size_t)restore_count);
  if (has_shell_modes) tcsetattr(STDIN_FILENO, TCSANOW, &shell_modes);
  nc_stderr_show();
}

static void on_crash(int number, siginfo_t *info, void *context) {
  (void)context;
  // A file that was cut off while it was mapped ends a job and not the program.
  if (info != NULL && cf_mend(number, info->si_code, info->si_addr)) return;
  nc_dying = 1;
  // Let the drawing thread come to its next stop, or it paints over the report.
  if (!pthread_equal(pthread_self(), drawing_thread)) {
    struct timespec pause = {0, 60 * 1000 * 1000};
    nanosleep(&pause, NULL);
  }
  restore_terminal();
  for (int i = 0; i < CRASHES; i++) {
    if (crashes[i] == number) sigaction(number, &old_crashes[i], NULL);
  }
  // A fault happens again when we return, with the right place for a backtrace; a signal that was
  // sent does not.
  if (info == NULL || info->si_code <= 0) raise(number);
}

static void on_request(int number, siginfo_t *info, void *context) {
  (void)context;
  int error = errno;
  if (number == SIGWINCH) {
    resized = 1;
  } else if (number == SIGTSTP) {
    suspended = 1;
  } else if (number == SIGINT && info != NULL && info->si_code == SI_KERNEL &&
             ++interrupts < PATIENCE) {
    // Typed, and so a key: what it does is the program's to say.
  } else if (ending == 0 && interrupts < PATIENCE) {
    ending = number;
  } else {
    // Asked twice: the loop is stuck, so leave at once.
    restore_terminal();
    _exit(128 + number);
  }
  nc_wake();
  errno = error;
}

int nc_signals_open(void) {
  cf_open();
  if (pipe(nc_pipe) != 0) return -1;
  for (int i = 0; i < 2; i++) {
    fcntl(nc_pipe[i], F_SETFL, O_NONBLOCK);
    fcntl(nc_pipe[i], F_SETFD, FD_CLOEXEC);
  }
  drawing_thread = pthread_self();
  resized = suspended = ending = interrupts = 0;
  has_shell_modes = tcgetattr(STDIN_FILENO, &shell_modes) == 0;
  restore_count = 0;

  // The runtime's own backtracer may have a stack already; then it is kept.
  stack_t current;
  if (sigaltstack(NULL, &current) == 0 && (current.ss_flags & SS_DISABLE)) {
    stack_t stack = {.ss_sp = alternate_stack, .ss_size = sizeof alternate_stack};
    sigaltstack(&stack, NULL);
  }
  struct sigaction action;
  memset(&action, 0, sizeof action);
  sigfillset(&action.sa_mask);
  action.sa_sigaction = on_crash;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  for (int i = 0; i < CRASHES; i++) sigaction(crashes[i], &action, &old_crashes[i]);

  memset(&action, 0, sizeof action);
  sigemptyset(&action.sa_mask);
  action.sa_sigaction = on_request;
  action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
  for (int i = 0; i < REQUESTS; i++) {
    sigaction(requests[i], &action, &old_requests[i]);
    // nohup stays nohup.
    if (requests[i] == SIGHUP && old_requests[i].sa_handler == SIG_IGN) {
      sigaction(SIGHUP, &old_requests[i], NULL);
    }
  }
  is_open = 1;
  return 0;
}

void nc_signals_close(void) {
  if (!is_open) return;
  is_open = 0;
  for (int i = 0; i < CRASHES; i++) sigaction(crashes[i], &old_crashes[i], NULL);
  for (int i = 0; i < REQUESTS; i++) sigaction(requests[i], &old_requests[i], NULL);
  restore_count = 0;
  // The pipe stays open: another thread may still hold a waker, and the number must not become
  // another file's.
}

void nc_restore_prepare(const char *bytes, int count) {
  if (count > (int)sizeof restore_bytes) count = (int)sizeof restore_bytes;
  memcpy(restore_bytes, bytes, (size_t)count);
  restore_count = count;
}

void nc_stderr_hide(void) {
  // Redirected by the user: it does not disturb the screen.
  if (!isatty(STDERR_FILENO)) return;
  int memory = memfd_create("stderr", MFD_CLOEXEC);
  if (memory < 0) return;
  saved_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  if (saved_stderr < 0 || dup2(memory, STDERR_FILENO) < 0) {
    close(memory);
    return;
  }
  hidden_stderr = memory;
}

void nc_stderr_show(void) {
  if (hidden_stderr < 0) return;
  int memory = hidden_stderr;
  hidden_stderr = -1;
  dup2(saved_stderr, STDERR_FILENO);
  close(saved_stderr);
  saved_stderr = -1;
  lseek(memory, 0, SEEK_SET);
  char bytes[4096];
  ssize_t count;
  while ((count = read(memory, bytes, sizeof bytes)) > 0) {
    write_all(STDERR_FILENO, bytes, (size_t)count);
  }
  close(memory);
}

void nc_park_if_dying(void) {
  while (nc_dying) pause();
}

void nc_wake(void) {
  char byte = 1;
  // A full pipe means that the wake is under way already.
  ssize_t ignored = write(nc_pipe[1], &byte, 1);
  (void)ignored;
}

int nc_signal_take_resize(void) {
  int value = resized;
  resized = 0;
  return value;
}

int nc_signal_take_suspend(void) {
  int value = suspended;
  suspended = 0;
  return value;
}

int nc_signal_take_interrupt(void) {
  int value = interrupts;
  interrupts = 0;
  return value;
}

int nc_ending(void) { return ending; }
