import Serving
import Testing

/// Traces of both public kinds, drawn ones, and what is wrong with bad ones.
@Suite struct TraceFileTests {
  private static func read(
    _ text: String, context: Int = 4096, dropsLong: Bool = false, most: Int? = nil
  ) throws -> RequestTrace {
    try TraceFile(path: "t", context: context, dropsLong: dropsLong, most: most)
      .trace(Array(text.utf8))
  }

  @Test func azure() throws {
    let trace = try Self.read(
      """
      TIMESTAMP,ContextTokens,GeneratedTokens
      2023-11-16 18:17:03.9799600,374,44
      2023-11-16 18:17:04.0319600,396,109\r

      2023-11-17 00:00:03.9799600,879,55
      """)
    #expect(trace.requests.map(\.prompt) == [374, 396, 879])
    #expect(trace.requests.map(\.generated) == [44, 109, 55])
    #expect(trace.requests[0].arrival == 0)
    #expect(abs(trace.requests[1].arrival - 0.052) < 1e-6)
    #expect(abs(trace.requests[2].arrival - 20_580) < 1e-6)
  }

  @Test func azureOf2024AndPlainSeconds() throws {
    let dated = try Self.read(
      "TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00.009930+00:00,2162,5\n"
        + "2024-05-10 02:00:01.009930+02:00,100,5")
    #expect(abs(dated.requests[1].arrival - 1) < 1e-6)
    let plain = try Self.read("GeneratedTokens, TIMESTAMP ,ContextTokens\n5,1.5,10\n6,2.5,11")
    #expect(plain.requests.map(\.arrival) == [0, 1])
    #expect(plain.requests.map(\.prompt) == [10, 11])
  }

  @Test func mooncake() throws {
    let trace = try Self.read(
      """
      {"timestamp": 0, "input_length": 1500, "output_length": 10, "hash_ids": [1, 2, 3]}
      {"timestamp": 1000, "input_length": 1200, "output_length": 20, "hash_ids": [1, 2, 4]}
      {"timestamp": 2500, "input_length": 300, "output_length": 20, "hash_ids": [1]}
      {"timestamp": 2500, "input_length": 300, "output_length": 20, "hash_ids": [9]}
      """)
    #expect(trace.requests.map(\.arrival) == [0, 1, 2.5, 2.5])
    // 1 is common to three and 2 to two; 3, 4 and 9 are nobody else's.
    #expect(trace.prefixes.nodes.map(\.tokens) == [300, 1024])
    #expect(trace.prefixes.nodes.map(\.parent) == [nil, 0])
    #expect(trace.requests.map(\.prefix) == [1, 1, 0, nil])
  }

  /// The same ids after other beginnings are other tokens.
  @Test func idsAfterOtherBeginningsAreOthers() throws {
    let trace = try Self.read(
      """
      {"timestamp": 0, "input_length": 1024, "output_length": 1, "hash_ids": [1, 5]}
      {"timestamp": 0, "input_length": 1024, "output_length": 1, "hash_ids": [2, 5]}
      """)
    #expect(trace.prefixes.nodes.isEmpty)
  }

  @Test(arguments: [
    ("", "t: expected one request or more, found none"),
    ("TIMESTAMP,ContextTokens,GeneratedTokens\n", "t: expected one request or more, found none"),
    ("a,b\n1,2", "t, line 1: TIMESTAMP: expected a header with TIMESTAMP, ContextTokens"),
    (
      "TIMESTAMP,ContextTokens,GeneratedTokens\n1,2",
      "t, line 2: columns: expected 3 of them, as the header has, found '2'"
    ),
    (
      "TIMESTAMP,ContextTokens,GeneratedTokens\n0,2,3\n-1,2,3",
      "t, line 3: TIMESTAMP: expected 0 or later, found '-1'"
    ),
    (
      "TIMESTAMP,ContextTokens,GeneratedTokens\n5,2,3\n4,2,3",
      "t, line 3: TIMESTAMP: expected no time before that of the row above"
    ),
    (
      "TIMESTAMP,ContextTokens,GeneratedTokens\nnoon,2,3",
      "t, line 2: TIMESTAMP: expected a time such as"
    ),
    (
      "TIMESTAMP,ContextTokens,GeneratedTokens\n1,2.5,3",
      "t, line 2: ContextTokens: expected a whole number of tokens, found '2.5'"
    ),
    (
      "TIMESTAMP,ContextTokens,GeneratedTokens\n1,2,0",
      "t, line 2: GeneratedTokens: expected 1 token or more, found '0'"
    ),
    (
      "TIMESTAMP,ContextTokens,GeneratedTokens\n1,2,3\n2,4000,100",
      "t, line 3: GeneratedTokens: expected a request of at most 4096 tokens"
    ),
    (
      "TIMESTAMP,ContextTokens,GeneratedTokens\n1,9223372036854775807,100",
      "t, line 2: ContextTokens: expected a request of at most 4096 tokens"
    ),
    ("{\"timestamp\": 0", "t, line 1: line: expected a JSON object"),
    (
      "{\"timestamp\": 0, \"input_length\": 5}",
      "t, line 1: output_length: expected a number, found nothing"
    ),
    (
      "{\"timestamp\": \"x\", \"input_length\": 5, \"output_length\": 5}",
      "t, line 1: timestamp: expected milliseconds, found 'the string \"x\"'"
    ),
    (
      "{\"timestamp\": 0, \"input_length\": 5, \"output_length\": 5, \"hash_ids\": [1, 2]}",
      "t, line 1: hash_ids: expected at most 1, one for each 512 of 5 tokens, found '2'"
    ),
    (
      "{\"timestamp\": 0, \"input_length\": 5, \"output_length\": 5, \"hash_ids\": [1.5]}",
      "t, line 1: hash_ids: expected an array of whole numbers"
    ),
  ])
  func badOnesAreNamed(_ text: String, _ words: String) {
    let error = #expect(throws: TraceError.self) { try Self.read(text) }
    #expect("\(error.map { "\($0)" } ?? "")".hasPrefix(words), "\(error.map { "\($0)" } ?? "")")
  }

