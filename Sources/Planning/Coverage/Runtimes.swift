import Tensors

/// The runtimes that are known; each was read at its own date.
extension RuntimeRules {
  static let runtimes: [Runtime] = [
    vllmCUDA, vllmCPU, llamaCppCPU, llamaCppGPU, onnxCPU, onnxCUDA, tensorRT, openVINO, torchAO,
  ]

  /// vLLM on NVIDIA GPUs: `marlin_utils.py`, the quantization table of its documents, pull request 38479.
  static let vllmCUDA = Runtime(
    name: "vLLM (CUDA)", asOf: "2026-11-23",
    weights: [
      WeightRow(bits: [8], groups: [-1], int8: true, .native),
      WeightRow(
        bits: [8], int8: true, .refused, "W8A8 takes one scale a channel or tensor",
        nearest: "W8A8 per channel"),
      WeightRow(
        int8: true, .refused, "no kernel multiplies {bits}-bit weights with INT8", nearest: "W8A8"),
      WeightRow(
        bits: [2, 3, 5, 6, 7], .fallback, "Marlin reads 4 and 8 bits, not {bits}",
        nearest: "W4 g128"),
      WeightRow(bits: [4], groups: [-1, 32, 64, 128], .native),
      WeightRow(bits: [8], groups: [-1, 32, 64, 128], zeros: [.fixed], .native),
      WeightRow(
        bits: [8], groups: [-1, 32, 64, 128], .fallback, "Marlin takes zero points at 4 bits only",
        nearest: "symmetric W8"),
      WeightRow(
        .refused, "group {group}: Marlin needs -1, 32, 64 or 128", nearest: "W{bits} g128"),
    ],
    realZeroPoints: Finding(
      .refused,
      "Marlin takes real zero points from HQQ's own files only, at 4 bits in groups of 64",
      nearest: "W4 g64 asymmetric"),
    activations: vllmCUDAActivations,
    cache: [
      CacheRow([.float8], .native),
      CacheRow([.codebook], bits: [3, 4], .native),
      CacheRow(
        [.codebook], .refused, "TurboQuant comes in presets of 3 and 4 bits",
        nearest: "TurboQuant, 4 bits"),
      CacheRow(
        [.integer], bits: [8], .fallback, "INT8 per token and head only in new versions",
        nearest: "FP8 cache"),
      CacheRow([.integer], .refused, "no INT{bits} cache", nearest: "FP8 cache"),
      CacheRow([.perChannel], .refused, "no keys by channel", nearest: "FP8 cache"),
      CacheRow(nil, .refused, "no kernel known reads such a cache", nearest: "FP8 cache"),
    ],
    blocks: Finding(
      .fallback, "GGUF through a plugin that its documents call experimental and not tuned",
      nearest: "W4 g128"),
    sources: RuntimeSources(
      "code: vLLM marlin_utils.py, read 2026-11-23",
      [
        .activations: "docs.vllm.ai, FP8 and INT8 pages, read 2026-11-23",
        .cache: "code: vLLM pull request 38479; docs.vllm.ai, quantized KV cache",
        .blocks: "docs.vllm.ai, GGUF page, read 2026-11-23",
      ]))

  /// vLLM on x86 processors: `kernels/linear/mixed_precision/cpu.py`.
  static let vllmCPU = Runtime(
    name: "vLLM (x86 CPU)", asOf: "2026-11-23",
    weights: [
      WeightRow(bits: [8], groups: [-1], int8: true, .native),
      WeightRow(
        int8: true, .refused, "oneDNN takes W8A8 with one scale a channel", nearest: "W8A8"),
      WeightRow(bits: [4], groups: [-1], zeros: [.fixed], .native),
      WeightRow(bits: [4], multiple: 2, zeros: [.fixed], .native),
      WeightRow(
        bits: [4], zeros: [.fixed], .refused, "groups are even, not {group}", nearest: "W4 g128"),
      WeightRow(
        bits: [4], .fallback, "zero points run on the AWQ path only", nearest: "symmetric W4"),
      WeightRow(.refused, "the CPU kernel reads 4-bit weights, not {bits}", nearest: "W4 g128"),
    ],
    realZeroPoints: wholeZerosOnly("symmetric W4"), activations: vllmCPUActivations,
    cache: [
      CacheRow(
        [.float8], .fallback, "FP8 only as storage, in new versions", nearest: "FP16 cache")
    ] + floatCacheOnly("vLLM's CPU backend"),
    sources: RuntimeSources(
      "code: vLLM kernels/linear/mixed_precision/cpu.py, read 2026-11-23",
      [
        .activations: "docs.vllm.ai, supported hardware table, read 2026-11-23",
        .cache: "docs.vllm.ai, supported hardware table, read 2026-11-23",
        .blocks: "docs.vllm.ai, supported hardware table, read 2026-11-23",
      ]))

