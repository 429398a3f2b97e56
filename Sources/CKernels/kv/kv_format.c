// Sizes and validity of key/value formats.
#include <math.h>

#include "kv_layout.h"

static int32_t check_parts(const nk_kv_format *f) {
  int32_t channels = 0;
  if (f->parts < 1 || f->parts > NK_KV_PARTS) return 0;
  for (int32_t p = 0; p < f->parts; p++) {
    const nk_kv_part *part = &f->part[p];
    if (part->channels < 1 || part->bits < 1 || part->bits > 8 || !part->levels) return 0;
    if (p + 1 < f->parts && part->channels % 16 != 0) return 0;
    channels += part->channels;
  }
  return channels == f->head_dim;
}

int32_t nk_kv_format_check(const nk_kv_format *f) {
  if (f->role != NK_KV_KEYS && f->role != NK_KV_VALUES) return 0;
  if (f->head_dim < 1 || f->head_dim > NK_KV_MAX_HEAD_DIM) return 0;
  const int divides = f->group >= 1 && f->group <= f->head_dim && f->head_dim % f->group == 0;
  const int folds = f->bits == 2 || f->bits == 4;
  switch (f->kind) {
    case NK_KV_F32:
    case NK_KV_F16:
      return 1;
    case NK_KV_E4M3:
    case NK_KV_E5M2:
      return f->scale >= 0 && f->scale < INFINITY;
    case NK_KV_INT8:
    case NK_KV_INT4:
      return divides;
    case NK_KV_CODEBOOK:
      return check_parts(f);
    case NK_KV_CHANNEL_GROUPS:
      return f->role == NK_KV_KEYS && folds && f->group >= 1 && KV_TOKENS % f->group == 0;
    case NK_KV_TOKEN_GROUPS:
      return f->role == NK_KV_VALUES && folds && divides;
    default:
      return 0;
  }
}

size_t nk_kv_block_bytes(const nk_kv_format *f) {
  if (!nk_kv_format_check(f)) return 0;
  size_t bytes = kv_code_bytes(f) + kv_scale_bytes(f);
  return (bytes + NK_KV_ALIGNMENT - 1) / NK_KV_ALIGNMENT * NK_KV_ALIGNMENT;
}

size_t nk_kv_token_bytes(const nk_kv_format *f) {
  if (!nk_kv_format_check(f)) return 0;
  size_t dim = (size_t)f->head_dim, scales = kv_scale_bytes(f) / KV_TOKENS, bits = 0;
  switch (f->kind) {
    case NK_KV_F32: return dim * 4;
    case NK_KV_F16: return dim * 2;
    case NK_KV_INT8: case NK_KV_E4M3: case NK_KV_E5M2: return dim + scales;
    case NK_KV_INT4: return (dim + 1) / 2 + scales;
    case NK_KV_CODEBOOK:
      for (int32_t p = 0; p < f->parts; p++) {
        bits += (size_t)(f->part[p].channels * f->part[p].bits);
      }
      return (bits + 7) / 8 + scales;
    default: return (dim * (size_t)f->bits + 7) / 8 + scales;
  }
}
