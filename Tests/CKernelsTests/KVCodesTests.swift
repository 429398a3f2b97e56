import CKernels
import Testing

struct KVCodesTests {
  private func stored(
    _ version: AttentionVersion, _ f: nk_kv_format, _ x: [Float], slot: Int = 0
  ) -> [Float] {
    let dim = Int(f.head_dim)
    let count = x.count / dim
    return withUnsafePointer(to: f) { f in
      let block = Scratch(nk_kv_block_bytes(f))
      version.append(f, block.base, Int32(slot), Int32(count), x, dim)
      var out = [Float](repeating: .nan, count: x.count)
      version.read(f, block.base, Int32(slot), Int32(count), &out, dim)
      return out
    }
  }

  @Test func formatsThatMakeNoSenseAreRefused() {
    func allowed(_ f: nk_kv_format?) -> Bool {
      guard let f else { return false }
      return withUnsafePointer(to: f) { nk_kv_format_check($0) } != 0
    }
    func changed(
      _ kind: CodeKind, keys: Bool, dim: Int = 64, _ change: (inout nk_kv_format) -> Void
    ) -> nk_kv_format? {
      var f = kind.format(keys, dim)
      if f != nil { change(&f!) }
      return f
    }
    for kind in CodeKind.all {
      for keys in [true, false] {
        if let f = kind.format(keys, 80) { #expect(allowed(f), "\(kind.testDescription)") }
      }
    }
    #expect(!allowed(changed(.parts(3, 2), keys: true) { $0.part.0.channels = 24 }))
    #expect(!allowed(changed(.parts(3, 2), keys: true) { $0.part.1.channels = 16 }))
    #expect(!allowed(changed(.codebook(3), keys: true) { $0.parts = 3 }))
    #expect(!allowed(changed(.codebook(3), keys: true) { $0.parts = 0 }))
    #expect(!allowed(changed(.codebook(3), keys: true) { $0.part.0.bits = 9 }))
    #expect(!allowed(changed(.codebook(3), keys: true) { $0.part.0.levels = nil }))
    #expect(!allowed(changed(.fp8[0], keys: true) { $0.scale = .infinity }))
    #expect(!allowed(changed(.fp8[0], keys: true) { $0.scale = -1 }))
    #expect(!allowed(changed(.channelGroups(tokens: 32, bits: 4), keys: true) { $0.bits = 3 }))
    #expect(!allowed(changed(.channelGroups(tokens: 32, bits: 4), keys: true) { $0.group = 48 }))
    #expect(!allowed(changed(.channelGroups(tokens: 32, bits: 4), keys: true) { $0.role = 1 }))
    #expect(!allowed(changed(.tokenGroups(channels: 32, bits: 4), keys: false) { $0.group = 48 }))
    #expect(!allowed(changed(.tokenGroups(channels: 32, bits: 4), keys: false) { $0.role = 0 }))
  }

  @Test func blocksTakeTheBytesTheCodesNeed() throws {
    func bytes(_ kind: CodeKind, keys: Bool, dim: Int) throws -> (block: Int, token: Int) {
      let f = try #require(kind.format(keys, dim))
      return withUnsafePointer(to: f) { (nk_kv_block_bytes($0), nk_kv_token_bytes($0)) }
    }
    for keys in [true, false] {
      try #expect(bytes(.fp8[0], keys: keys, dim: 64) == (64 * 68, 68))
      try #expect(bytes(.fp8[1], keys: keys, dim: 64) == (64 * 64, 64))
      try #expect(bytes(.codebook(3), keys: keys, dim: 64) == (64 * 26, 26))
      // 32 channels of 3 bits, 32 of 2, two scales.
      try #expect(bytes(.parts(3, 2), keys: keys, dim: 64) == (64 * 24, 24))
    }
    try #expect(bytes(.channelGroups(tokens: 32, bits: 2), keys: true, dim: 64) == (64 * 24, 24))
    try #expect(bytes(.tokenGroups(channels: 32, bits: 2), keys: false, dim: 64) == (64 * 24, 24))
  }

  /// What an FP8 byte means, by its definition.
  private func meaning(_ code: UInt8, e4m3: Bool) -> Double {
    let mantissaBits = e4m3 ? 3 : 2
    let bias = e4m3 ? 7 : 15
    let exponent = Int(code & 127) >> mantissaBits
    let fraction = Double(Int(code) & ((1 << mantissaBits) - 1)) / Double(1 << mantissaBits)
    let power = exponent == 0 ? 1 - bias : exponent - bias
    var value = exponent == 0 ? fraction : 1 + fraction
    for _ in 0..<abs(power) { value = power > 0 ? value * 2 : value / 2 }
    return code & 128 != 0 ? -value : value
  }

  @Test(arguments: AttentionVersion.all, [true, false])
  func fp8BytesAreTheNearest(version: AttentionVersion, e4m3: Bool) throws {
    let kind = Int32(e4m3 ? NK_KV_E4M3 : NK_KV_E5M2)
    let largestCode = e4m3 ? 0x7e : 0x7b
    let grid = (0...largestCode).map { meaning(UInt8($0), e4m3: e4m3) }
    #expect(grid.last == (e4m3 ? 448 : 57344))
    var numbers: [Float] = [0, -0.0, .nan, .infinity, -.infinity, 1e30, -1e30, 1e-30]
    for i in 0..<largestCode {
      let middle = Float((grid[i] + grid[i + 1]) / 2)
      for x in [Float(grid[i]), middle, middle.nextUp, middle.nextDown] { numbers += [x, -x] }
    }
    numbers += [Float(grid[largestCode]), Float(grid[largestCode]).nextUp]
    while numbers.count % 16 != 0 { numbers.append(0.3) }
    for keys in [true, false] {
      let f = try #require(CodeKind.fp8(kind, scale: 1).format(keys, 16))
      for start in stride(from: 0, to: numbers.count, by: 16) {
        let row = Array(numbers[start..<start + 16])
        let block = Scratch(withUnsafePointer(to: f) { nk_kv_block_bytes($0) })
        withUnsafePointer(to: f) { version.append($0, block.base, 7, 1, row, 16) }
        let bytes = block.bytes
        var out = [Float](repeating: .nan, count: 16)
        withUnsafePointer(to: f) { version.read($0, block.base, 7, 1, &out, 16) }
        for (c, x) in row.enumerated() {
          let byte = bytes[keys ? c * 64 + 7 : 7 * 16 + c]
          var nearest = 0
          for i in 0...largestCode where !x.isNaN {
            let distance = abs(Double(abs(x)) - grid[i])
            let best = abs(Double(abs(x)) - grid[nearest])
            if distance < best || distance == best && i % 2 == 0 { nearest = i }
          }
          if Double(abs(x)) > grid[largestCode] { nearest = largestCode }
          let sign: UInt8 = x.sign == .minus && !x.isNaN ? 128 : 0
          #expect(byte == UInt8(nearest) | sign, "\(x)")
          #expect(Double(out[c]) == (sign == 0 ? grid[nearest] : -grid[nearest]))
        }
      }
    }
  }

  @Test(arguments: AttentionVersion.all, [true, false])
  func fp8ScalesAreFoundForEachToken(version: AttentionVersion, e4m3: Bool) throws {
    let f = try #require(CodeKind.fp8[e4m3 ? 0 : 2].format(true, 64))
    var numbers = SeededNumbers(seed: 3)
    for magnitude in [Float(1e-3), 1, 1e4] {
      var x = numbers.normals(64, scale: magnitude)
      x[5] = 0
      x[6] = 0
      let out = stored(version, f, x, slot: 20)
      let largest = x.map(abs).max() ?? 0
      // Half a unit of the last place of the mantissa, or half the smallest number.
      let (relative, smallest): (Float, Float) =
        e4m3 ? (0x1p-4, 0x1p-10 / 448) : (0x1p-3, 0x1p-17 / 57344)
      for (a, b) in zip(x, out) {
        #expect(abs(a - b) <= max(abs(a) * relative, largest * smallest) * 1.001)
      }
      #expect(abs((out.map(abs).max() ?? 0) - largest) <= largest * 1e-6)
      x[5] = .infinity
      x[6] = .nan
      let odd = stored(version, f, x, slot: 20)
      // The scale is that of the finite numbers, the infinite one is cut to the largest.
      #expect(odd[6] == 0 && abs(odd[5] - largest) <= largest * 1e-6)
      #expect(odd[7...] == out[7...] && odd[..<5] == out[..<5])
    }
  }

  @Test(arguments: AttentionVersion.all, CodeKind.codebooks)
  func codesAreTheNearestLevels(version: AttentionVersion, kind: CodeKind) throws {
    var numbers = SeededNumbers(seed: 4)
    for dim in [64, 80, 96, 128, 20] {
      for keys in [true, false] {
        guard let f = kind.format(keys, dim) else { continue }
        let x = numbers.normals(5 * dim)
        let out = stored(version, f, x, slot: 30)
        for token in 0..<5 {
          for (channels, levels) in f.levelParts {
            let range = channels.lowerBound + token * dim..<channels.upperBound + token * dim
            let norm = x[range].reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
            let kept = out[range].reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
            if f.keeps_norm != 0 { #expect(abs(kept / norm - 1) < 1e-3) }
            // The scale, read off the largest element of the vector.
            guard let largest = range.max(by: { abs(out[$0]) < abs(out[$1]) }) else { continue }
            var nearest: [Float] = []
            for i in range {
              let y = Float(Double(x[i]) / norm)
              nearest.append(levels.min { abs($0 - y) < abs($1 - y) } ?? .nan)
            }
            let scale = out[largest] / nearest[largest - range.lowerBound]
            if f.keeps_norm == 0 { #expect(abs(Double(scale) / norm - 1) < 1e-3) }
            for (i, level) in zip(range, nearest) {
              #expect(abs(out[i] - scale * level) <= abs(scale * level) * 1e-5)
            }
          }
        }
      }
    }
  }

  @Test(arguments: AttentionVersion.all, CodeKind.codebooks)
  func oddVectorsReadAsZeros(version: AttentionVersion, kind: CodeKind) throws {
    var numbers = SeededNumbers(seed: 5)
    for keys in [true, false] {
      let f = try #require(kind.format(keys, 64))
      for bad in [Float.nan, .infinity, -.infinity] {
        var x = numbers.normals(3 * 64)
        let before = stored(version, f, x)
        x[64] = bad  // first part of the second token
        let out = stored(version, f, x)
        let first = f.levelParts[0].channels.count
        #expect(out[64..<64 + first].allSatisfy { $0 == 0 })
        #expect(out[..<64] == before[..<64] && out[(64 + first)...] == before[(64 + first)...])
      }
      #expect(stored(version, f, [Float](repeating: 0, count: 64)).allSatisfy { $0 == 0 })
      // Longer than f16 can say: cut, not infinite.
      #expect(stored(version, f, [Float](repeating: 1e6, count: 64)).allSatisfy { $0.isFinite })
    }
  }

  @Test(arguments: CodeKind.codebooks, [true, false])
  func codesThatAreKnownAreStoredAlike(kind: CodeKind, keys: Bool) throws {
    var numbers = SeededNumbers(seed: 6)
    let f = try #require(kind.format(keys, 96))
    let x = numbers.normals(3 * 96)
    let bytes = withUnsafePointer(to: f) { nk_kv_block_bytes($0) }
    let expected = Scratch(bytes, fill: 0x5a)
    let found = Scratch(bytes, fill: 0x5a)
    var codes = [UInt8](repeating: 0, count: x.count)
    var scales: [Float] = []
    for token in 0..<3 {
      for (i, part) in f.levelParts.enumerated() {
        let at = token * 96 + part.channels.lowerBound
        var scale: Float = .nan
        withUnsafePointer(to: i == 0 ? f.part.0 : f.part.1) { p in
          x.withUnsafeBufferPointer { x in
            codes.withUnsafeMutableBufferPointer {
              nk_kv_encode(p, f.keeps_norm, x.baseAddress! + at, $0.baseAddress! + at, &scale)
            }
          }
        }
        scales.append(scale)
      }
    }
    withUnsafePointer(to: f) {
      nk_kv_append_generic($0, expected.base, 40, 3, x, 96)
      nk_kv_store($0, found.base, 40, 3, codes, scales)
    }
    #expect(expected.bytes == found.bytes)
  }

  @Test(arguments: AttentionVersion.all, CodeKind.groups)
  func groupsSpanTheirRange(version: AttentionVersion, kind: CodeKind) throws {
    var numbers = SeededNumbers(seed: 7)
    for dim in [64, 80, 96] {
      for keys in [true, false] {
        guard let f = kind.format(keys, dim) else { continue }
        var x = numbers.normals(64 * dim)
        // One group of one value.
        for token in 0..<(keys ? Int(f.group) : 1) {
          for c in 0..<(keys ? 1 : Int(f.group)) { x[token * dim + c] = 0.7 }
        }
        let out = stored(version, f, x)
        #expect(abs(out[0] - 0.7) < 0x1p-11)
        for token in 0..<64 {
          for c in 0..<dim {
            let group = keys ? token / Int(f.group) : c / Int(f.group)
            let of = (0..<Int(f.group)).map {
              keys
                ? x[(group * Int(f.group) + $0) * dim + c]
                : x[token * dim + group * Int(f.group) + $0]
            }
            guard let low = of.min(), let high = of.max() else { continue }
            // Half a step, and the rounding of scale and minimum to half precision.
            let bound =
              (high - low) / Float((1 << f.bits) - 1) / 2 + (high - low + abs(low)) * 0x1p-11
            #expect(abs(out[token * dim + c] - x[token * dim + c]) <= bound * 1.001)
          }
        }
      }
    }
  }

  @Test(arguments: AttentionVersion.simd, CodeKind.all)
  func versionsWriteTheSameBytes(version: AttentionVersion, kind: CodeKind) {
    var numbers = SeededNumbers(seed: 8)
    for dim in [64, 80, 96, 128, 32, 20, 30, 8, 33] {
      for keys in [true, false] {
        guard let f = kind.format(keys, dim) else { continue }
        withUnsafePointer(to: f) { f in
          let expected = Scratch(nk_kv_block_bytes(f), fill: 0xa5)
          let found = Scratch(nk_kv_block_bytes(f), fill: 0xa5)
          let step = f.pointee.tokenStep
          for (slot, count) in [(0, 1), (5, 17), (63, 1), (22, 3), (40, 1)] {
            let first = slot / step * step
            let tokens = (count + step - 1) / step * step
            guard first + tokens <= 64 else { continue }
            var x = numbers.normals(
              tokens * (dim + 3), scale: slot == 40 ? 0 : slot == 22 ? 300 : 1)
            if slot == 5 && dim >= 16 {
              x.replaceSubrange(0..<8, with: [0, 2.5, -2.5, 1e6, -0.0, 1e-30, .nan, .infinity])
            }
            nk_kv_append_generic(f, expected.base, Int32(first), Int32(tokens), x, dim + 3)
            version.append(f, found.base, Int32(first), Int32(tokens), x, dim + 3)
          }
          #expect(expected.bytes == found.bytes, "dim \(dim), keys \(keys)")
          var a = [Float](repeating: 0, count: 18 * dim)
          var b = a
          nk_kv_read_generic(f, expected.base, 5, 17, &a, dim)
          version.read(f, found.base, 5, 17, &b, dim)
          #expect(a.map(\.bitPattern) == b.map(\.bitPattern), "dim \(dim), keys \(keys)")
        }
      }
    }
  }
}
