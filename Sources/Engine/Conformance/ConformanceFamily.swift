/// A kind of reference cases that one piece of this build answers.
///
/// To add one: a file in `Families/`, a line in `ConformanceFamilies.all`.
package protocol ConformanceFamily: Sendable {
  /// Whether the case is of this kind.
  static func claims(_ item: ConformanceCase) -> Bool

  /// Computes the outputs of the case from its inputs and checks each.
  ///
  /// Settings come from the manifest and the names of the outputs, never from what is expected.
  static func run(_ run: inout ConformanceRun) throws
}

/// Every kind of reference cases this build answers.
package enum ConformanceFamilies {
  package static let all: [any ConformanceFamily.Type] = [
    RoundToNearestConformance.self,
    GPTQConformance.self,
    AWQConformance.self,
    HQQConformance.self,
    SmoothQuantConformance.self,
    LLMInt8Conformance.self,
    Int8Conformance.self,
    FP8Conformance.self,
    FP8CastConformance.self,
    KVRowConformance.self,
    KIVIConformance.self,
    TurboQuantConformance.self,
    GGMLBlockConformance.self,
    PackQuantizedConformance.self,
    GPTQCheckpointConformance.self,
    AWQCheckpointConformance.self,
    Float4Conformance.self,
    ONNXConformance.self,
    TurboQuantCodebookConformance.self,
    RotationConformance.self,
  ]
}
