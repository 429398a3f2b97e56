// Key/value cache blocks and attention over them.
//
// The cache of one layer and one KV head is two lists of blocks, one of keys and one of values. A
// block holds NK_KV_BLOCK_TOKENS tokens; block b holds the positions [64 b, 64 b + 64). Keys and
// values choose their format separately. The inside of a block is private to these kernels (it
// depends on role and kind); everybody else appends tokens and reads them back.
//
// Blocks are caller's memory, aligned to 64 bytes. They need no clearing: slots that were never
// written are never used. Nothing here allocates; nothing checks pointers. Sizes and formats are
// checked by nk_kv_format_check.
#ifndef NK_ATTENTION_H
#define NK_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  NK_KV_BLOCK_TOKENS = 64,
  NK_KV_ALIGNMENT = 64,
  NK_KV_MAX_HEAD_DIM = 512,
};

// How the elements of a block are stored. The numbers are stable; a kind without kernels fails
// nk_kv_format_check.
enum {
  NK_KV_F32 = 0,
  NK_KV_F16 = 1,
  // Groups of `group` elements along head_dim: f16 d = max|x| / 127, code = x / d rounded half away
  // from zero (the grid of a ggml q8_0 row when group = 32).
  NK_KV_INT8 = 2,
  // Groups along head_dim: f16 d = (value of largest magnitude) / -8, code = min(15, trunc(x / d +
  // 8.5)), value = d (code - 8) (the grid of a ggml q4_0 row when group = 32). d may be negative.
  NK_KV_INT4 = 3,
  // OCP FP8 bytes, one scale for the token: value = scale * fp8. With `scale` 0 it is found for each
  // token, f32, max|x| over the largest finite number; otherwise it is `scale` for all. Beyond the
  // largest number values are clamped.
  NK_KV_E4M3 = 5,
  NK_KV_E5M2 = 6,
  // Vector codes: up to two parts of consecutive channels, each with its own levels and its own f16
  // scale for each token; value = scale * levels[code]. Appending takes the part's Euclidean norm as
  // the scale and the level nearest to x / norm (the lower one of two as near).
  NK_KV_CODEBOOK = 7,
  // Keys in groups of `group` consecutive tokens for each channel: value = scale * code + minimum,
  // both f16, codes of 2 or 4 bits. Appending takes whole groups only.
  NK_KV_CHANNEL_GROUPS = 8,
  // Values in groups of `group` channels of a token, otherwise as NK_KV_CHANNEL_GROUPS.
  NK_KV_TOKEN_GROUPS = 9,
};

// Keys and values have different layouts: a score reduces over channels, an output over tokens.
enum {
  NK_KV_KEYS = 0,
  NK_KV_VALUES = 1,
};

// Consecutive channels of a codebook block.
typedef struct nk_kv_part {
  int32_t channels;
  int32_t bits;         // 1 ... 8
  const float *levels;  // 2^bits, ascending
} nk_kv_part;

enum { NK_KV_PARTS = 2 };

// What one block holds. Fields that a kind does not use are zero.
typedef struct nk_kv_format {
  int32_t kind;       // NK_KV_F32 ...
  int32_t role;       // NK_KV_KEYS or NK_KV_VALUES
  int32_t head_dim;   // 1 ... NK_KV_MAX_HEAD_DIM; of a codebook the channels of all parts
  int32_t group;      // elements that share a scale: channels, which divide head_dim (INT8, INT4,
                      // TOKEN_GROUPS), or tokens, which divide the block (CHANNEL_GROUPS)
  int32_t bits;       // code width of the group kinds: 2 or 4
  float scale;        // FP8: the scale of all tokens, or 0
  int32_t keeps_norm; // codebook: scales are found so that a stored part keeps its norm
  int32_t parts;      // codebook: 1 or 2; all but the last have a multiple of 16 channels
  nk_kv_part part[NK_KV_PARTS];
} nk_kv_format;

// 1 if kernels exist for this format and its numbers make sense, else 0.
int32_t nk_kv_format_check(const nk_kv_format *format);

