import Tensors

/// What a GGUF file calls the mix of its types: `general.file_type`, which its writer sets and nothing checks.
///
/// From `llama_ftype` of llama.cpp's `llama.h`.
package enum GGUFFileType {
  /// Added to the number where the writer has only guessed it from the tensors.
  private static let guessed = 1024

  private static let names: [Int: String] = [
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K",
    11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S",
    17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS",
    23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S",
    29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0",
    38: "MXFP4_MOE", 39: "NVFP4",
  ]

  /// The name of a number; nil for one that is not known.
  package static func name(_ number: Int) -> String? {
    names[number >= guessed ? number - guessed : number]
  }
}

extension GGUFFile {
  /// What the file calls its mix of types: `Q4_K_M`; nil where it does not say, or says a number that is not known.
  package var label: String? {
    self["general.file_type"]?.integer.flatMap(GGUFFileType.name)
  }

  /// Whether some tensor is stored in blocks, not as plain numbers.
  package var isQuantized: Bool { tensors.contains { $0.type.plain == nil } }
}
