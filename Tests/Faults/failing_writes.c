// A layer between a program and its files: the FAIL_AT-th call that writes to a regular file, makes it last, or gives it its
// name fails with FAIL_WITH (errno), and so do all after it where FAIL_ON is set. For LD_PRELOAD; the number of such calls
// goes to the file FAIL_REPORT when the program ends.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_long calls;

static long number(const char *name) {
  const char *text = getenv(name);
  return text == NULL ? 0 : atol(text);
}

// Whether this call is to fail.
static int fails(void) {
  long at = number("FAIL_AT"), call = atomic_fetch_add(&calls, 1) + 1;
  if (at == 0 || call < at || (call > at && getenv("FAIL_ON") == NULL)) return 0;
  errno = (int)number("FAIL_WITH");
  return 1;
}

static int counts(int file) {
  struct stat status;
  return file > 2 && fstat(file, &status) == 0 && S_ISREG(status.st_mode);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int file, const void *bytes, size_t count) {
  if (counts(file) && fails()) return -1;
  return NEXT(write)(file, bytes, count);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
  if (counts(file) && fails()) return -1;
  return NEXT(pwrite)(file, bytes, count, offset);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
  if (counts(file) && fails()) return -1;
  return NEXT(pwrite64)(file, bytes, count, offset);
}

int fsync(int file) {
  if (counts(file) && fails()) return -1;
  return NEXT(fsync)(file);
}

int posix_fallocate(int file, off_t offset, off_t count) {
  if (counts(file) && fails()) return errno;
  return NEXT(posix_fallocate)(file, offset, count);
}

int rename(const char *from, const char *to) {
  if (fails()) return -1;
  return NEXT(rename)(from, to);
}

__attribute__((destructor)) static void report(void) {
  const char *path = getenv("FAIL_REPORT");
  if (path == NULL) return;
  FILE *file = fopen(path, "w");
  if (file == NULL) return;
  fprintf(file, "%ld\n", atomic_load(&calls));
  fclose(file);
}