// Bytes of one block, a multiple of NK_KV_ALIGNMENT. 0 for a format that fails the check.
size_t nk_kv_block_bytes(const nk_kv_format *format);

// Bytes that the elements and scales of one token need by the format's arithmetic, without padding
// or alignment.
size_t nk_kv_token_bytes(const nk_kv_format *format);

// Quantizes `count` token vectors into the slots slot ... slot + count - 1 of `block` (slot + count
// <= 64). vectors: [count, head_dim] float32, `stride` floats from one token to the next. All
// versions write the same bytes. A codebook part with an element that is no finite number reads as
// zeros.
typedef void (*nk_kv_append_fn)(const nk_kv_format *format, void *block, int32_t slot,
                                int32_t count, const float *vectors, ptrdiff_t stride);
void nk_kv_append_generic(const nk_kv_format *format, void *block, int32_t slot, int32_t count,
                          const float *vectors, ptrdiff_t stride);

// The codes and the scale that appending a codebook part finds for one vector of part->channels.
void nk_kv_encode(const nk_kv_part *part, int32_t keeps_norm, const float *vector, uint8_t *codes,
                  float *scale);

// Writes `count` tokens of a codebook block whose codes and scales are known. codes: [count,
// head_dim]; scales: [count, parts].
void nk_kv_store(const nk_kv_format *format, void *block, int32_t slot, int32_t count,
                 const uint8_t *codes, const float *scales);

// Scale and minimum of `count` numbers, `stride` apart, on the grid of the group kinds, before both
// are rounded to f16. What is no number is passed over, what lies beyond the numbers of f16 clamped.
void nk_kv_group_grid(int32_t bits, const float *x, ptrdiff_t stride, int32_t count, float *scale,
                      float *minimum);

// Reads `count` tokens back as float32 (the fallback path and evaluation). out: [count, head_dim],
// `stride` floats apart.
typedef void (*nk_kv_read_fn)(const nk_kv_format *format, const void *block, int32_t slot,
                              int32_t count, float *out, ptrdiff_t stride);
void nk_kv_read_generic(const nk_kv_format *format, const void *block, int32_t slot, int32_t count,
                        float *out, ptrdiff_t stride);

// Attention of one KV head and the query heads that share it.
//
// Token i (0-based) has the position p = position + i and attends the positions max(0, p - window +
// 1) ... p; window 0 means all. out = softmax(scale q k^T) v, softmax online in float32. The struct
// is read-only and may be shared by threads; each call works on a range of tokens with its own
// scratch.
typedef struct nk_attention_args {
  const float *queries;           // [tokens, query_heads, head_dim]
  ptrdiff_t query_token_stride;   // in floats
  ptrdiff_t query_head_stride;
  float *out;                     // [tokens, query_heads, head_dim of the values]
  ptrdiff_t out_token_stride;
  ptrdiff_t out_head_stride;
  int64_t position;               // of token 0
  int64_t window;                 // 0: no limit
  int64_t begin;                  // no token attends positions before this one,
  int64_t end;                    // or from this one on; 0: no limit
  int32_t query_heads;            // heads that share this KV head, 1 or more
  float scale;                    // usually 1 / sqrt(head_dim)
  nk_kv_format keys;
  nk_kv_format values;            // head_dim may differ from that of the keys
  const void *const *key_blocks;  // [block]; blocks that no token of the call attends may be null
  const void *const *value_blocks;
  const float *sinks;             // [query_heads]: a score that takes part in the softmax and has
                                  // no value; null: none
} nk_attention_args;

// Bytes of scratch (64-byte aligned) for calls of at most `tokens` tokens. The same for all
// versions.
size_t nk_attention_scratch_bytes(const nk_attention_args *args, int64_t tokens);

// Writes out rows of the tokens [t0, t1).
typedef void (*nk_attention_fn)(const nk_attention_args *args, int64_t t0, int64_t t1,
                                void *scratch);
