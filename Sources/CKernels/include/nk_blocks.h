// Linear layers over the block types of GGUF files, read at the bytes they have in the file.
//
// Packing moves the bits of 16 rows next to each other in the order kernels read them (block_layout.h) and loses
// nothing; scales and minima stay at the bits of the file. What a weight means is what ggml's reference makes of it:
//   Q8_0                w = d * q                         q -128...127, d float16
//   Q4_0, Q5_0          w = d * (q - 8), d * (q - 16)
//   Q4_1, Q5_1          w = d * q + m                     m float16
//   IQ4_NL, MXFP4       w = d * level[q]                  MXFP4: d a power of two of 8 bits
//   Q4_K, Q5_K          w = d * scale * q - dmin * min    scale and min of 6 bits for 32 columns
//   Q6_K                w = d * scale * (q - 32)          scale of 8 bits for 16 columns
//
// Columns are a multiple of 32, of 256 for the K types. zero_points is REAL for types with minima (Q4_1, Q5_1, Q4_K,
// Q5_K), which need the activations' sums, and FIXED for the others; group is ignored, codebook null.
//
// Kernels (all types): x BF16 activations, sums of exact products in float32, scaled every 32 (16) columns; and
// x INT8_BLOCKS activations, int32 sums of 32 (16) columns, merged in float32 in an order that all providers keep: they
// give the same bits.
#ifndef NK_BLOCKS_H
#define NK_BLOCKS_H

#include "nk_cpu.h"
#include "nk_linear.h"

#ifdef __cplusplus
extern "C" {
#endif

// Whether the kind is a block type.
int nk_is_block_kind(nk_weight_kind kind);

// Columns, and bytes in the file, of one block; 0 for other kinds.
size_t nk_block_columns(nk_weight_kind kind);
size_t nk_block_bytes(nk_weight_kind kind);

// The zero points a block type is described with.
nk_zero_points nk_block_zero_points(nk_weight_kind kind);

// Packs rows of panels [panel_begin, panel_end) into the matrix at `packed`. `blocks` holds the rows as the file has them,
// one after the other, beginning with row `first_row` <= 16 * panel_begin. Calls on disjoint ranges may run at once.
void nk_blocks_pack(const nk_linear_weight *weight, const void *blocks, size_t first_row,
                    size_t panel_begin, size_t panel_end, void *packed);

// The kernel for blocks of `kind` and activations, BF16 or INT8_BLOCKS; null for other kinds, and for providers that are not of
// this architecture. Those of AVX2 and AVX-512 need nk_provider_supported().
nk_linear_fn nk_block_linear(nk_weight_kind kind, nk_activation_kind activation,
                             nk_provider provider);

#ifdef __cplusplus
}
#endif
#endif
