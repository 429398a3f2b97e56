import CKernels
import Testing

struct KVTests {
  @Test func formatsWithoutKernelsAreRefused() {
    func bytes(_ f: nk_kv_format) -> Int { withUnsafePointer(to: f) { nk_kv_block_bytes($0) } }
    #expect(bytes(format(.int8, keys: true, dim: 64, group: 48)) == 0)
    #expect(bytes(format(.int8, keys: true, dim: 64, group: 0)) == 0)
    #expect(bytes(format(.f16, keys: true, dim: 0, group: 0)) == 0)
    #expect(bytes(format(.f16, keys: true, dim: 1024, group: 0)) == 0)
    var reserved = format(.f32, keys: true, dim: 64, group: 0)
    reserved.kind = Int32(NK_KV_CODEBOOK)
    #expect(bytes(reserved) == 0)
    var role = format(.f32, keys: true, dim: 64, group: 0)
    role.role = 2
    #expect(bytes(role) == 0)
  }

  @Test(arguments: [true, false])
  func blocksTakeTheBytesTheFormatNeeds(keys: Bool) {
    func bytes(_ f: nk_kv_format) -> Int { withUnsafePointer(to: f) { nk_kv_block_bytes($0) } }
    #expect(bytes(format(.f32, keys: keys, dim: 64, group: 0)) == 64 * 64 * 4)
    #expect(bytes(format(.f16, keys: keys, dim: 80, group: 0)) == 64 * 80 * 2)
    #expect(bytes(format(.int8, keys: keys, dim: 64, group: 32)) == 64 * (64 + 2 * 2))
    #expect(bytes(format(.int4, keys: keys, dim: 128, group: 64)) == 64 * (64 + 2 * 2))
    let token = withUnsafePointer(to: format(.int4, keys: keys, dim: 64, group: 32)) {
      nk_kv_token_bytes($0)
    }
    #expect(token == 32 + 2 * 2)
  }

  /// One block of 32 numbers with the codes that ggml's own q8_0 and q4_0 quantizers give it.
  private let row: [Float] = [
    -0x1.f502cp-2, -0x1.496312p-1, 0x1.4a5e9ep+1, 0x1.7ed42ap-1, -0x1.4bf216p+0, 0x1.2b5d96p+0,
    -0x1.d43c7cp-4, -0x1.f57baep-4, 0x1.93afeap-2, 0x1.c72e04p-2, 0x1.1221d2p+1, 0x1.f4c358p-1,
    0x1.d97beap-3, 0x1.0a7d18p-1, -0x1.c3b34ep+0, 0x1.4a599cp-3, -0x1.c2ad82p-1, 0x1.08de54p-1,
    -0x1.a258ecp+0, 0x1.84ff6p+1, 0x1.9eaae8p+0, 0x1.98e83ap+1, 0x1.bc2ae4p-1, 0x1.024f52p+0,
    0x1.404d1p-2, -0x1.9d18ap-2, 0x1.1690b6p-2, -0x1.67ea5ap-5, -0x1.c81e1ap+0, 0x1.b67fb8p-4,
    -0x1.f6eb16p-4, -0x1.06f3dcp-4,
  ]
  private let q8: [UInt8] = [
    113, 38, 237, 230, 103, 30, 204, 46, 251, 251, 16, 18, 85, 39, 9, 21, 186, 6, 221, 21, 191, 121,
    64, 127, 34, 40, 12, 240, 11, 254, 185, 4, 251, 253,
  ]
  private let q4: [UInt8] = [
    100, 182, 169, 122, 194, 6, 75, 5, 104, 88, 119, 151, 115, 134, 199, 135, 140, 136,
  ]

  @Test(arguments: AttentionVersion.all, [true, false])
  func gridsAreThoseOfGGML(version: AttentionVersion, keys: Bool) {
    func stored(_ kind: KVKind) -> [Float] {
      let f = format(kind, keys: keys, dim: 32, group: 32)
      return withUnsafePointer(to: f) { f in
        let block = Scratch(nk_kv_block_bytes(f))
        version.append(f, block.base, 13, 1, row, 32)
        var out = [Float](repeating: .nan, count: 32)
        version.read(f, block.base, 13, 1, &out, 32)
        return out
      }
    }
    func half(_ low: UInt8, _ high: UInt8) -> Float {
      Float(Float16(bitPattern: UInt16(low) | UInt16(high) << 8))
    }
    let d8 = half(q8[0], q8[1])
    #expect(stored(.int8) == q8[2...].map { d8 * Float(Int8(bitPattern: $0)) })
    let d4 = half(q4[0], q4[1])
    let codes = q4[2...].map { $0 & 15 } + q4[2...].map { $0 >> 4 }
    #expect(stored(.int4) == codes.map { d4 * Float(Int($0) - 8) })
  }

