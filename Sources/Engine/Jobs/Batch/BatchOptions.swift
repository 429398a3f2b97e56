package import Models
package import Quantization

/// A form that a model in full precision is put into to be timed at many batches.
package enum BatchForm: String, Hashable, Sendable, Codable, CaseIterable {
  case bf16, w4a16, w4a8, w8a8, w8a16, fp8

  /// As tables show it: `W4A16`.
  package var label: String { rawValue.uppercased() }

  /// Those that are measured without being asked for.
  package static let standard: [BatchForm] = [.bf16, .w4a16, .w4a8, .w8a8]

  /// What makes it, rounding to nearest: 4-bit weights in the largest of the usual groups that divides every layer, 8-bit
  /// ones with a scale a channel, activations with a scale a token.
  package func recipe(_ shape: ModelShape) -> Recipe {
    func weights(bits: Int, group: Int) -> MethodChoice {
      MethodChoice(
        RoundToNearestMethod.self, RoundToNearestMethod.bits(bits),
        RoundToNearestMethod.group(group))
    }
    let group = OutlierLabRecipes.group(dividing: shape) ?? -1
    let int8 = MethodChoice(Int8Activations.self)
    switch self {
    case .bf16: return .baseline
    case .w4a16: return Recipe(weights: weights(bits: 4, group: group))
    case .w4a8: return Recipe(weights: weights(bits: 4, group: group), activations: int8)
    case .w8a8: return Recipe(activations: int8)
    case .w8a16: return Recipe(weights: weights(bits: 8, group: -1))
    case .fp8: return Recipe(activations: MethodChoice(FP8Method.self))
    }
  }

  /// Bytes held for a weight while it runs: codes, and the copy packed for the kernel; in BF16 that copy alone, since what
  /// it is made from stays in the file.
  var bytesPerWeight: Double {
    switch self {
    case .bf16: 2
    case .w4a16, .w4a8: 2 * 0.53
    case .w8a8, .w8a16, .fp8: 2 * 1.01
    }
  }
}

/// How decode and prefill are timed at many batches.
package struct BatchOptions: Hashable, Sendable, Codable {
  package var forms: [BatchForm]
  package var batches: [Int]
  /// Tokens in each cache before those that are decoded.
  package var depth: Int
  /// Tokens of a prompt, one for each sequence; 0 leaves prefill out.
  package var prompt: Int
  /// Tokens decoded of each sequence in one repetition.
  package var steps: Int
  package var repetitions: Int

  /// Batches that are measured without being asked for.
  package static let standardBatches = [1, 2, 4, 8, 16, 32, 64]
  private static let mostBatch = 256

  package init(
    forms: [BatchForm] = BatchForm.standard, batches: [Int] = Self.standardBatches,
    depth: Int = 128, prompt: Int = 32, steps: Int = 8, repetitions: Int = 5
  ) {
    self.forms = forms
    self.batches = batches
    self.depth = depth
    self.prompt = prompt
    self.steps = steps
    self.repetitions = repetitions
  }

  /// - Throws: `EngineError.badBatch` that names the option.
  package func check() throws {
    func refuse(_ option: String, _ expected: String, _ found: String) throws {
      throw EngineError.badBatch(option: option, expected: expected, found: found)
    }
    if forms.isEmpty || Set(forms).count != forms.count {
      try refuse(
        "forms", "different ones of " + BatchForm.allCases.map(\.rawValue).joined(separator: ", "),
        forms.isEmpty ? "none" : forms.map(\.rawValue).joined(separator: ","))
    }
    if batches.isEmpty || Set(batches).count != batches.count
      || batches.contains(where: { !(1...Self.mostBatch).contains($0) })
    {
      try refuse(
        "batches", "different numbers from 1 to \(Self.mostBatch)",
        batches.isEmpty ? "none" : batches.map(String.init).joined(separator: ","))
    }
    for (option, value, range) in [
      ("depth", depth, 0...1_000_000), ("prompt", prompt, 0...1_000_000),
      ("steps", steps, 1...100_000), ("repetitions", repetitions, 1...1000),
    ] where !range.contains(value) {
      try refuse(option, "\(range.lowerBound) to \(range.upperBound)", "\(value)")
    }
  }

  /// Reads `1,2,4..64`: numbers with commas between; `A..B` doubles from A until it passes B.
  ///
  /// - Throws: `EngineError.badBatch`.
  package static func batches(_ text: String) throws -> [Int] {
    var found: [Int] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.filter { $0 != " " }.split(separator: ".", omittingEmptySubsequences: false)
      let numbers = ends.compactMap { Int($0) }.filter { (1...mostBatch).contains($0) }
      switch (ends.count, numbers.count) {
      case (1, 1): found.append(numbers[0])
      case (3, 2) where ends[1].isEmpty && numbers[0] <= numbers[1]:
        var batch = numbers[0]
        while batch <= numbers[1] {
          found.append(batch)
          batch *= 2
        }
      default:
        throw EngineError.badBatch(
          option: "batches",
          expected: "numbers from 1 to \(mostBatch) such as 1,2,3 or 1..64 (doubling)",
          found: "'\(text)'")
      }
    }
    guard Set(found).count == found.count else {
      throw EngineError.badBatch(
        option: "batches", expected: "different numbers", found: "'\(text)'")
    }
    return found.sorted()
  }

  /// Reads `bf16,w4a16`.
  ///
  /// - Throws: `EngineError.badBatch`.
  package static func forms(_ text: String) throws -> [BatchForm] {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map {
      $0.filter { $0 != " " }.lowercased()
    }
    let found = parts.compactMap(BatchForm.init(rawValue:))
    guard found.count == parts.count, Set(found).count == found.count else {
      throw EngineError.badBatch(
        option: "forms",
        expected: "different ones of " + BatchForm.allCases.map(\.rawValue).joined(separator: ", "),
        found: "'\(text)'")
    }
    return found
  }
}
