import Checkpoints
import Engine
import Models
import Operators
import Quantization
import Testing
import Workbench

/// Every file in a folder of extensions is in its list: a forgotten line fails here, by name.
@Suite struct RegistrationTests {
  /// The files of a folder by name; `Name+Part.swift` belongs to `Name`.
  private func stems(_ folder: String, except: Set<String> = []) throws -> Set<String> {
    Set(
      try SourceTree.files(folder, suffix: ".swift").map { path in
        let name = path.split(separator: "/").last?.dropLast(".swift".count) ?? ""
        return String(name.prefix { $0 != "+" })
      }
    ).subtracting(except)
  }

  private func names(_ types: [Any.Type]) -> Set<String> { Set(types.map { "\($0)" }) }

  @Test func methods() throws {
    #expect(
      try stems("Sources/Quantization/Methods") == names(QuantizationMethods.all.map { $0 }))
  }

  @Test func layouts() throws {
    let readers = try stems("Sources/Checkpoints/Layouts", except: ["QuantizedLayout"])
      .filter { $0.hasSuffix("Layout") || $0.hasSuffix("Reader") }
    #expect(readers == names(QuantizedLayouts.all.map { $0 }))
    let methods = QuantizedLayouts.all.flatMap { $0.methods }
    #expect(Set(methods).count == methods.count)
  }

  @Test func cacheMethods() throws {
    #expect(
      try stems("Sources/Quantization/KVCaches", except: ["KVCacheMethods"])
        == names(KVCacheMethods.all.map { $0 }))
  }

  @Test func transforms() throws {
    #expect(
      try stems("Sources/Quantization/Transforms") == names(ModelTransforms.all.map { $0 }))
    let places = ModelTransforms.names + Slot.knownKeys
    #expect(Set(places).count == places.count, "a name that is a slot's: \(places)")
    for transform in ModelTransforms.all.map({ $0.describes }) {
      #expect(throws: Never.self) {
        try RecipeText.recipe("\(transform.name)=\(transform.example)")
      }
    }
  }

  @Test func architectures() throws {
    #expect(
      try stems("Sources/Models/Architectures") == names(Architectures.all.map { $0 }))
  }

  @Test func exportFormats() throws {
    #expect(
      try stems(
        "Sources/Checkpoints/Formats", except: ["ExportFormat", "CompressedTensorsReader"]
      ) == names(ExportFormats.all.map { $0 }))
  }

  /// `Jobs/<Name>/<Name>Job.swift`: what stands next to the folders, and `Shared`, is what all jobs lean on.
  @Test func jobs() throws {
    let files = try SourceTree.files("Sources/Engine/Jobs", suffix: "Job.swift")
      .map { $0.split(separator: "/").suffix(2).joined(separator: "/") }
    let expected = Jobs.all.map { "\("\($0)".dropLast(3))/\($0).swift" }
    #expect(Set(files.filter { $0 != "Jobs/Job.swift" }) == Set(expected))
    let folders = try SourceTree.files("Sources/Engine/Jobs", suffix: ".swift")
      .map { $0.split(separator: "/")[3] }.filter { !$0.hasSuffix(".swift") && $0 != "Shared" }
    #expect(Set(folders.map(String.init)) == Set(Jobs.all.map { String("\($0)".dropLast(3)) }))
    #expect(Set(Jobs.all.map { $0.name }).count == Jobs.all.count)
  }

  /// A folder a screen, with the screen in the file of its name.
  @Test func screens() throws {
    let files = try SourceTree.files("Sources/Workbench/Screens", suffix: ".swift")
    let rooms = Set(files.map { $0.split(separator: "/")[3] })
    #expect(Set(rooms.map { "\($0)Screen" }) == names(Screens.all.map { $0 }))
    for room in rooms {
      #expect(files.contains("Sources/Workbench/Screens/\(room)/\(room)Screen.swift"))
    }
  }

  /// What somebody said is never rounded: a new type of options that is not named there fails here.
  @Test func optionsAreSaidExactly() throws {
    let exact = try SourceTree.lines("Sources/Workbench/Sessions/SaidExactly.swift").joined()
    var found: Set<String> = []
    for target in ["Engine", "Evaluation", "Profiling", "Planning", "Quantization"] {
      for file in try SourceTree.files("Sources/\(target)", suffix: ".swift") {
        for line in try SourceTree.lines(file) where line.contains("Codable") {
          guard let name = line.firstMatch(of: #/struct (\w+Options)\b/#)?.output.1 else {
            continue
          }
          found.insert(String(name))
        }
      }
    }
    #expect(found.count >= 5)
    for name in found {
      #expect(exact.contains("extension \(name): SaidExactly"), "\(name) would be rounded")
    }
  }

  @Test func kernelsHaveTheGenericProvider() {
    for kernel in LinearKernel.all {
      #expect(kernel.providers.contains(.generic), "\(kernel.name)")
    }
    #expect(Set(LinearKernel.all.map(\.name)).count == LinearKernel.all.count)
  }

  @Test func namesAndAliasesAreUnique() {
    for target in QuantizationTarget.allCases {
      let names = QuantizationMethods.descriptions(for: target).flatMap { [$0.name] + $0.aliases }
      #expect(Set(names).count == names.count, "\(target.rawValue): \(names)")
    }
  }

  /// A method that says nothing of itself does not compile; one that says too little fails here, by name.
  @Test func everyMethodSaysWhereItStands() {
    for method in QuantizationMethods.all {
      let name = method.describes.name
      let claims = method.traits.claims
      #expect(method.describes.target != .kvCache, "\(name)")
      #expect(claims.last?.when == [], "\(name): the last claim must hold always")
      #expect(!claims.dropLast().contains { $0.when.isEmpty }, "\(name): a claim is never reached")
      for claim in claims {
        #expect(!claim.why.pieces.isEmpty && !claim.wouldChange.pieces.isEmpty, "\(name)")
        if method.describes.target == .weights {
          #expect(claim.form.isAboutBits, "\(name): a form for weights is about its bits")
        } else {
          #expect(claim.form.activations != nil, "\(name): a form says what it makes of inputs")
        }
      }
    }
    for method in KVCacheMethods.all {
      let (name, traits) = (method.describes.name, method.traits)
      let bits = traits.forms.map { $0.bits(headDimension: 128) }
      #expect(!bits.isEmpty && bits == bits.sorted(by: >), "\(name): forms, widest first")
      #expect(!traits.strength.isEmpty, "\(name)")
    }
  }

  /// Every key that a method reads is among those it describes, or making it stops here.
  @Test func everyMethodIsMadeFromItsDefaults() throws {
    for method in QuantizationMethods.all {
      let made = try QuantizationMethods.make(
        MethodChoice(method: method.describes.name), target: method.describes.target)
      #expect(type(of: made) == method)
    }
    for method in KVCacheMethods.all {
      let made = try KVCacheMethods.make(MethodChoice(method: method.describes.name))
      #expect(type(of: made) == method)
    }
  }

  @Test func everyOptionHasAValidDefault() throws {
    for description in QuantizationMethods.descriptions {
      for option in description.options {
        #expect(throws: Never.self) {
          try option.check(option.standard, method: description.name)
        }
      }
    }
  }
}