  private static let repeated = "Q8_0 has groups of 32: scales are repeated"
  private static let widened = "{bits} bits take 4 in Q4_0 and Q4_1"
  private static let anew = "no block has {bits} bits and zero points: Q8_0 is found anew"

  /// What llama.cpp reads, whatever it runs on: codes go into its blocks as they are where a block has their grid.
  private static let llamaCppWeights: [WeightRow] = [
    WeightRow(
      bits: [8], int8: true, .fallback, "activations are INT8 per 32 channels, not per token",
      nearest: "Q8_0"),
    WeightRow(bits: [8], groups: [32], zeros: [.fixed], .native),
    WeightRow(bits: [8], groups: [-1], zeros: [.fixed], .fallback, repeated, nearest: "W8 g32"),
    WeightRow(bits: [8], multiple: 32, zeros: [.fixed], .fallback, repeated, nearest: "W8 g32"),
    WeightRow(bits: [8], .fallback, anew, nearest: "symmetric W8 g32"),
    WeightRow(bits: [4], groups: [-1], .native),
    WeightRow(bits: [4], multiple: 32, .native),
    WeightRow(bits: [2, 3], groups: [-1], .fallback, widened, nearest: "Q{bits}_K"),
    WeightRow(bits: [2, 3], multiple: 32, .fallback, widened, nearest: "Q{bits}_K"),
    WeightRow(bits: [2, 3, 4], .refused, "blocks are 32 weights, not {group}", nearest: "W4 g32"),
    WeightRow(
      .refused, "{bits} bits only as K-quants, which are found anew", nearest: "Q{bits}_K"),
  ]

  /// `-scale * zero` is the minimum of Q4_1, in FP16.
  private static let llamaCppZeros = Finding(.native)

  /// What `nibble quantize --format gguf` wrote, run by `Tests/Peers/export_gguf.py`: perplexities within 0.1 %.
  private static let byLlamaCpp = "llama-cpp-python 0.3.36, 2026-11-30"
  /// What `nibble quantize --format onnx` wrote, run by `Tests/Peers/export_onnx.py`: products within 1e-5.
  private static let byONNX = "ONNX Runtime 1.32.0, 2026-11-30"

  private static let llamaCppCache: [CacheRow] = [
    CacheRow([.integer], bits: [4, 5, 8], group: 32, .native),
    CacheRow(
      [.integer], bits: [4, 5, 8], .refused, "cache rows have groups of 32", nearest: "group 32"),
    CacheRow([.integer], .refused, "no INT{bits} cache", nearest: "INT4 g32"),
    CacheRow(
      [.codebook], .refused, "rotation with q4_0 rows only; codebooks live in forks",
      nearest: "rotated INT4 g32"),
    CacheRow([.float8], .refused, "no FP8 cache", nearest: "INT8 g32"),
    CacheRow(nil, .refused, "cache rows are by token", nearest: "INT4 g32"),
  ]

  /// llama.cpp on processors: `repack.cpp`, `amx/common.h`, `llama-graph.cpp`.
  static let llamaCppCPU = Runtime(
    name: "llama.cpp (CPU)", asOf: "2026-11-30",
    weights: llamaCppWeights.map { row in
      row.int8 == true || row.finding.support == .refused ? row : row.confirmed(by: byLlamaCpp)
    },
    realZeroPoints: llamaCppZeros.confirmed(by: byLlamaCpp), activations: llamaCppActivations,
    cache: llamaCppCache, blocks: Finding(.native).confirmed(by: byLlamaCpp),
    sources: RuntimeSources(
      "code: llama.cpp of llama-cpp-python 0.3.36, repack.cpp, amx/common.h",
      [
        .cache: "code: llama.cpp of llama-cpp-python 0.3.36, common/arg.cpp, llama-context.cpp",
        .blocks: "code: llama.cpp of llama-cpp-python 0.3.36, ggml-cpu.c",
      ]))

