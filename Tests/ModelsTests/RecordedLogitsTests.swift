import DemoModel
import Models
import Operators
import Platform
import Testing

#if arch(x86_64)

  /// The bits of the logits of every fixture and of the built-in model, as the first version computed them.
  ///
  /// How a block is described may change; what it computes may not, in any bit. A change of kernels that is meant to
  /// change bits records them anew: the message of a failure holds what was found.
  @Suite struct RecordedLogitsTests {
    private static let providers = ExecutionProvider.allCases.filter(\.isSupported)

    @Test(arguments: FixtureModel.recorded, providers)
    func fixturesKeepTheirBits(_ fixture: FixtureModel, _ provider: ExecutionProvider) throws {
      let ids = try fixture.reference().ids
      var found: [String] = []
      for precision in [BaselinePrecision.f32, .bf16] {
        found.append(try fingerprint(fixture.model(precision), ids, provider))
      }
      let key = "\(fixture.name) \(provider.rawValue)"
      #expect(found.joined(separator: " ") == Self.recorded[key], "\(key)")
    }

    @Test(arguments: providers) func builtInModelKeepsItsBits(_ provider: ExecutionProvider) throws
    {
      let model = try Model.load(directory: DemoModel(locator: ResourceLocator()).directory)
      let ids = (0..<80).map { Int32($0 * 37 % model.configuration.vocabularySize) }
      let key = "built-in \(provider.rawValue)"
      let found = try fingerprint(model, ids, provider)
      #expect(found == Self.recorded[key], "\(key)")
    }

    /// FNV-1a over the bits of the logits of a prefill, of one in chunks, and of decoding alone and in a batch.
    private func fingerprint(
      _ model: Model, _ ids: [Int32], _ provider: ExecutionProvider
    ) throws -> String {
      let context = try makeContext(provider: provider)
      var hash = LogitHash()
      let whole = try model.makeCache()
      hash.add(try model.forward(tokens: ids, cache: whole, context: context, logits: .all))
      let parts = try model.makeCache()
      let options = ForwardOptions(chunk: 33)
      let first = Array(ids[..<(ids.count - 12)])
      hash.add(
        try model.forward(
          tokens: first, cache: parts, context: context, logits: .all, options: options))
      for token in ids.suffix(12) {
        hash.add(try model.forward(tokens: [token], cache: parts, context: context))
      }
      hash.add(
        try model.decode(tokens: [ids[3], ids[5]], caches: [whole, parts], context: context))
      return hash.text
    }

    private static let recorded: [String: String] = [
      "llama3-scaling avx2": "cb634bf6ff3fb4e9 2def0e2f5624dfd6",
      "llama3-scaling avx512": "7d0b73d593e989cb 6974eb526720f1fa",
      "llama3-scaling generic": "9ee9fc7355a72f6c c95baa4da84b79d5",
      "llama-linear avx2": "47cf4fe75e6c237f e5c72cddf6a656ba",
      "llama-linear avx512": "733cb1ac205e0dc5 64645d94dcd89538",
      "llama-linear generic": "a0bd84ea3908c2fa d97b441956b1fe0a",
      "mistral-window avx2": "f6f621310f8e62b6 37b021821bf7b431",
      "mistral-window generic": "8ae1f7445f9a2034 bb17d9bf5252d83d",
      "mistral-window avx512": "f2528143eff18d0f bc9e6073e1a2e09a",
      "qwen2 avx2": "3f11171939a532ef 94c5bab3427ce7b",
      "qwen2 generic": "fca86a2760bf46fd 32fca67c4d0e4add",
      "qwen2 avx512": "64d22ded5102756 68748587a6ae972c",
      "qwen3 avx2": "f3df8392025b525a 73e97131fa7f20a9",
      "qwen3 avx512": "ef50bb282094c44f 4a98feedb9c77b76",
      "qwen3 generic": "9aefbce8026e123c 450bdddac2371d3d",
      "built-in avx2": "1a3df02dc6c4d467",
      "built-in avx512": "e3c8da5b65550c98",
      "built-in generic": "d6eb52acfd5fc1b8",
    ]
  }

  extension FixtureModel {
    /// Those that were there before blocks were plans.
    fileprivate static let recorded = [
      "llama3-scaling", "llama-linear", "mistral-window", "qwen2", "qwen3",
    ].map { FixtureModel(name: $0) }
  }

  private struct LogitHash {
    private var value: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func add(_ logits: Logits) {
      for row in 0..<logits.rows {
        for number in logits.values(row: row) {
          value = (value ^ UInt64(number.bitPattern)) &* 0x100_0000_01b3
        }
      }
    }

    var text: String { String(value, radix: 16) }
  }

#endif
