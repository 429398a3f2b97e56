import CommandLineFace
import Quantization
import TestSupport
import Testing

/// One grammar for recipes: every command that takes one reads the same words, and says the same of wrong ones.
@Suite struct RecipeOptionsTests {
  static let commands = [
    "quantize -o /nonexistent/out", "evaluate", "bench", "calibration", "outliers", "providers",
    "allocate --budget 4", "plan", "layer",
  ]

  private func ran(_ command: String, _ options: [String]) -> Ran {
    Ran(command.split(separator: " ").map(String.init) + options)
  }

  @Test(arguments: commands) func wrongWordsAreRefusedAlike(_ command: String) {
    for (options, words) in [
      (["--kv", "int8/int4/int8"], "KEYS/VALUES"),
      (["--kv-key", "int8/int4"], "METHOD[:BITS[:GROUP]] or fp"),
      (["--weights", "rtn:5"], "expected one of 2, 3, 4, 8, found '5'"),
      (["--weights", "KV8"], "unknown method for weights"),
      (["--activations", "nosuch"], "unknown method for activations"),
      (["--plant", "8:3"], "--plant: planting outliers: expected a factor that is a power of two"),
      (["--rotate", "left"], "--rotate: "),
      (["--transform", "turn=1"], "expected one of plant, rotate, found 'turn'"),
      (["--head", "5"], "BITS[:GROUP]"),
      (["--layer", "5"], "BLOCK.PROJECTION=BITS"),
    ] {
      let ran = ran(command, options)
      #expect(ran.code != 0, "\(command) \(options)")
      #expect(ran.error.contains(words), "\(command) \(options): \(ran.error)")
    }
  }

  /// An option that the method taken does not have shows which method that is.
  @Test(arguments: commands) func rightWordsAreTakenAlike(_ command: String) {
    for (options, words) in [
      (["--kv", "int8", "--set", "kv.nosuch=1"], "method int8 has no option 'nosuch'"),
      (["--kv", "int8/int4", "--set", "kv-value.nosuch=1"], "method int4 has no option"),
      (["--kv", "KV4", "--set", "kv-key.nosuch=1"], "method int4 has no option"),
      (["--kv", "fp", "--set", "kv.group=32"], "a method for kv-key before its options"),
      (
        ["--kv", "int8/fp16", "--set", "kv-value.group=32"],
        "a method for kv-value before its options"
      ),
      (["--kv-value", "kivi:2", "--set", "kv-value.nosuch=1"], "method kivi has no option"),
      (
        ["--weights", "gptq:4:128 mse=true", "--set", "weights.nosuch=1"],
        "method gptq has no option"
      ),
      (["--weights", "W4A8", "--set", "activations.nosuch=1"], "method int8 has no option"),
      (["--weights", "fp", "--set", "weights.bits=4"], "a method for weights before its options"),
      (
        ["--activations", "smoothquant alpha=0.6", "--set", "activations.x=1"], "smoothquant has no"
      ),
      (["--rotate", "--set", "rotate.nosuch=1"], "method rotate has no option 'nosuch'"),
      (["--transform", "plant=8:32", "--set", "plant.factor=3"], "a power of two"),
    ] {
      let ran = ran(command, options)
      #expect(ran.code != 0, "\(command) \(options)")
      #expect(ran.error.contains(words), "\(command) \(options): \(ran.error)")
    }
  }

  @Test func optionsAddUpWithTheFile() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("recipe.toml")
    try RecipeFile.write(
      try RecipeText.recipe("rotate=2 weights=rtn:4:64 kv=int8 head=8"), to: path)
    // A recipe without calibration is refused in its own words, which show what it came to.
    let ran = ran(
      "calibration",
      [
        "--recipe", path, "--plant", "8:32", "--kv", "fp/int4", "--head", "fp", "--weights",
        "rtn:3",
      ])
    #expect(
      ran.error.contains(
        "8 channels x32 planted + rotated, seed 2 + weights rtn:3 + V int4 looks at no text"),
      "\(ran.error)")
    let none = self.ran("calibration", ["--recipe", path, "--transform", "rotate=none"])
    #expect(none.error.contains("weights rtn:4:64 + KV int8 + head 8 looks at no text"))
  }

  @Test func aFaultOfTheFileIsToldWithItsPlace() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("recipe.toml")
    try RecipeFile.write(try RecipeText.recipe("weights=rtn:4:64"), to: path)
    let ran = ran("evaluate", ["--recipe", folder.path("none.toml")])
    #expect(ran.code != 0 && ran.error.contains("expected a TOML file in UTF-8 that can be read"))
  }
}