  @Test(arguments: KVKind.allCases, [true, false])
  func whatIsAppendedIsReadBack(kind: KVKind, keys: Bool) {
    // Half a quantization step of a group, in units of its largest magnitude. The INT4 grid clips the value opposite to the
    // largest to 7/8 of it, and half precision scales add a little.
    let bound: [KVKind: Float] = [.f32: 0, .f16: 0x1p-11, .int8: 0.5 / 127 + 5e-4, .int4: 0.1256]
    var numbers = SeededNumbers(seed: 1)
    for (dim, group) in [(64, 32), (8, 8), (96, 48), (80, 5), (128, 128), (30, 6)] {
      withUnsafePointer(to: format(kind, keys: keys, dim: dim, group: group)) { f in
        let block = Scratch(nk_kv_block_bytes(f))
        let x = numbers.normals(64 * dim)
        nk_kv_append_generic(f, block.base, 0, 64, x, dim)
        var out = [Float](repeating: .nan, count: 64 * dim)
        nk_kv_read_generic(f, block.base, 0, 64, &out, dim)
        for start in stride(from: 0, to: x.count, by: group) {
          let range = start..<start + group
          let largest = x[range].map(abs).max() ?? 0
          for i in range { #expect(abs(out[i] - x[i]) <= largest * (bound[kind] ?? 0)) }
        }
      }
    }
  }

  @Test(arguments: AttentionVersion.simd, KVKind.allCases)
  func versionsWriteTheSameBytes(version: AttentionVersion, kind: KVKind) {
    for keys in [true, false] { compareBytes(version: version, kind: kind, keys: keys) }
  }

  private func compareBytes(version: AttentionVersion, kind: KVKind, keys: Bool) {
    var numbers = SeededNumbers(seed: 2)
    for (dim, group) in [
      (64, 32), (64, 8), (8, 8), (96, 16), (80, 80), (128, 64), (30, 6), (20, 4),
    ] {
      withUnsafePointer(to: format(kind, keys: keys, dim: dim, group: group)) { f in
        let expected = Scratch(nk_kv_block_bytes(f), fill: 0xa5)
        let found = Scratch(nk_kv_block_bytes(f), fill: 0xa5)
        for (slot, count) in [(0, 1), (5, 17), (63, 1), (22, 3)] {
          var x = numbers.normals(count * (dim + 3))
          x[0] = 0  // exact ties and zeros take the rounding's corner cases
          if dim >= 16 { x.replaceSubrange(1..<5, with: [2.5, -2.5, 127, -127]) }
          nk_kv_append_generic(f, expected.base, Int32(slot), Int32(count), x, dim + 3)
          version.append(f, found.base, Int32(slot), Int32(count), x, dim + 3)
        }
        #expect(expected.bytes == found.bytes, "dim \(dim), group \(group)")
        var a = [Float](repeating: 0, count: 18 * dim)
        var b = a
        nk_kv_read_generic(f, expected.base, 5, 17, &a, dim)
        version.read(f, found.base, 5, 17, &b, dim)
        #expect(a == b)
      }
    }
  }

  @Test(arguments: AttentionVersion.all, KVKind.allCases)
  func aZeroVectorReadsBackAsZero(version: AttentionVersion, kind: KVKind) {
    withUnsafePointer(to: format(kind, keys: false, dim: 64, group: 32)) { f in
      let block = Scratch(nk_kv_block_bytes(f))
      version.append(f, block.base, 63, 1, [Float](repeating: 0, count: 64), 64)
      var out = [Float](repeating: .nan, count: 64)
      version.read(f, block.base, 63, 1, &out, 64)
      #expect(out.allSatisfy { $0 == 0 })
    }
  }
}
