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

  @Test func cacheMethods() throws {
    #expect(
      try stems("Sources/Quantization/KVCaches", except: ["KVCacheMethods"])
        == names(KVCacheMethods.all.map { $0 }))
  }

  @Test func architectures() throws {
    #expect(
      try stems("Sources/Models/Architectures") == names(Architectures.all.map { $0 }))
  }

  @Test func exportFormats() throws {
    #expect(
      try stems(
        "Sources/Checkpoints/Formats", except: ["ExportFormat", "CompressedTensorsReader"]
      ).filter { !$0.hasPrefix("GGUF") } == names(ExportFormats.all.map { $0 }))
  }

  /// `Jobs/<Name>/<Name>Job.swift`: what stands beside the folders, and `Shared`, is what all jobs lean on.
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

  @Test func screens() throws {
    #expect(try stems("Sources/Workbench/Screens") == names(Screens.all.map { $0 }))
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