  /// llama.cpp on GPUs; flash attention with different types for K and V is a build option.
  static let llamaCppGPU = Runtime(
    name: "llama.cpp (GPU)", asOf: "2026-11-23", weights: llamaCppWeights,
    realZeroPoints: llamaCppZeros, activations: llamaCppActivations, cache: llamaCppCache,
    mixedCache: Finding(
      .fallback, "different K and V need a build with FA_ALL_QUANTS", nearest: "K as V"),
    blocks: Finding(.native),
    sources: RuntimeSources(
      "code: llama.cpp of llama-cpp-python 0.3.36, ggml-quants.c",
      [.cache: "code: llama.cpp of llama-cpp-python 0.3.36, llama-context.cpp, build options"]))

  /// ONNX Runtime on processors: `matmul_nbits.cc`, `qnbitgemm.cpp`.
  static let onnxCPU = Runtime(
    name: "ONNX Runtime (CPU)", asOf: "2026-11-23",
    weights: [
      WeightRow(bits: [8], groups: [-1], int8: true, .native),
      WeightRow(int8: true, .fallback, "MatMulInteger takes one scale a channel", nearest: "W8A8"),
      WeightRow(bits: [4], groups: [16, 32, 64, 128, 256], .native).confirmed(by: byONNX),
      WeightRow(
        bits: [8], groups: [16, 32, 64, 128, 256], .fallback,
        "8 bits are native only with INT8 activations (accuracy level 4)",
        nearest: "accuracy_level 4"
      ).confirmed(by: byONNX),
      WeightRow(
        bits: [2], groups: [16, 32, 64, 128, 256], .fallback, "2 bits are unpacked to FP32",
        nearest: "W4 g{group}"
      ).confirmed(by: byONNX),
      WeightRow(
        groups: [16, 32, 64, 128, 256], .refused, "no {bits}-bit form", nearest: "W4 g{group}"),
      WeightRow(
        bits: [4, 8], .refused, "MatMulNBits needs blocks of 16 to 256, a power of two",
        nearest: "W{bits} g128"),
      WeightRow(
        .refused, "MatMulNBits needs blocks of 16 to 256, a power of two", nearest: "W4 g128"),
    ],
    realZeroPoints: Finding(
      .fallback, "MatMulNBits unpacks to FP32 when zero points are real",
      nearest: "W4 g128 asymmetric"
    ).confirmed(by: byONNX),
    activations: onnxActivations, cache: floatCacheOnly("ONNX Runtime"),
    sources: RuntimeSources(
      "code: ONNX Runtime 1.32.0, matmul_nbits.cc, qnbitgemm.cpp",
      [.activations: "documents of ONNX Runtime, MatMulInteger, read 2026-11-23"]))

  /// ONNX Runtime on NVIDIA GPUs.
  static let onnxCUDA = Runtime(
    name: "ONNX Runtime (CUDA)", asOf: "2026-11-23",
    weights: [
      WeightRow(
        int8: true, .fallback, "INT8 matmul in part, the rest in FP", nearest: "W4 g128"),
      WeightRow(bits: [4, 8], groups: [16, 32, 64, 128], .native),
      WeightRow(
        groups: [16, 32, 64, 128], .refused, "no {bits}-bit form", nearest: "W4 g{group}"),
      WeightRow(.refused, "MatMulNBits needs blocks of 16 to 128", nearest: "W4 g128"),
    ],
    realZeroPoints: Finding(.native), activations: onnxCUDAActivations,
    cache: floatCacheOnly("ONNX Runtime"),
    sources: RuntimeSources(
      "documents of ONNX Runtime 1.32.0, ContribOperators.md, MatMulNBits"))

