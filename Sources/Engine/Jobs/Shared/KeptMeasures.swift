import FoundationEssentials
import Platform
import Quantization
import Synchronization

/// What a long job has measured so far, on disk, so that a run that ends early gives what it has and can be resumed.
///
/// A file of lines in the data folder, named after the job and a hash of all its figures depend on. The first line says
/// what those are; each other holds one measurement under its name with a checksum, so that a damaged line costs that
/// measurement and no more. The file goes when the job has finished.
final class KeptMeasures: Sendable {
  private struct Header: Codable {
    var version: Int
    var identity: QuantizationCheckpoint.Identity
  }

  private struct Line: Codable {
    var name: String
    /// Of `value`.
    var sum: String
    /// The measurement as JSON.
    var value: String
  }

  private struct State {
    /// What a run before this one kept, as JSON, by name.
    var known: [String: String] = [:]
    /// Names in the order the job means to measure them.
    var planned: [String] = []
    var log: GrowingLog?
    /// Measured by this run or one before it.
    var done: Set<String> = []
  }

  /// The layout of the file; one with another is not read.
  private static let version = 1

  /// nil where there is no folder to keep anything in.
  let path: String?
  private let state = Mutex(State())
  private let tell: @Sendable (String) -> Void

  /// Opens the file of a job, or begins it.
  ///
  /// - Parameters:
  ///   - facts: all that the figures depend on; a run with others has another file.
  ///   - tell: is told what is not as it should be; nothing of it ends the job.
  /// - Throws: `EngineError.nothingToResume` when a run is required and none is there.
  init(
    job: String, facts: [QuantizationCheckpoint.Identity.Fact], folder: String?,
    resuming: Resuming, tell: @escaping @Sendable (String) -> Void
  ) throws {
    let identity = QuantizationCheckpoint.Identity(facts)
    path = folder.map { "\($0)/unfinished/\(job)-\(identity.digest).jsonl" }
    self.tell = tell
    guard let path else {
      if resuming == .required { throw EngineError.nothingToResume(path: "the data folder") }
      return
    }
    let isThere = FileManager.default.fileExists(atPath: path)
    if resuming == .required, !isThere { throw EngineError.nothingToResume(path: path) }
    do {
      try FileManager.default.createDirectory(
        atPath: "\(folder ?? "")/unfinished", withIntermediateDirectories: true)
      let log = try GrowingLog(path: path)
      if try resuming == .never || !read(path, identity) {
        try log.clear()
        try log.append([UInt8](try Self.encode(Header(version: Self.version, identity: identity))))
      }
      state.withLock { $0.log = log }
    } catch let error as EngineError {
      throw error
    } catch {
      tell("What is measured cannot be kept: \(ErrorWords.of(error)).")
    }
  }

  /// What the job means to measure, in order, so that what is left can be said.
  func plan(_ names: [String]) { state.withLock { $0.planned = names } }

  /// Whether this was measured already, by a run before this one.
  func has(_ name: String) -> Bool { state.withLock { $0.known[name] != nil } }

  /// What was kept under a name, or else what `measure` yields, which is kept from now on.
  func measured<Value: Codable>(_ name: String, _ measure: () throws -> Value) throws -> Value {
    if let text = state.withLock({ $0.known[name] }) {
      if let value = try? Self.decode(Value.self, Data(text.utf8)) {
        state.withLock { _ = $0.done.insert(name) }
        return value
      }
      tell("\(path ?? ""): '\(name)' is kept there as something else; it is measured again.")
    }
    let value = try measure()
    state.withLock { _ = $0.done.insert(name) }
    guard let log = state.withLock({ $0.log }) else { return value }
    do {
      let text = String(decoding: try Self.encode(value), as: UTF8.self)
      let line = Line(name: name, sum: Self.hash(text.utf8), value: text)
      try log.append([UInt8](try Self.encode(line)))
    } catch {
      // Told once: a disk that is full stays full.
      state.withLock { $0.log = nil }
      tell("What is measured from here on cannot be kept: \(ErrorWords.of(error)).")
    }
    return value
  }

