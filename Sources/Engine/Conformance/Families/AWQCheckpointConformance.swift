import Checkpoints
import Platform
import Tensors

/// AWQ's GEMM format: what is stored reads as the codes it was made from, and these codes are stored so.
package enum AWQCheckpointConformance: ConformanceFamily {
  package static func claims(_ item: ConformanceCase) -> Bool { item.method == "format:AWQ" }

  /// Which of eight neighbours lies where in a word.
  private static let order = [0, 2, 4, 6, 1, 3, 5, 7]

  package static func run(_ run: inout ConformanceRun) throws {
    let columns = try run.fixture.dimensions("in.codes", rank: 2)[1]
    let groups = try run.fixture.dimensions("in.zero", rank: 2)[1]
    let codes = try PackedWords.rows(run.fixture.numbers("in.codes"), columns: columns)
    let zeros = try PackedWords.rows(run.fixture.numbers("in.zero"), columns: groups)
    try read(codes, zeros, columns / groups, run)
    func packed(_ rows: [[Int]]) -> [Int] {
      let lines = PackedWords.transposed(rows).map { line in
        line.indices.map { line[$0 / 8 * 8 + order[$0 % 8]] }
      }
      return PackedWords.along(lines, bits: 4)
    }
    try run.check("qweight", packed(codes))
    try run.check("qzeros", packed(zeros))
    try run.check(
      "scales", PackedWords.halves(run.fixture.floats("in.scale"), columns: groups))
  }

  private static func read(
    _ codes: [[Int]], _ zeros: [[Int]], _ group: Int, _ run: ConformanceRun
  ) throws {
    let config = try ConfigFile(
      path: run.item.file,
      text: Array(
        #"{"quantization_config": {"quant_method": "awq", "group_size": \#(group)}}"#.utf8))
    let layout = try AWQLayout(Checkpoint(path: run.fixture.path), config: config)
    guard
      let weight = try layout.weight(
        "out.weight", rows: codes.count, columns: codes.first?.count ?? 0) as? IntegerWeight
    else { throw ConformanceError.missingTensor(file: run.item.file, name: "out.qweight") }
    var found = [UInt8](repeating: 0, count: weight.rows * weight.columns)
    weight.unpack(rows: 0..<weight.rows, into: &found)
    guard found.map({ Int($0) }) == codes.flatMap(\.self),
      weight.zeros.map({ Int($0) }) == zeros.flatMap(\.self)
    else {
      throw ConformanceError.malformed(
        file: run.item.file, item: "out.qweight", expected: "the codes of in.codes and in.zero",
        found: "others")
    }
  }
}
