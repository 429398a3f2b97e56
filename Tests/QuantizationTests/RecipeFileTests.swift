import FoundationEssentials
import Quantization
import TestSupport
import Testing

@Suite struct RecipeFileTests {
  @Test func filesAreWrittenAndRead() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("recipe.toml")
    let recipe = try RecipeText.recipe(
      "plant=8:32 rotate=1 weights=gptq:4:128 weights.damping=0.05 kv=int8 head=8 layer=5.down=fp")
    try RecipeFile.write(recipe, to: path)
    #expect(try RecipeFile.read(path) == recipe)
  }

  @Test func aFileThatHoldsNoRecipeIsNotReplaced() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("recipe.toml")
    let (first, second) = (
      try RecipeText.recipe("weights=rtn:4:128"), try RecipeText.recipe("kv=int8")
    )
    try RecipeFile.write(first, overRecipesAlone: path)
    try RecipeFile.write(second, overRecipesAlone: path)
    #expect(try RecipeFile.read(path) == second)
    let notes = folder.path("notes.txt")
    try "Dear diary,".write(toFile: notes, atomically: true, encoding: .utf8)
    #expect(throws: RecipeFileError.self) {
      try RecipeFile.write(first, overRecipesAlone: notes)
    }
    #expect(try String(contentsOfFile: notes, encoding: .utf8) == "Dear diary,")
  }

  @Test func oneTableStandsForBothHalvesOfTheCache() throws {
    let recipe = try RecipeFile.recipe(
      """
      head = "4:128"
      layers = ["*.v=8"]

      [kv]
      method = "q8_0" # an alias
      group_size = 64
      """, path: "r.toml")
    #expect(recipe.keys == MethodChoice(method: "int8", options: ["group": .integer(64)]))
    #expect(recipe.values == recipe.keys)
    #expect(recipe.head == HeadChoice(bits: 4, group: 128))
  }

  /// Files with one fault each, and what is said of it.
  static let faults: [(text: String, words: String)] = [
    (
      "[turn]\nseed = 1\n",
      "r.toml, line 1: turn: expected one of weights, activations, kv, kv-key, kv-value, plant, rotate, "
        + "layers, head, found 'turn'"
    ),
    (
      "[weights]\nmethod = \"rtn\"\n\n[rotate]\nseed = \"left\"\n",
      "r.toml, line 5: rotate.seed: expected a whole number from 0 to 9223372036854775807, found 'left'"
    ),
    (
      "[plant]\nchannels = 8\nfactor = 3\n",
      "r.toml, line 1: plant: expected what CHANNELS:FACTOR[:SEED[:EVERY]] allows, found planting outliers: "
        + "expected a factor that is a power of two from 1 to 4096, found 3"
    ),
    (
      "[weights]\nmethod = \"rtn\"\nbits = \"four\"\n",
      "r.toml, line 3: weights.bits: expected one of 2, 3, 4, 8, found 'four'"
    ),
    (
      "[weights]\nmethod = \"rtn\"\nbits = 5\n",
      "r.toml, line 3: weights.bits: expected one of 2, 3, 4, 8, found 5"
    ),
    (
      "[weights]\nmethod = \"hqq\"\n# comment\nnorms = 0.5\n",
      "r.toml, line 4: weights.norms: expected an option of hqq, one of bits, group, rounds, norm, "
        + "found 'norms'"
    ),
    (
      "[weights]\nbits = 4\n",
      "r.toml, line 1: weights.method: expected one of rtn, gptq, awq, hqq, found none"
    ),
    (
      "[weights]\nmethod = \"int8\"\n",
      "r.toml, line 2: weights.method: expected one of rtn, gptq, awq, hqq, found 'int8'"
    ),
    (
      "[kv-key]\nmethod = 8\n",
      "r.toml, line 2: kv-key.method: expected one of int8, int4, fp8, kivi, turboquant, found 8"
    ),
    ("weights = 4\n", "r.toml, line 1: weights: expected a table [weights], found 4"),
    (
      "layers = \"5.down=fp\"\n",
      "r.toml, line 1: layers: expected a list of texts such as \"5.down=fp\", found '5.down=fp'"
    ),
    ("head = 4\n", "r.toml, line 1: head: expected a text such as \"4:128\", found 4"),
  ]

  @Test(arguments: faults) func faultsAreToldWithTheirPlace(_ fault: (text: String, words: String))
  {
    #expect {
      try RecipeFile.recipe(fault.text, path: "r.toml")
    } throws: { error in
      #expect("\(error)" == fault.words)
      return true
    }
  }

  @Test func linesOfListsAndSyntax() throws {
    func words(_ text: String) -> String {
      do {
        _ = try RecipeFile.recipe(text, path: "r.toml")
        return ""
      } catch {
        return "\(error)"
      }
    }
    let layer = words("head = \"8\"\nlayers = [\n  \"*.v=8\",\n  \"5.up=16\",\n]\n")
    #expect(layer.hasPrefix("r.toml, line 4: layers: expected BLOCK.PROJECTION=BITS"))
    #expect(layer.hasSuffix("found '5.up=16'"))
    #expect(words("[weights\nmethod = 1").hasPrefix("r.toml, line 1: expected TOML, found "))
    // The parser ends the program at these.
    for header in ["[.a]", "[[.a]]", "[=]", "[[[a]]]", "[", "[[ ", "[\u{e9}]", "[ # x"] {
      #expect(
        words("a = 1\n\(header)\n").hasPrefix("r.toml, line 2: expected TOML with a name"))
      // A byte order mark before it hides nothing.
      #expect(words("\u{FEFF}\(header)").hasPrefix("r.toml, line 1: expected TOML with a name"))
    }
    #expect(words("\u{FEFF}[weights]\nmethod = \"rtn\"\n") == "")
    #expect(
      throws: RecipeFileError.self, "a file that is not there",
      performing: { try RecipeFile.read("/nonexistent/recipe.toml") })
  }
}
