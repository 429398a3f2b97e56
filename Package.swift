// swift-tools-version: 6.2
import PackageDescription

// Layers, from C at the bottom to the program at the top. An import only ever points to a lower layer;
// `LayeringTests` checks it, since SwiftPM lets a target import what it reaches only transitively.
let package = Package(
  name: "nibble",
  products: [.executable(name: "nibble", targets: ["nibble"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
  ],
  targets: [
    // 0: C, and how numbers and text read.
    .target(
      name: "CKernels",
      cSettings: ["shared", "linear", "blocks", "attention", "kv", "elementwise", "calibration"].map
      {
        .headerSearchPath($0)
      }),
    .target(name: "CFaults"),
    .target(
      name: "CNcurses", dependencies: ["CFaults"],
      linkerSettings: [.linkedLibrary("ncursesw"), .linkedLibrary("tinfo")]),

    .target(name: "Wording"),

    // 1
    .target(name: "Platform", dependencies: ["Wording", "CFaults"]),
    .target(name: "TerminalUI", dependencies: ["Wording"]),

    // 2
    .target(name: "Tensors", dependencies: ["Platform"]),
    .target(name: "Tokenizers", dependencies: ["Platform"]),
    .target(name: "Serving", dependencies: ["Platform"]),
    .target(name: "CursesBackend", dependencies: ["TerminalUI", "CNcurses"]),

    // 3
    .target(name: "Operators", dependencies: ["Tensors", "CKernels"]),
    .target(name: "Checkpoints", dependencies: ["Tensors", "Tokenizers"]),

    // 4
    .target(name: "Models", dependencies: ["Operators", "Checkpoints", "Tokenizers"]),
    .target(
      name: "DemoModel", dependencies: ["Checkpoints"], exclude: ["Making"],
      resources: [.copy("tales-5M")]),

    // 5
    .target(
      name: "Quantization",
      dependencies: ["Models", .product(name: "TOMLKit", package: "TOMLKit")]),
    .target(name: "Evaluation", dependencies: ["Models"]),
    .target(name: "Profiling", dependencies: ["Models"]),
    .target(name: "Planning", dependencies: ["Models", "Serving"]),

    // 6
    .target(
      name: "Engine",
      dependencies: [
        "Quantization", "Evaluation", "Profiling", "Planning", "Serving", "DemoModel",
        .product(name: "TOMLKit", package: "TOMLKit"),
      ],
      resources: [.copy("Resources/Machines")]),

    // 7
    .target(
      name: "Workbench",
      dependencies: ["Engine", "TerminalUI", .product(name: "TOMLKit", package: "TOMLKit")],
      resources: [.copy("../../Themes"), .copy("../../Sessions")]),

    // 8
    .target(name: "Shell", dependencies: ["Workbench", "Engine"]),

    // 9
    .target(
      name: "CommandLineFace",
      dependencies: [
        "Shell", "Workbench", "Engine", "CursesBackend",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "TOMLKit", package: "TOMLKit"),
      ]),

    // 10
    .executableTarget(name: "nibble", dependencies: ["CommandLineFace"]),

    .target(
      name: "TestSupport", dependencies: ["Checkpoints"], path: "Tests/TestSupport"),
    .testTarget(name: "ArchitectureTests", dependencies: ["Engine", "Workbench"]),
    .testTarget(name: "CKernelsTests", dependencies: ["CKernels", "TestSupport"]),
    .testTarget(name: "PlatformTests", dependencies: ["Platform", "TestSupport"]),
    .testTarget(name: "TerminalUITests", dependencies: ["TerminalUI"]),
    .testTarget(name: "WordingTests", dependencies: ["Wording"]),
    .testTarget(name: "TensorsTests", dependencies: ["Tensors", "TestSupport"]),
    .testTarget(
      name: "TokenizersTests", dependencies: ["Tokenizers", "TestSupport"],
      exclude: ["Fixtures"]),
    .testTarget(name: "ServingTests", dependencies: ["Serving"]),
    .testTarget(name: "OperatorsTests", dependencies: ["Operators"]),
    .testTarget(name: "PlanningTests", dependencies: ["Planning", "Serving", "Engine"]),
    .testTarget(name: "EvaluationTests", dependencies: ["Evaluation"]),
    .testTarget(
      name: "CursesBackendTests", dependencies: ["CursesBackend", "CNcurses", "TerminalUI"]),
    .testTarget(
      name: "CheckpointsTests", dependencies: ["Checkpoints", "TestSupport"],
      exclude: ["Fixtures"]),
    .testTarget(
      name: "ModelsTests", dependencies: ["Models", "DemoModel", "TestSupport"],
      exclude: ["Fixtures"]),
    .testTarget(name: "QuantizationTests", dependencies: ["Quantization", "TestSupport"]),
    .testTarget(
      name: "EngineTests", dependencies: ["Engine", "TestSupport"],
      exclude: ["Fixtures", "Cases", "Quantized"]),
    .testTarget(
      name: "FuzzTests", dependencies: ["Workbench", "Engine"], path: "Tests/Fuzz",
      exclude: ["Corpus", "Harness", "fuzz", "make_corpus.py"]),
    .testTarget(
      name: "WorkbenchTests", dependencies: ["Workbench", "Serving", "Planning", "TestSupport"],
      exclude: ["Goldens"]),
    .testTarget(name: "ShellTests", dependencies: ["Shell", "TestSupport"]),
    .testTarget(name: "CommandLineFaceTests", dependencies: ["CommandLineFace", "TestSupport"]),
  ]
)

// Warnings are errors, in C as in Swift; what the packages it depends on say is theirs.
for target in package.targets where [.executable, .test, .regular].contains(target.type) {
  guard !["CKernels", "CNcurses", "CFaults"].contains(target.name) else {
    target.cSettings =
      (target.cSettings ?? []) + [
        .enableWarning("all"), .enableWarning("extra"), .treatAllWarnings(as: .error),
      ]
    continue
  }
  target.swiftSettings = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
  ]
}
