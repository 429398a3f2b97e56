import CKernels
import Testing

/// A SplitMix64 sequence of numbers for tests: the same on every run.
struct SeededNumbers {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func bits() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// Roughly normal, standard deviation 1: a sum of uniform numbers.
  mutating func normal() -> Float {
    var sum: Float = -6
    for _ in 0..<12 { sum += Float(bits() >> 40) * 0x1p-24 }
    return sum
  }

  mutating func normals(_ count: Int, scale: Float = 1) -> [Float] {
    (0..<count).map { _ in normal() * scale }
  }
}

/// One version of the cache and attention kernels, as a kernel table would hold it.
struct AttentionVersion: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let append: nk_kv_append_fn
  let read: nk_kv_read_fn
  let attention: nk_attention_fn
  let partial: nk_attention_partial_fn

  static let generic = AttentionVersion(
    testDescription: "generic", append: nk_kv_append_generic, read: nk_kv_read_generic,
    attention: nk_attention_generic, partial: nk_attention_partial_generic)

  /// The SIMD versions this machine can run.
  static let simd: [AttentionVersion] = {
    var found: [AttentionVersion] = []
    #if arch(x86_64)
      if nk_provider_supported(NK_PROVIDER_AVX2) != 0 {
        found.append(
          AttentionVersion(
            testDescription: "avx2", append: nk_kv_append_avx2, read: nk_kv_read_avx2,
            attention: nk_attention_avx2, partial: nk_attention_partial_avx2))
      }
      if nk_provider_supported(NK_PROVIDER_AVX512) != 0 {
        found.append(
          AttentionVersion(
            testDescription: "avx512", append: nk_kv_append_avx512, read: nk_kv_read_avx512,
            attention: nk_attention_avx512, partial: nk_attention_partial_avx512))
      }
    #endif
    return found
  }()

  static let all = [generic] + simd
}

enum KVKind: Int32, CaseIterable, Sendable {
  case f32 = 0
  case f16 = 1
  case int8 = 2
  case int4 = 3
}

func format(_ kind: KVKind, keys: Bool, dim: Int, group: Int) -> nk_kv_format {
  var format = nk_kv_format()
  format.kind = kind.rawValue
  format.role = Int32(keys ? NK_KV_KEYS : NK_KV_VALUES)
  format.head_dim = Int32(dim)
  format.group = kind == .int8 || kind == .int4 ? Int32(group) : 0
  return format
}

/// Aligned memory, freed with its owner, filled with a byte that no kernel may rely on.
final class Scratch {
  let base: UnsafeMutableRawPointer
  let count: Int

  init(_ count: Int, fill: UInt8 = 0xff) {
    self.count = count
    base = .allocate(byteCount: max(count, 64), alignment: 64)
    base.initializeMemory(as: UInt8.self, repeating: fill, count: max(count, 64))
  }

  deinit { base.deallocate() }

  var bytes: [UInt8] { Array(UnsafeRawBufferPointer(start: base, count: count)) }
  func floats(_ count: Int) -> [Float] {
    Array(UnsafeBufferPointer(start: base.assumingMemoryBound(to: Float.self), count: count))
  }
}

/// ||a - b|| / ||b||; the norm of a where b is zero.
func relativeError<A: BinaryFloatingPoint, B: BinaryFloatingPoint>(_ a: [A], _ b: [B]) -> Double {
  var error = 0.0
  var norm = 0.0
  for (x, y) in zip(a, b) {
    error += (Double(x) - Double(y)) * (Double(x) - Double(y))
    norm += Double(y) * Double(y)
  }
  return norm > 0 ? (error / norm).squareRoot() : error.squareRoot()
}
