/// How the numbers of a GGUF tensor are coded; raw values are ggml's type numbers.
///
/// A row is cut into blocks of `blockElements` consecutive numbers, each stored in `blockBytes` bytes.
package enum GGUFTensorType: UInt32, Hashable, Sendable, CaseIterable, Codable {
  case f32 = 0
  case f16 = 1
  case q4_0 = 2
  case q4_1 = 3
  case q5_0 = 6
  case q5_1 = 7
  case q8_0 = 8
  /// Q8_1 and Q8_K are activations on their way through llama.cpp.
  case q8_1 = 9
  case q2K = 10
  case q3K = 11
  case q4K = 12
  case q5K = 13
  case q6K = 14
  case q8K = 15
  case iq2XXS = 16
  case iq2XS = 17
  case iq3XXS = 18
  case iq1S = 19
  case iq4NL = 20
  case iq3S = 21
  case iq2S = 22
  case iq4XS = 23
  case i8 = 24
  case i16 = 25
  case i32 = 26
  case i64 = 27
  case f64 = 28
  case iq1M = 29
  case bf16 = 30
  case tq1_0 = 34
  case tq2_0 = 35
  case mxfp4 = 39
  case nvfp4 = 40

  /// Numbers in a block.
  package var blockElements: Int {
    switch self {
    case .f32, .f16, .bf16, .f64, .i8, .i16, .i32, .i64: 1
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q8_1, .iq4NL, .mxfp4: 32
    case .nvfp4: 64
    case .q2K, .q3K, .q4K, .q5K, .q6K, .q8K, .iq4XS, .iq2XXS, .iq2XS, .iq3XXS, .iq1S, .iq3S, .iq2S,
      .iq1M, .tq1_0, .tq2_0:
      256
    }
  }

  /// Bytes of a block.
  package var blockBytes: Int {
    switch self {
    case .i8: 1
    case .f16, .bf16, .i16: 2
    case .f32, .i32: 4
    case .f64, .i64: 8
    case .q4_0, .iq4NL: 18
    case .q4_1: 20
    case .q5_0: 22
    case .q5_1: 24
    case .q8_0: 34
    case .q8_1, .nvfp4: 36
    case .mxfp4: 17
    case .q2K: 84
    case .q3K: 110
    case .q4K: 144
    case .q5K: 176
    case .q6K: 210
    case .q8K: 292
    case .iq1S: 50
    case .iq1M: 56
    case .iq2XXS, .tq2_0: 66
    case .iq2XS: 74
    case .iq2S: 82
    case .iq3XXS: 98
    case .iq3S: 110
    case .iq4XS: 136
    case .tq1_0: 54
    }
  }

  /// Bits of one number with its share of the scales.
  package var bitsPerElement: Double { Double(blockBytes * 8) / Double(blockElements) }

  /// Bits of one number's code, without scales; whole bits, rounded up.
  package var codeBits: Int {
    switch self {
    case .f32, .i32: 32
    case .f16, .bf16, .i16: 16
    case .f64, .i64: 64
    case .q8_0, .q8_1, .q8K, .i8: 8
    case .q6K: 6
    case .q5_0, .q5_1, .q5K: 5
    case .q4_0, .q4_1, .q4K, .iq4NL, .iq4XS, .mxfp4, .nvfp4: 4
    case .q3K, .iq3XXS, .iq3S: 3
    case .q2K, .iq2XXS, .iq2XS, .iq2S, .iq1S, .iq1M, .tq1_0, .tq2_0: 2
    }
  }

  /// Whether it stands for real numbers, which `GGUFBlocks` can decode.
  package var isReal: Bool {
    switch self {
    case .i8, .i16, .i32, .i64: false
    default: true
    }
  }

  /// Bytes of a row of `count` numbers; nil when that is no whole number of blocks or does not fit.
  package func byteCount(of count: Int) -> Int? {
    guard count >= 0, count % blockElements == 0 else { return nil }
    let (bytes, overflow) = (count / blockElements).multipliedReportingOverflow(by: blockBytes)
    return overflow ? nil : bytes
  }
}

extension GGUFTensorType {
  /// The same type among those of plain numbers; nil for block types.
  package var plain: DType? {
    switch self {
    case .f32: .f32
    case .f16: .f16
    case .bf16: .bf16
    case .f64: .f64
    case .i8: .i8
    case .i16: .i16
    case .i32: .i32
    case .i64: .i64
    default: nil
    }
  }
}

extension GGUFTensorType: CustomStringConvertible {
  /// ggml's name: `Q4_K`.
  package var description: String {
    switch self {
    case .f32: "F32"
    case .f16: "F16"
    case .bf16: "BF16"
    case .f64: "F64"
    case .i8: "I8"
    case .i16: "I16"
    case .i32: "I32"
    case .i64: "I64"
    case .q4_0: "Q4_0"
    case .q4_1: "Q4_1"
    case .q5_0: "Q5_0"
    case .q5_1: "Q5_1"
    case .q8_0: "Q8_0"
    case .q2K: "Q2_K"
    case .q3K: "Q3_K"
    case .q4K: "Q4_K"
    case .q5K: "Q5_K"
    case .q6K: "Q6_K"
    case .iq4NL: "IQ4_NL"
    case .iq4XS: "IQ4_XS"
    case .q8_1: "Q8_1"
    case .q8K: "Q8_K"
    case .iq1S: "IQ1_S"
    case .iq1M: "IQ1_M"
    case .iq2XXS: "IQ2_XXS"
    case .iq2XS: "IQ2_XS"
    case .iq2S: "IQ2_S"
    case .iq3XXS: "IQ3_XXS"
    case .iq3S: "IQ3_S"
    case .tq1_0: "TQ1_0"
    case .tq2_0: "TQ2_0"
    case .mxfp4: "MXFP4"
    case .nvfp4: "NVFP4"
    }
  }
}
