// CKernels: SIMD kernels for quantized inference, each with a readable generic twin.
// No kernel allocates, locks, or does I/O; memory and threads are the caller's.
#ifndef CKERNELS_H
#define CKERNELS_H

#if __has_include("nk_cpu.h")
#include "nk_cpu.h"
#endif
#if __has_include("nk_linear.h")
#include "nk_linear.h"
#endif
#if __has_include("nk_blocks.h")
#include "nk_blocks.h"
#endif
#if __has_include("nk_attention.h")
#include "nk_attention.h"
#endif
#if __has_include("nk_elementwise.h")
#include "nk_elementwise.h"
#endif
#if __has_include("nk_calibration.h")
#include "nk_calibration.h"
#endif
#if __has_include("nk_output_error.h")
#include "nk_output_error.h"
#endif
#if __has_include("nk_probe.h")
#include "nk_probe.h"
#endif

#endif