  @Test func longOnesCanBeLeftOutAndReadingCanEnd() throws {
    let text = "TIMESTAMP,ContextTokens,GeneratedTokens\n1,5000,3\n2,4000,10\n3,10,10\n4,x,y"
    let trace = try Self.read(text, dropsLong: true, most: 2)
    #expect(trace.leftOut == 1)
    #expect(trace.requests.map(\.arrival) == [0, 1])
  }

  @Test func aFileThatIsNotThereIsNamed() {
    let error = #expect(throws: TraceError.self) {
      try TraceFile(path: "/no/such/trace.csv", context: 10).read()
    }
    #expect("\(error.map { "\($0)" } ?? "")".contains("/no/such/trace.csv"))
  }

  @Test func whatIsDrawnHasTheMeansThatWereAskedFor() throws {
    let trace = try DrawnTrace(
      rate: 8, requests: 100_000, burst: 5, prompt: 300, generated: 100, spread: 0.7, prefixes: 10,
      prefixTokens: 50, prefixShare: 0.3, context: 100_000, seed: 4
    ).trace()
    let tokens = trace.tokens
    #expect(abs(trace.rate / 8 - 1) < 0.03)
    #expect(abs(Double(tokens.prompt) / 100_000 / 315 - 1) < 0.02)
    #expect(abs(Double(tokens.generated) / 100_000 / 100 - 1) < 0.02)
    #expect(abs(Double(trace.requests.count { $0.prefix != nil }) / 30_000 - 1) < 0.03)
    #expect(zip(trace.requests, trace.requests.dropFirst()).allSatisfy { $0.arrival <= $1.arrival })
    let together = zip(trace.requests, trace.requests.dropFirst()).count {
      $0.arrival == $1.arrival
    }
    #expect(abs(Double(together) / 80_000 - 1) < 0.02)
  }

  @Test func theRateChangesArrivalsAlone() throws {
    func draw(_ rate: Double, _ seed: UInt64) throws -> RequestTrace {
      try DrawnTrace(rate: rate, requests: 50, context: 2048, seed: seed).trace()
    }
    let (slow, fast) = (try draw(1, 7), try draw(2, 7))
    #expect(slow.requests.map(\.prompt) == fast.requests.map(\.prompt))
    #expect(
      zip(slow.requests, fast.requests).allSatisfy { abs($0.arrival - 2 * $1.arrival) < 1e-9 })
    #expect(try draw(1, 8) != slow)
    #expect(slow.requests.allSatisfy { $0.prompt + $0.generated <= 2048 })
  }

  @Test(arguments: [
    (DrawnTrace(rate: 0, requests: 5, context: 100, seed: 0), "--rate: expected"),
    (DrawnTrace(rate: .nan, requests: 5, context: 100, seed: 0), "--rate: expected"),
    (DrawnTrace(rate: 1, requests: 0, context: 100, seed: 0), "--count: expected 1 to"),
    (DrawnTrace(rate: 1, requests: 5, burst: 0.5, context: 9999), "--burst: expected"),
    (DrawnTrace(rate: 1, requests: 5, prompt: 512, context: 100), "--prompt: expected 1 to 99"),
    (
      DrawnTrace(
        rate: 1, requests: 5, prompt: 5, generated: 5, prefixes: 1, prefixTokens: 99,
        prefixShare: 1, context: 100), "--prefix-tokens: expected 0 to 98"
    ),
  ])
  func badDrawsAreNamed(_ drawn: DrawnTrace, _ words: String) {
    let error = #expect(throws: TraceError.self) { try drawn.trace() }
    #expect("\(error.map { "\($0)" } ?? "")".hasPrefix(words))
  }
}