  /// TensorRT-LLM: `docs/source/features/quantization.md`.
  static let tensorRT = Runtime(
    name: "TensorRT-LLM", asOf: "2026-11-23",
    weights: [
      WeightRow(bits: [8], groups: [-1], .native),
      WeightRow(
        int8: true, .refused, "INT8 is SmoothQuant's W8A8 per channel", nearest: "W8A8"),
      WeightRow(bits: [4], groups: [64, 128], .native),
      WeightRow(bits: [4], .refused, "W4A16 needs groups of 64 or 128", nearest: "W4 g128"),
      WeightRow(.refused, "W4A16 or W8A16 per channel", nearest: "W4 g128"),
    ],
    realZeroPoints: wholeZerosOnly("W4 g128 asymmetric"), activations: tensorRTActivations,
    cache: [
      CacheRow([.float8], .native),
      CacheRow(
        [.integer], bits: [8], .fallback, "INT8 cache only in the TensorRT backend",
        nearest: "FP8 cache"),
      CacheRow([.integer], .refused, "no INT{bits} cache", nearest: "FP8 cache"),
      CacheRow(nil, .refused, "no kernel known reads such a cache", nearest: "FP8 cache"),
    ],
    sources: RuntimeSources(
      "documents of TensorRT-LLM, features/quantization.md, read 2026-11-23"))

  /// OpenVINO on processors: its documents on weights and on `KV_CACHE_PRECISION`.
  static let openVINO = Runtime(
    name: "OpenVINO (CPU)", asOf: "2026-11-23",
    weights: [
      WeightRow(
        bits: [2, 3, 5, 6, 7], .refused, "weights have 4 or 8 bits, not {bits}",
        nearest: "W4 g128"),
      WeightRow(bits: [8], groups: [-1], int8: true, .native),
      WeightRow(
        bits: [8], int8: true, .fallback, "INT8 matmul takes one scale a channel", nearest: "W8A8"),
      WeightRow(.native),
    ],
    realZeroPoints: wholeZerosOnly("W4 g128 asymmetric"), activations: openVINOActivations,
    cache: [
      CacheRow([.integer], bits: [8], group: 32, .native),
      CacheRow([.integer], bits: [8], .fallback, "groups of 32 by default", nearest: "group 32"),
      CacheRow([.integer], bits: [4], .fallback, "u4 only in new versions", nearest: "INT8"),
      CacheRow(nil, .refused, "the cache is u8, BF16 or FP16", nearest: "INT8 g32"),
    ],
    sources: RuntimeSources(
      "documents of OpenVINO, weight compression and KV_CACHE_PRECISION, read 2026-11-23"))

  /// torchao: `Int4WeightOnlyConfig`, `Int8DynamicActivationInt8WeightConfig`, `Float8...Config` of its documents.
  static let torchAO = Runtime(
    name: "torchao", asOf: "2026-11-23",
    weights: [
      WeightRow(bits: [8], groups: [-1], int8: true, .native),
      WeightRow(
        int8: true, .refused, "INT8 activations go with W8 per channel", nearest: "W8A8"),
      WeightRow(bits: [8], groups: [-1], .native),
      WeightRow(bits: [8], .fallback, "W8 has one scale a channel", nearest: "W8 per channel"),
      WeightRow(bits: [4], groups: [32, 64, 128, 256], zeros: [.integer, .real], .native),
      WeightRow(
        bits: [4], groups: [32, 64, 128, 256], .fallback,
        "tinygemm has zero points: codes are packed anew", nearest: "W4 g128 asymmetric"),
      WeightRow(
        bits: [4], .refused, "tinygemm has groups of 32 to 256", nearest: "W4 g128 asymmetric"),
      WeightRow(
        .fallback, "{bits} bits only as a prototype (uintx)", nearest: "W4 g128 asymmetric"),
    ],
    realZeroPoints: Finding(
      .refused, "HQQ's zero points come from torchao's own quantizer only",
      nearest: "W4 g128 asymmetric"),
    activations: torchAOActivations,
    cache: [CacheRow(nil, .refused, "it leaves the cache to others", nearest: "FP16 cache")],
    sources: RuntimeSources(
      "docs.pytorch.org, torchao configurations, read 2026-11-23"))
}
