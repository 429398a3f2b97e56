import Checkpoints
import Platform
import TestSupport
import Testing

@Suite struct ConfigFileTests {
  private func config(_ text: String) throws -> ConfigFile {
    try ConfigFile(path: "config.json", text: Array(text.utf8))
  }

  @Test func readsFields() throws {
    let config = try config(
      """
      {"hidden_size": 64, "rope_theta": 10000, "rms_norm_eps": 1e-05, "model_type": "llama",
       "tie_word_embeddings": true, "architectures": ["LlamaForCausalLM"], "eos_token_id": [2, 3],
       "bos_token_id": 1, "sliding_window": null,
       "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "short_factor": [1, 1.5]}}
      """)
    #expect(try config.integer("hidden_size", in: 1...1_000_000) == 64)
    #expect(try config.number("rope_theta", in: 1...1e9) == 10_000)
    #expect(try config.number("rms_norm_eps", in: 0...1) == 1e-5)
    #expect(try config.text("model_type") == "llama")
    #expect(try config.flag("tie_word_embeddings"))
    #expect(try config.texts("architectures") == ["LlamaForCausalLM"])
    #expect(try config.integers("eos_token_id", in: 0...511) == [2, 3])
    #expect(try config.integers("bos_token_id", in: 0...511) == [1])
    #expect(try config.integers("pad_token_id", in: 0...511) == [])
    #expect(try config.optionalInteger("sliding_window", in: 1...9) == nil)
    #expect(try config.optionalText("absent") == nil)
    #expect(!config.has("sliding_window") && config.has("hidden_size"))
    let scaling = try config.object("rope_scaling")
    #expect(try scaling.text("rope_type") == "llama3")
    #expect(try scaling.numbers("short_factor", in: 0...10) == [1, 1.5])
    #expect(try config.optionalObject("absent") == nil)
  }

  @Test(arguments: [
    "1.0", "1e3", "\"64\"", "-1", "0", "1000001", "9223372036854775808", "null", "true", "[64]",
    "{}",
  ])
  func integersAreIntegersInRange(text: String) throws {
    let config = try config("{\"hidden_size\": \(text)}")
    let error = #expect(throws: CheckpointError.self) {
      try config.integer("hidden_size", in: 1...1_000_000)
    }
    let words = error?.description ?? ""
    #expect(
      words.hasPrefix("config.json: hidden_size: expected an integer from 1 to 1000000, found"))
  }

  @Test func otherFieldsAreCheckedToo() throws {
    let config = try config(
      #"{"n": "1", "big": 1e30, "t": 1, "f": "true", "o": [], "l": ["a", 1], "x": {"y": {"z": -1}}}"#
    )
    #expect(throws: CheckpointError.self) { try config.number("n", in: 0...1) }
    #expect(throws: CheckpointError.self) { try config.number("big", in: 0...1e9) }
    #expect(throws: CheckpointError.self) { try config.text("t") }
    #expect(throws: CheckpointError.self) { try config.flag("f") }
    #expect(throws: CheckpointError.self) { try config.object("o") }
    #expect(throws: CheckpointError.self) { try config.texts("l") }
    #expect(throws: CheckpointError.self) { try config.numbers("l", in: 0...1) }
    #expect(throws: CheckpointError.self) { try config.integers("n", in: 0...1) }
    let inner = try config.object("x").object("y")
    #expect(
      throws: CheckpointError.malformed(
        file: "config.json", item: "x.y.z", expected: "an integer from 0 to 9",
        found: "the number -1")
    ) { try inner.integer("z", in: 0...9) }
  }

  @Test func missingFieldsAreNamed() throws {
    #expect(
      throws: CheckpointError.malformed(
        file: "config.json", item: "vocab_size", expected: "an integer from 1 to 9", found: "none")
    ) { try config("{}").integer("vocab_size", in: 1...9) }
  }

  @Test func filesAreChecked() throws {
    for text in ["", "[]", "1", "{\"a\":1,}", "{\"a\":1,\"a\":2}", "{\"a\":NaN}"] {
      #expect(throws: CheckpointError.self) { try config(text) }
    }
    let folder = try TemporaryFolder()
    #expect(throws: CheckpointError.self) { try ConfigFile(path: folder.path("config.json")) }
    let large =
      [UInt8](repeating: UInt8(ascii: " "), count: ConfigFile.byteLimit) + Array("{}".utf8)
    #expect(throws: CheckpointError.self) {
      try ConfigFile(path: try folder.file("config.json", large))
    }
    #expect(try ConfigFile(path: folder.file("config.json", "{}")).root.members.isEmpty)
  }

  @Test(
    .enabled(
      if: SharedMaterial.has("data/models/stories279K"),
      "\(SharedMaterial.without("data/models/stories279K"))"))
  func readsARealConfig() throws {
    let path = try #require(SharedMaterial.path("data/models/stories279K/config.json"))
    let config = try ConfigFile(path: path)
    #expect(try config.integer("num_key_value_heads", in: 1...1024) == 4)
  }
}