void nk_attention_generic(const nk_attention_args *args, int64_t t0, int64_t t1, void *scratch);

// The same over the blocks [b0, b1) only, to spread long caches over threads. Leaves a partial
// state, writes no output: per (token, query head), tokens outermost, NK_ATTENTION_STATE + head_dim
// of the values floats: the largest score in base-2 units (-inf if nothing was attended), the sum
// of 2^(score - largest), and the weighted sum of values, undivided; sinks take part where states
// are merged. The partial's bytes are nk_attention_partial_floats(args, t1 - t0) * 4; cut at block ranges of your choice: the result
// depends on the cuts, not on which thread did what.
enum { NK_ATTENTION_STATE = 2 };
size_t nk_attention_partial_floats(const nk_attention_args *args, int64_t tokens);
typedef void (*nk_attention_partial_fn)(const nk_attention_args *args, int64_t t0, int64_t t1,
                                        int64_t b0, int64_t b1, float *partial, void *scratch);
void nk_attention_partial_generic(const nk_attention_args *args, int64_t t0, int64_t t1,
                                  int64_t b0, int64_t b1, float *partial, void *scratch);

// Merges `count` partials, `stride` floats apart, in ascending order, into the out rows of the
// tokens [t0, t1). Partials may come from args that differ in format and blocks (a cache whose
// recent blocks are wider, say). Rows without any attended token become zero. A few hundred floats per head: plain C does
// for all versions.
void nk_attention_merge(const nk_attention_args *args, int64_t t0, int64_t t1, const float *partials,
                        size_t count, size_t stride);

// out = x matrix: each of `rows` vectors of `count` numbers, `stride` floats apart, times a matrix
// [count, columns], into rows of `columns`, `out_stride` apart (rotating vectors of a cache). All
// versions give the same bits.
typedef void (*nk_transform_rows_fn)(const float *matrix, int32_t count, int32_t columns,
                                     const float *x, ptrdiff_t stride, int32_t rows, float *out,
                                     ptrdiff_t out_stride);
void nk_transform_rows_generic(const float *matrix, int32_t count, int32_t columns, const float *x,
                               ptrdiff_t stride, int32_t rows, float *out, ptrdiff_t out_stride);

#if defined(__x86_64__)
void nk_transform_rows_avx2(const float *matrix, int32_t count, int32_t columns, const float *x,
                            ptrdiff_t stride, int32_t rows, float *out, ptrdiff_t out_stride);
void nk_transform_rows_avx512(const float *matrix, int32_t count, int32_t columns, const float *x,
                              ptrdiff_t stride, int32_t rows, float *out, ptrdiff_t out_stride);

// AVX2, FMA and F16C.
void nk_kv_append_avx2(const nk_kv_format *format, void *block, int32_t slot, int32_t count,
                       const float *vectors, ptrdiff_t stride);
void nk_kv_read_avx2(const nk_kv_format *format, const void *block, int32_t slot, int32_t count,
                     float *out, ptrdiff_t stride);
void nk_attention_avx2(const nk_attention_args *args, int64_t t0, int64_t t1, void *scratch);
void nk_attention_partial_avx2(const nk_attention_args *args, int64_t t0, int64_t t1,
                               int64_t b0, int64_t b1, float *partial, void *scratch);

// AVX-512 F, BW, VL, DQ and VNNI.
void nk_kv_append_avx512(const nk_kv_format *format, void *block, int32_t slot, int32_t count,
                         const float *vectors, ptrdiff_t stride);
void nk_kv_read_avx512(const nk_kv_format *format, const void *block, int32_t slot, int32_t count,
                       float *out, ptrdiff_t stride);
void nk_attention_avx512(const nk_attention_args *args, int64_t t0, int64_t t1, void *scratch);
void nk_attention_partial_avx512(const nk_attention_args *args, int64_t t0, int64_t t1,
                                 int64_t b0, int64_t b1, float *partial, void *scratch);
#endif

#ifdef __cplusplus
}
#endif
#endif
