// Counts what one input takes of the heap: malloc and its kin stand in the program under these names and pass on to glibc.
// A request of more than `LIMIT` bytes is a finding: the program aborts, and libFuzzer keeps the input.
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

enum { LIMIT = 512 << 20 };
static atomic_int counting;
// Bytes that are held now, the most that were, and the largest request.
static atomic_long live, most;
static atomic_size_t largest;

static void asked(size_t count) {
  if (!atomic_load_explicit(&counting, memory_order_relaxed)) return;
  size_t known = atomic_load(&largest);
  while (count > known && !atomic_compare_exchange_weak(&largest, &known, count)) {}
  if (count <= LIMIT) return;
  static const char words[] = "a reader asked for more than 512 MiB at once\n";
  if (write(STDERR_FILENO, words, sizeof words - 1) < 0) _exit(77);
  abort();
}

static void *taken(void *memory) {
  if (memory == NULL || !atomic_load_explicit(&counting, memory_order_relaxed)) return memory;
  long now = atomic_fetch_add(&live, (long)malloc_usable_size(memory)) + (long)malloc_usable_size(memory);
  long known = atomic_load(&most);
  while (now > known && !atomic_compare_exchange_weak(&most, &known, now)) {}
  return memory;
}

static void given(void *memory) {
  if (memory != NULL && atomic_load_explicit(&counting, memory_order_relaxed)) {
    atomic_fetch_sub(&live, (long)malloc_usable_size(memory));
  }
}

void *malloc(size_t count) {
  asked(count);
  return taken(__libc_malloc(count));
}

void *calloc(size_t count, size_t size) {
  size_t bytes;
  if (!__builtin_mul_overflow(count, size, &bytes)) asked(bytes);
  return taken(__libc_calloc(count, size));
}

void *realloc(void *memory, size_t count) {
  asked(count);
  given(memory);
  return taken(__libc_realloc(memory, count));
}

void *memalign(size_t alignment, size_t count) {
  asked(count);
  return taken(__libc_memalign(alignment, count));
}

void *aligned_alloc(size_t alignment, size_t count) { return memalign(alignment, count); }

int posix_memalign(void **memory, size_t alignment, size_t count) {
  void *found = memalign(alignment, count);
  if (found == NULL) return ENOMEM;
  *memory = found;
  return 0;
}

void free(void *memory) {
  given(memory);
  __libc_free(memory);
}

// Memory that no file stands for counts as a request; files that are mapped do not.
void *mmap(void *place, size_t count, int protection, int flags, int file, off_t offset) {
  if (flags & MAP_ANONYMOUS) asked(count);
  return (void *)syscall(SYS_mmap, place, count, protection, flags, file, offset);
}

void *mmap64(void *place, size_t count, int protection, int flags, int file, off64_t offset) {
  return mmap(place, count, protection, flags, file, offset);
}

// Called around each input.
void fuzz_count_begin(void) {
  atomic_store(&live, 0);
  atomic_store(&most, 0);
  atomic_store(&largest, 0);
  atomic_store(&counting, 1);
}

void fuzz_count_end(size_t *peak, size_t *request) {
  atomic_store(&counting, 0);
  long bytes = atomic_load(&most);
  *peak = bytes > 0 ? (size_t)bytes : 0;
  *request = atomic_load(&largest);
}
