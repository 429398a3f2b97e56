import Checkpoints
import Platform
import Tensors

/// GPTQ's checkpoint format: what is stored reads as the codes it was made from, and these codes are stored so.
///
/// An output's first parts say bits and order of columns: `b4.desc_act.qweight`.
package enum GPTQCheckpointConformance: ConformanceFamily {
  package static func claims(_ item: ConformanceCase) -> Bool { item.method == "format:GPTQ" }

  package static func run(_ run: inout ConformanceRun) throws {
    for output in run.item.outputs where output.hasSuffix(".qweight") {
      try check(String(output.dropLast(".qweight".count)), &run)
    }
  }

  private static func check(_ label: String, _ run: inout ConformanceRun) throws {
    guard let bits = Int(label.dropFirst().prefix { $0.isNumber }) else {
      return run.skip(label + ".qweight", because: "its name does not say bits")
    }
    let columns = try run.fixture.dimensions("in.\(label).codes", rank: 2)[1]
    let groups = try run.fixture.dimensions("in.\(label).zero", rank: 2)[1]
    let codes = try PackedWords.rows(run.fixture.numbers("in.\(label).codes"), columns: columns)
    let zeros = try PackedWords.rows(run.fixture.numbers("in.\(label).zero"), columns: groups)
    let index = try run.fixture.numbers("out.\(label).g_idx").map { Int($0) }
    let scales = try run.fixture.floats("out.\(label).scales")
    try read(label, codes, zeros, index, scales, run)
    try run.check("\(label).qweight", PackedWords.down(codes, bits: bits))
    let stored = PackedWords.transposed(zeros).map { line in
      line.map { ($0 - 1) & ((1 << bits) - 1) }
    }
    try run.check("\(label).qzeros", PackedWords.along(stored, bits: bits))
    let halves = try PackedWords.halves(run.fixture.floats("in.\(label).scale"), columns: groups)
    try run.check("\(label).scales", halves)
    if label.hasSuffix("desc_act") {
      // The order is the method's; that it is read is what the values say.
      try run.check("\(label).g_idx", index)
    } else {
      try run.check("\(label).g_idx", (0..<columns).map { $0 / (columns / groups) })
    }
  }

  /// Reads the layer as a checkpoint is read, and compares every value.
  private static func read(
    _ label: String, _ codes: [[Int]], _ zeros: [[Int]], _ index: [Int], _ scales: [Float],
    _ run: ConformanceRun
  ) throws {
    let config = try ConfigFile(
      path: run.item.file, text: Array(#"{"quantization_config": {"quant_method": "gptq"}}"#.utf8))
    let layout = try GPTQLayout(Checkpoint(path: run.fixture.path), config: config)
    let name = "out.\(label).weight"
    guard
      let weight = try layout.weight(name, rows: codes.count, columns: codes.first?.count ?? 0)
    else { throw ConformanceError.missingTensor(file: run.item.file, name: name) }
    let found = weight.dequantized()
    for (row, line) in codes.enumerated() {
      for (column, code) in line.enumerated() {
        let scale = scales[index[column] * codes.count + row]
        let value = scale * Float(code - zeros[row][index[column]])
        guard found[row * line.count + column] == value else {
          throw ConformanceError.malformed(
            file: run.item.file, item: name, expected: "\(value) at row \(row), column \(column)",
            found: "\(found[row * line.count + column])")
        }
      }
    }
  }
}

extension PackedWords {
  /// `[rows, columns]` turned, each in FP16.
  static func halves(_ values: [Float], columns: Int) -> [Float] {
    let rows = values.count / max(1, columns)
    return (0..<columns).flatMap { column in
      (0..<rows).map { FloatFormats.float(f16: FloatFormats.f16(values[$0 * columns + column])) }
    }
  }
}
