package import Checkpoints
import Platform

/// The known architecture that an unknown one is most like, and what differs: told in a refusal, never loaded as it.
struct NearestArchitecture {
  /// Its `model_type`.
  let name: String
  /// Roles of tensors that the file has and the architecture does not know, without the numbers of blocks.
  let unknown: [String]
  /// Those that it needs and the file does not have.
  let missing: [String]

  /// Compares the names of tensors where they are at hand, or else the names of the families.
  ///
  /// - Parameters:
  ///   - config: of a `model_type` that is not known.
  ///   - names: of the checkpoint's tensors; nil where they are not known.
  init?(_ config: ConfigFile, names: [String]? = nil) throws {
    let type = try config.text("model_type")
    var best: (found: NearestArchitecture, distance: Int, likeness: Int)?
    for candidate in Architectures.modelTypes {
      let found: NearestArchitecture
      var distance = 0
      if let names {
        // An architecture that cannot read the file's sizes is not near.
        guard let known = Self.roles(of: candidate, config) else { continue }
        let stored = Set(names.map(Self.role))
        found = NearestArchitecture(
          name: candidate, unknown: stored.subtracting(known).sorted(),
          missing: known.subtracting(stored).sorted())
        distance = found.unknown.count + found.missing.count
      } else {
        found = NearestArchitecture(name: candidate, unknown: [], missing: [])
      }
      let likeness = zip(type, candidate).prefix { $0 == $1 }.count
      if let best, (best.distance, -best.likeness) <= (distance, -likeness) { continue }
      best = (found, distance, likeness)
    }
    guard let best, names != nil || best.likeness >= 3 else { return nil }
    self = best.found
  }

  private init(name: String, unknown: [String], missing: [String]) {
    self.name = name
    self.unknown = unknown
    self.missing = missing
  }

  /// What a file of an architecture has by way of tensors, of sizes that `config` says; nil where it does not say them.
  private static func roles(of modelType: String, _ config: ConfigFile) -> Set<String>? {
    var root = config.root
    root.set("model_type", .string(modelType))
    guard
      let own = try? ConfigFile(path: config.path, text: Array(JSONValue.object(root).text().utf8)),
      let configuration = try? ModelConfiguration(own)
    else { return nil }
    let frame = configuration.architecture.frame(configuration)
    var names = [frame.embedding, frame.finalNorm.name]
    if frame.finalNorm.hasBias { names.append(frame.finalNorm.biasName) }
    if !configuration.tiedEmbeddings { names.append(frame.head) }
    if let positions = frame.positions { names.append(positions.name) }
    for index in 0..<configuration.blocks {
      let plan = configuration.block(index)
      for norm in plan.normPlaces.compactMap({ plan[$0] }) {
        names += norm.hasBias ? [norm.name, norm.biasName] : [norm.name]
      }
      if let sinks = plan.attention.sinks { names.append(sinks) }
      for linear in plan.linears {
        let (weight, bias) =
          if case .expert(let expert) = linear.storage {
            (expert.tensor, expert.tensor + "_bias")
          } else {
            (linear.storedName + ".weight", linear.storedName + ".bias")
          }
        names += linear.hasBias ? [weight, bias] : [weight]
      }
    }
    return Set(names.map(role))
  }

  /// A name without numbers: `model.layers.3.mlp.experts.0.w1.weight` becomes `mlp.experts.w1.weight`.
  private static func role(_ name: String) -> String {
    let parts = name.split(separator: ".")
    guard let block = parts.firstIndex(where: { Int($0) != nil }) else { return name }
    return parts[(block + 1)...].filter { Int($0) == nil }.joined(separator: ".")
  }

  /// After "found …".
  var words: String {
    func list(_ names: [String]) -> String {
      names.prefix(4).joined(separator: ", ")
        + (names.count > 4 ? " and \(names.count - 4) more" : "")
    }
    var parts: [String] = []
    if !unknown.isEmpty { parts.append("has no place for \(list(unknown))") }
    if !missing.isEmpty { parts.append("expects \(list(missing))") }
    let differs = parts.isEmpty ? "" : ", which " + parts.joined(separator: " and ")
    return "; the nearest known is \(name)\(differs)"
  }
}

extension ModelConfiguration {
  /// Reads the configuration of a checkpoint; of an architecture that is not known it is said which is nearest, and what
  /// differs between their tensors.
  ///
  /// - Throws: what `init(_:)` throws.
  package init(_ config: ConfigFile, of checkpoint: @autoclosure () throws -> Checkpoint) throws {
    do {
      try self.init(config)
    } catch ModelError.unknownArchitecture(let file, _, let known) {
      let names = try checkpoint().tensors.map(\.name)
      let type = try config.text("model_type")
      let nearest = try NearestArchitecture(config, names: names) ?? NearestArchitecture(config)
      throw ModelError.unknownArchitecture(
        file: file, found: "\"\(type.prefix(60))\"" + (nearest?.words ?? ""), known: known)
    }
  }
}
