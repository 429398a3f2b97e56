import Models
import Quantization
import Testing

@Suite struct RecipeTextTests {
  @Test func bitsAndGroup() throws {
    let choice = try RecipeText.choice("rtn:3:64", target: .weights)
    #expect(choice.options == ["bits": .integer(3), "group": .integer(64)])
    #expect("\(choice)" == "rtn:3:64")
  }

  @Test func cacheMethodsAreFoundByWidth() throws {
    #expect(try RecipeText.choice("q8_0", target: .kvCache).method == "int8")
    #expect(try RecipeText.choice("int:4:64", target: .kvCache).options["group"] == .integer(64))
    let choice = try RecipeText.choice("int4:64", target: .kvCache)
    #expect("\(choice)" == "int4:64")
    #expect(throws: QuantizationError.self) {
      _ = try RecipeText.choice("int4:64:3", target: .kvCache)
    }
  }

  @Test func errorsNameWhatIsKnown() {
    #expect {
      _ = try RecipeText.choice("nosuch:4", target: .weights)
    } throws: { "\($0)".contains("rtn") && "\($0)".contains("nosuch") }
    #expect {
      _ = try RecipeText.choice("rtn:5", target: .weights)
    } throws: { "\($0)".contains("2, 3, 4, 8") }
    #expect(throws: QuantizationError.self) {
      _ = try RecipeText.choice("rtn:4:128:9", target: .weights)
    }
  }

  @Test func namesOfActivationMethods() throws {
    for (name, method) in [
      ("sq", "smoothquant"), ("w8a8-smoothquant", "smoothquant"), ("bnb", "llm.int8"),
      ("LLM-int8", "llm.int8"), ("FP8_DYNAMIC", "fp8"), ("w8a8-fp8", "fp8"), ("w8a8", "int8"),
    ] {
      #expect(try RecipeText.choice(name, target: .activations).method == method)
    }
  }

  @Test func strengthsOutsideOfTheirRangeAreRefusedInWords() throws {
    var recipe = Recipe(activations: MethodChoice(method: "smoothquant"))
    for bad in ["-0.1", "1.01", "nan", "much"] {
      #expect {
        try RecipeText.set("activations.alpha=\(bad)", in: &recipe)
      } throws: { "\($0)".contains("alpha") && "\($0)".contains("expected a number") }
    }
    try RecipeText.set("activations.alpha=1", in: &recipe)
    #expect(recipe.activations?.options["alpha"] == .decimal(1))
    var outliers = Recipe(activations: MethodChoice(method: "llm.int8"))
    try RecipeText.set("activations.threshold=0", in: &outliers)
    #expect(throws: QuantizationError.self) {
      try RecipeText.set("activations.threshold=-1", in: &outliers)
    }
  }

  @Test func schemesPeopleType() throws {
    #expect(RecipeText.scheme("W4A16")?.weights?.method == "rtn")
    #expect(RecipeText.scheme("w8a8")?.activations?.method == "int8")
    #expect(RecipeText.scheme("NVFP4") == nil)
    for (name, method) in [
      ("FP8_DYNAMIC", "fp8"), ("FP8", "fp8"), ("FP8_BLOCK", "fp8"), ("LLM.int8()", "llm.int8"),
      ("SmoothQuant", "smoothquant"),
    ] {
      let recipe = try #require(RecipeText.scheme(name))
      #expect(recipe.activations?.method == method && recipe.weights == nil)
      try recipe.validate()
    }
    #expect(RecipeText.scheme("fp8") == nil, "the method")
    // llm-compressor's preset of that name is static, the dynamic one is not.
    #expect(RecipeText.scheme("FP8")?.activations?.options["scaling"] == .choice("static"))
    #expect(RecipeText.scheme("FP8_DYNAMIC")?.activations?.options.isEmpty == true)
  }

  @Test func optionsAreSetByAliasToo() throws {
    var recipe = Recipe(weights: MethodChoice(method: "rtn"))
    try RecipeText.set("weights.q_group_size=32", in: &recipe)
    try RecipeText.set("weights.mse=true", in: &recipe)
    #expect(recipe.weights?.options == ["group": .integer(32), "mse": .flag(true)])
    #expect(throws: QuantizationError.self) {
      try RecipeText.set("weights.bits=five", in: &recipe)
    }
    #expect(throws: QuantizationError.self) { try RecipeText.set("kv.group=32", in: &recipe) }
  }

  @Test func validationRefusesUnknownOptions() {
    let recipe = Recipe(weights: MethodChoice(method: "rtn", options: ["nosuch": .flag(true)]))
    #expect(throws: QuantizationError.self) { try recipe.validate() }
  }

  /// One scale a row, or for all, has a word; the number is still read.
  @Test func groupsThatAreNoNumberHaveWords() throws {
    let choice = try RecipeText.choice("rtn:4:channel", target: .weights)
    #expect(choice.options["group"] == .integer(-1) && "\(choice)" == "rtn:4:channel")
    #expect(try RecipeText.choice("rtn:4:-1", target: .weights) == choice)
    #expect(try "\(RecipeText.choice("rtn:8:tensor", target: .weights))" == "rtn:8:tensor")
    var recipe = Recipe(weights: MethodChoice(method: "gptq"))
    try RecipeText.set("weights.group=channel", in: &recipe)
    #expect(recipe.weights?.options == ["group": .integer(-1)])
    #expect(RecipeText.text(of: recipe) == "weights=gptq weights.group=channel")
    #expect("\(recipe)" == "weights gptq group=channel", "gptq:channel would be read as bits")
    let file = RecipeFile.text(of: recipe)
    #expect(file.contains("group = \"channel\""))
    #expect(try RecipeFile.recipe(file, path: "f") == recipe)
    let number = file.replacing("\"channel\"", with: "-1")
    #expect(try RecipeFile.recipe(number, path: "f") == recipe)
    #expect(try HeadChoice("4:channel") == HeadChoice(bits: 4, group: -1))
    for (text, words) in [
      ("gptq:4:tensor", "expected one of channel, 32, 64, 128, 256, found 'tensor'"),
      ("rtn:channel", "found 'channel'"),
      ("rtn:4:row", "expected one of channel, tensor, 16, 32, 64, 128, 256, found 'row'"),
    ] {
      let error = #expect(throws: QuantizationError.self) {
        try RecipeText.choice(text, target: .weights)
      }
      #expect("\(error.map { "\($0)" } ?? "")".contains(words), "\(String(describing: error))")
    }
    #expect(throws: QuantizationError.self) {
      try RecipeText.choice("int8:channel", target: .kvCache)
    }
  }
}
