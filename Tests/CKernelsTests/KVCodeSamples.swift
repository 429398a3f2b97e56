import CKernels
import Testing

/// Tables of levels that live as long as the program: formats point into them.
private final class LevelTables: @unchecked Sendable {
  static let shared = LevelTables()
  /// Levels by bits: ascending, denser around zero, a little lopsided so that a mistaken sign shows.
  let tables: [UnsafeMutablePointer<Float>]

  private init() {
    tables = (0...8).map { bits in
      let count = 1 << bits
      let table = UnsafeMutablePointer<Float>.allocate(capacity: count)
      for i in 0..<count {
        let u = (Float(i) + 0.5) / Float(count) - 0.5
        table[i] = (3.2 * u + 5 * u * u * u + 0.03) / 8
      }
      return table
    }
  }
}

/// A way to store tokens as FP8, codebook or group codes, for any number of channels it can take.
struct CodeKind: CustomTestStringConvertible, Sendable {
  let testDescription: String
  /// The format of one role and number of channels, or nothing where the kind is not for it.
  let format: @Sendable (_ keys: Bool, _ dim: Int) -> nk_kv_format?

  static func fp8(_ kind: Int32, scale: Float) -> CodeKind {
    let name = kind == Int32(NK_KV_E4M3) ? "e4m3" : "e5m2"
    return CodeKind(testDescription: scale > 0 ? "\(name) of one scale" : name) { keys, dim in
      var format = plain(kind, keys, dim)
      format.scale = scale
      return format
    }
  }

  static func codebook(_ bits: Int, keepsNorm: Bool = false) -> CodeKind {
    CodeKind(testDescription: "codebook \(bits)\(keepsNorm ? " keeping norms" : "")") { keys, dim in
      var format = plain(Int32(NK_KV_CODEBOOK), keys, dim)
      format.parts = 1
      format.keeps_norm = keepsNorm ? 1 : 0
      format.part.0 = part(bits, dim)
      return format
    }
  }

  /// The first half of the channels, whole vectors of 16, at `first` bits, the rest at `second`.
  static func parts(_ first: Int, _ second: Int) -> CodeKind {
    CodeKind(testDescription: "codebook \(first) and \(second)") { keys, dim in
      let head = (dim / 2 + 15) / 16 * 16
      guard head < dim else { return nil }
      var format = plain(Int32(NK_KV_CODEBOOK), keys, dim)
      format.parts = 2
      format.part.0 = part(first, head)
      format.part.1 = part(second, dim - head)
      return format
    }
  }

  static func channelGroups(tokens: Int, bits: Int) -> CodeKind {
    CodeKind(testDescription: "\(bits) bits by \(tokens) tokens") { keys, dim in
      guard keys else { return nil }
      var format = plain(Int32(NK_KV_CHANNEL_GROUPS), keys, dim)
      format.group = Int32(tokens)
      format.bits = Int32(bits)
      return format
    }
  }

  static func tokenGroups(channels: Int, bits: Int) -> CodeKind {
    CodeKind(testDescription: "\(bits) bits by \(channels) channels") { keys, dim in
      guard !keys, dim % channels == 0 else { return nil }
      var format = plain(Int32(NK_KV_TOKEN_GROUPS), keys, dim)
      format.group = Int32(channels)
      format.bits = Int32(bits)
      return format
    }
  }

  private static func plain(_ kind: Int32, _ keys: Bool, _ dim: Int) -> nk_kv_format {
    var format = nk_kv_format()
    format.kind = kind
    format.role = Int32(keys ? NK_KV_KEYS : NK_KV_VALUES)
    format.head_dim = Int32(dim)
    return format
  }

  private static func part(_ bits: Int, _ channels: Int) -> nk_kv_part {
    nk_kv_part(
      channels: Int32(channels), bits: Int32(bits), levels: LevelTables.shared.tables[bits])
  }

  static let fp8 = [
    fp8(Int32(NK_KV_E4M3), scale: 0), fp8(Int32(NK_KV_E4M3), scale: 0.015625),
    fp8(Int32(NK_KV_E5M2), scale: 0), fp8(Int32(NK_KV_E5M2), scale: 0.01),
  ]
  static let codebooks =
    (1...8).map { codebook($0) } + [
      codebook(4, keepsNorm: true), codebook(2, keepsNorm: true), parts(3, 2), parts(4, 1),
      parts(2, 4), parts(7, 3), parts(5, 8),
    ]
  static let groups = [
    channelGroups(tokens: 32, bits: 2), channelGroups(tokens: 32, bits: 4),
    channelGroups(tokens: 64, bits: 2), channelGroups(tokens: 16, bits: 4),
    channelGroups(tokens: 8, bits: 2), channelGroups(tokens: 1, bits: 4),
    tokenGroups(channels: 32, bits: 2), tokenGroups(channels: 32, bits: 4),
    tokenGroups(channels: 16, bits: 4), tokenGroups(channels: 64, bits: 2),
    tokenGroups(channels: 8, bits: 2), tokenGroups(channels: 5, bits: 4),
  ]
  static let all = fp8 + codebooks + groups
}

extension nk_kv_format {
  /// Channel ranges of a codebook's parts with their levels.
  var levelParts: [(channels: Range<Int>, levels: [Float])] {
    var found: [(Range<Int>, [Float])] = []
    var first = 0
    for part in [part.0, part.1].prefix(Int(parts)) {
      let channels = first..<first + Int(part.channels)
      found.append(
        (channels, Array(UnsafeBufferPointer(start: part.levels, count: 1 << part.bits))))
      first = channels.upperBound
    }
    return found
  }

  /// Tokens appended as a whole.
  var tokenStep: Int { kind == Int32(NK_KV_CHANNEL_GROUPS) ? Int(group) : 1 }
}