  /// Takes in what a run before this one kept; false where there is nothing of use.
  private func read(_ path: String, _ identity: QuantizationCheckpoint.Identity) throws -> Bool {
    let file = try MappedFile(path: path)
    var lines = try file.read(at: 0, count: file.byteCount).split(separator: UInt8(ascii: "\n"))[
      ...]
    guard let first = lines.popFirst() else { return false }
    guard let header = try? Self.decode(Header.self, Data(first)),
      header.version == Self.version, header.identity == identity
    else {
      tell("\(path) is of another run or version; everything is measured again.")
      return false
    }
    var known: [String: String] = [:]
    for (number, line) in lines.enumerated() {
      guard let found = try? Self.decode(Line.self, Data(line)),
        Self.hash(found.value.utf8) == found.sum
      else {
        tell("\(path), line \(number + 2), is damaged; what it held is measured again.")
        continue
      }
      known[found.name] = found.value
    }
    state.withLock { $0.known = known }
    return true
  }

  /// Does the job's work; the file goes when it is done, and stays, with a word on it, when it is not.
  ///
  /// - Parameter keeping: how many files of finished runs of this job stay, the newest: another run then begins where the
  ///   last ended.
  func during<Report>(keeping most: Int = 0, _ work: () throws -> Report) throws -> Report {
    do {
      let report = try work()
      if let path, state.withLock({ $0.log }) != nil {
        state.withLock { $0.log = nil }
        if most == 0 {
          do { try FileManager.default.removeItem(atPath: path) } catch {
            tell("\(path) is done with and cannot be removed: \(ErrorWords.of(error)).")
          }
        } else {
          forget(allBut: most, path)
        }
      }
      return report
    } catch {
      if let words { tell(words) }
      throw error
    }
  }

  /// Drops the oldest files of this job, as far as they can be removed: what stays is looked at after the next run.
  private func forget(allBut most: Int, _ path: String) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    let folder = parts.dropLast().joined(separator: "/")
    let stem = (parts.last?.prefix { $0 != "-" }).map { $0 + "-" } ?? ""
    let files = FileManager.default
    let dated = ((try? FolderListing.names(in: folder)) ?? []).filter { $0.hasPrefix(stem) }.map {
      name -> (String, Double) in
      let changed = (try? files.attributesOfItem(atPath: folder + "/" + name))?[.modificationDate]
      return (folder + "/" + name, (changed as? Date)?.timeIntervalSince1970 ?? 0)
    }
    for (old, _) in dated.sorted(by: { $0.1 > $1.1 }).dropFirst(most) where old != path {
      try? files.removeItem(atPath: old)
    }
  }

  /// What is done, what is left, and how to go on; nil before the first measurement.
  private var words: String? {
    let (done, planned, isKept) = state.withLock { ($0.done, $0.planned, $0.log != nil) }
    guard !done.isEmpty else { return nil }
    let left = planned.filter { !done.contains($0) }
    var text = "Done: \(planned.count - left.count) of \(planned.count)"
    if !left.isEmpty {
      text += ", still to do: \(left.prefix(Self.named).joined(separator: ", "))"
      if left.count > Self.named { text += " and \(left.count - Self.named) more" }
    }
    guard isKept, let path else { return text + "." }
    return text
      + ". It is kept in \(path); a run with the same settings that resumes goes on from there."
  }

  /// Measurements that are named of those still to do.
  private static let named = 6

  // Numbers come back as they were: the shortest decimal that reads as the same.
  private static func encode(_ value: some Encodable) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try encoder.encode(value)
  }

  private static func decode<Value: Decodable>(_ type: Value.Type, _ data: Data) throws -> Value {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try decoder.decode(type, from: data)
  }

  private static func hash(_ bytes: some Sequence<UInt8>) -> String {
    QuantizationCheckpoint.Identity.hash(bytes)
  }
}

extension JobReporter {
  /// What this job keeps of its measurements.
  ///
  /// - Parameters:
  ///   - options: the job's, all of which its figures depend on.
  ///   - texts: by what they are for, as the windows that were cut from them.
  /// - Throws: `EngineError.nothingToResume`.
  func kept(
    of held: Laboratory.OpenModel, in laboratory: Laboratory, options: some Encodable,
    texts: KeyValuePairs<String, [[Int32]]>
  ) throws -> KeptMeasures {
    let facts =
      try RunIdentity.facts(of: held, in: laboratory) + [RunIdentity.options(options)]
      + texts.map { RunIdentity.text($0.key, $0.value) }
    return try KeptMeasures(
      job: job, facts: facts, folder: laboratory.locator.dataFolder, resuming: resuming,
      tell: { [id, emit] in emit(.log(id: id, text: $0)) })
  }
}

/// Whether a job that measures for long uses what an earlier run of the same kept.
package enum Resuming: Hashable, Sendable {
  /// An earlier run is forgotten.
  case never
  /// It is used where there is one.
  case whenKept
  /// It must be there.
  case required
}
