// Sizes and validity of key/value formats.
#include "kv_layout.h"

int32_t nk_kv_format_check(const nk_kv_format *f) {
  if (f->role != NK_KV_KEYS && f->role != NK_KV_VALUES) return 0;
  if (f->head_dim < 1 || f->head_dim > NK_KV_MAX_HEAD_DIM) return 0;
  switch (f->kind) {
    case NK_KV_F32:
    case NK_KV_F16:
      return 1;
    case NK_KV_INT8:
    case NK_KV_INT4:
      return f->group >= 1 && f->group <= f->head_dim && f->head_dim % f->group == 0;
    default:
      return 0;
  }
}

size_t nk_kv_block_bytes(const nk_kv_format *f) {
  if (!nk_kv_format_check(f)) return 0;
  size_t bytes = kv_code_bytes(f) + (size_t)kv_groups(f) * KV_TOKENS * sizeof(uint16_t);
  return (bytes + NK_KV_ALIGNMENT - 1) / NK_KV_ALIGNMENT * NK_KV_ALIGNMENT;
}

size_t nk_kv_token_bytes(const nk_kv_format *f) {
  if (!nk_kv_format_check(f)) return 0;
  size_t dim = (size_t)f->head_dim, scales = (size_t)kv_groups(f) * sizeof(uint16_t);
  switch (f->kind) {
    case NK_KV_F32: return dim * 4;
    case NK_KV_F16: return dim * 2;
    case NK_KV_INT8: return dim + scales;
    default: return (dim + 1) / 2 + scales;
  }
}
