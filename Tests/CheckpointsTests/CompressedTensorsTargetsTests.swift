import Checkpoints
import Platform
import Tensors
import TestSupport
import Testing

/// Which group of `quantization_config` a layer belongs to.
@Suite struct CompressedTensorsTargetsTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A reader of no layers whose groups have these targets; inputs are per token in the first, per tensor in the second,
  /// asymmetric per token in the third.
  private func reader(_ targets: [[String]]) throws -> CompressedTensorsReader {
    let inputs = [
      #"{"num_bits":8,"strategy":"token","dynamic":true}"#,
      #"{"num_bits":8,"strategy":"tensor","dynamic":true}"#,
      #"{"num_bits":8,"strategy":"token","dynamic":true,"symmetric":false}"#,
    ]
    let groups = targets.enumerated().map { number, targets in
      let list = targets.map { StrictJSON.quoted($0) }.joined(separator: ",")
      return "\"g\(number)\":{\"targets\":[\(list)],\"input_activations\":\(inputs[number])}"
    }
    let text =
      #"{"quantization_config":{"quant_method":"compressed-tensors","config_groups":{"#
      + groups.joined(separator: ",") + "}}}"
    let config = try ConfigFile(path: "config.json", text: Array(text.utf8))
    let scheme = try CompressedTensorsScheme(config)
    let directory = try WholeDirectory(path: folder.path("empty"))
    try CompressedTensors().write(
      Artifact(config: JSONObject(), layers: [], others: [], companions: [], notes: JSONObject()),
      into: directory)
    try directory.commit()
    return try CompressedTensorsReader(Checkpoint(path: folder.path("empty")), scheme: scheme)
  }

  private static let token = ActivationFormat.int8PerToken
  private static let tensor = ActivationFormat.int8(scaling: .tensor, isSymmetric: true)
  private static let asymmetric = ActivationFormat.int8(scaling: .token, isSymmetric: false)

  @Test func patternsOfSeveralGroups() throws {
    let reader = try reader([["re:.*mlp.*"], ["re:.*self_attn.(q|k|v)_proj$"]])
    #expect(try reader.activation(of: "model.layers.0.mlp.up_proj") == Self.token)
    #expect(try reader.activation(of: "model.layers.0.self_attn.k_proj") == Self.tensor)
    #expect(try reader.activation(of: "model.layers.0.self_attn.o_proj") == nil)
    #expect(try reader.activation(of: "model.layers.0.self_attn.k_proj_more") == nil)
    #expect(try reader.activation(of: "lm_head") == nil)
  }

  /// A name before a pattern, a pattern before the class; patterns in the order of their texts, from the beginning.
  @Test func namesPatternsAndTheClass() throws {
    let reader = try reader([["Linear"], [#"re:^layers\.\d+\.q$"#, "x"], ["layers.1.q", "re:l"]])
    #expect(try reader.activation(of: "other") == Self.token)
    #expect(try reader.activation(of: "layers.0.q") == Self.tensor)
    #expect(try reader.activation(of: "layers.1.q") == Self.asymmetric)
    #expect(try reader.activation(of: "layers.0.k") == Self.asymmetric)
    #expect(try reader.activation(of: "my.layers") == Self.token)
    #expect(try reader.activation(of: "x") == Self.tensor)
  }

  @Test func whatIsNotKnownIsNamed() {
    for target in [#"re:(?!.*lm_head).*"#, "re:(a", #"re:\bq"#] {
      let error = #expect(throws: CheckpointError.self) { try reader([[target], ["Linear"]]) }
      #expect(error.map { "\($0)".contains(target) } == true, "\(String(describing: error))")
    }
  }

  @Test(.enabled(if: SharedMaterial.has("cases/two-regex-groups")))
  func groupsOfACase() throws {
    let path = try #require(SharedMaterial.path("cases/two-regex-groups"))
    let reader = try CompressedTensorsReader(
      Checkpoint(path: path),
      scheme: CompressedTensorsScheme(ConfigFile(path: path + "/config.json")))
    for name in ["mlp.down_proj", "self_attn.q_proj"] {
      let layer = "model.layers.0." + name
      #expect(reader.names.contains(layer + ".weight"))
      #expect(try reader.activation(of: layer) == Self.token)
    }
    #expect(try reader.activation(of: "lm_head") == nil)
  }
}
