import Models
import Operators
import Tensors
import Testing

/// Keeps what it asked for.
private final class Recorder: ForwardObserver {
  let asked: Set<ForwardTap>
  var seen: [ForwardTap: [Int: [Float]]] = [:]
  var columns: [ForwardTap: Int] = [:]

  init(_ asked: Set<ForwardTap>) { self.asked = asked }

  func wants(_ tap: ForwardTap, block: Int) -> Bool { asked.contains(tap) }

  func observe(
    _ tap: ForwardTap, block: Int, values: UnsafePointer<Float>, tokens: Int, columns: Int
  ) {
    seen[tap, default: [:]][block, default: []] +=
      Array(UnsafeBufferPointer(start: values, count: tokens * columns))
    self.columns[tap] = columns
  }
}

@Suite struct ObserverTests {
  private let fixture = FixtureModel(name: "qwen3")

  @Test func seesOnlyWhatItAsksFor() throws {
    let model = try fixture.model()
    let ids = try fixture.reference().ids
    let recorder = Recorder([.linearInput(.down), .keys])
    try model.forward(
      tokens: ids, cache: model.makeCache(), context: makeContext(),
      options: ForwardOptions(chunk: 70, observer: recorder))
    #expect(Set(recorder.seen.keys) == [.linearInput(.down), .keys])
    for block in 0..<2 {
      #expect(recorder.seen[.linearInput(.down)]?[block]?.count == 200 * 48)
      #expect(recorder.seen[.keys]?[block]?.count == 200 * 2 * 16)
    }
  }

  @Test func tensorsAreWhatTheLayersRead() throws {
    let model = try fixture.model()
    let ids = Array(try fixture.reference().ids[..<80])
    let taps: Set<ForwardTap> = [
      .blockInput, .blockOutput, .queries, .keys, .values, .linearInput(.q), .linearInput(.v),
      .linearInput(.o), .linearInput(.gate), .linearInput(.up), .linearInput(.down),
    ]
    let recorder = Recorder(taps)
    try model.forward(
      tokens: ids, cache: model.makeCache(), context: makeContext(),
      options: ForwardOptions(observer: recorder))
    #expect(Set(recorder.seen.keys) == taps)
    #expect(recorder.columns[.queries] == 64)
    #expect(recorder.columns[.values] == 32)
    #expect(recorder.columns[.linearInput(.o)] == 64)
    #expect(recorder.seen[.linearInput(.q)] == recorder.seen[.linearInput(.v)])
    #expect(recorder.seen[.linearInput(.gate)] == recorder.seen[.linearInput(.up)])
    #expect(recorder.seen[.blockOutput]?[0] == recorder.seen[.blockInput]?[1])
    let embedded = try model.embed(ids)
    #expect(recorder.seen[.blockInput]?[0]?.prefix(32) == embedded.values(token: 0)[...])
    // The values are the v layer applied to its input.
    let weight = model[LinearID(block: 1, projection: .v)].weight.dequantized()
    let input = try #require(recorder.seen[.linearInput(.v)]?[1])
    let values = try #require(recorder.seen[.values]?[1])
    for (token, row) in [(0, 0), (79, 31), (40, 7)] {
      let expected = (0..<32).reduce(Float(0)) {
        $0 + input[token * 32 + $1] * weight[row * 32 + $1]
      }
      #expect(abs(values[token * 32 + row] - expected) < 1e-4)
    }
  }

  @Test(arguments: FixtureModel.all) func blockByBlockEqualsOnePass(_ fixture: FixtureModel) throws
  {
    let model = try fixture.model()
    let ids = try fixture.reference().ids
    let context = try makeContext()
    let texts = [Array(ids[..<130]), Array(ids[50..<60]), Array(ids[100...])]
    let hidden = try texts.map { try model.embed($0) }
    let recorder = Recorder([.linearInput(.o)])
    for index in model.blocks.indices {
      try model.runBlock(
        index, hidden: hidden, context: context,
        options: ForwardOptions(chunk: 64, observer: recorder))
    }
    for (text, states) in zip(texts, hidden) {
      let whole = try model.forward(
        tokens: text, cache: model.makeCache(), context: context, logits: .all)
      let scores = try model.scores(of: states, context: context)
      #expect(largestDifference(allValues(whole), allValues(scores)) < 2e-4)
      let last = try model.scores(of: states, rows: .last, context: context)
      #expect(largestDifference(last.values(row: 0), whole.values(row: text.count - 1)) < 2e-4)
    }
    let width = model.configuration.heads * model.configuration.headDimension
    #expect(recorder.seen[.linearInput(.o)]?[1]?.count == 240 * width)
    let count = model.blocks.count
    #expect(throws: ModelError.noSuchBlock(count, blocks: count)) {
      try model.runBlock(count, hidden: hidden, context: context)
    }
  }
}
