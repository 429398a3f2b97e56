import Checkpoints
import FoundationEssentials
import Models
import Operators
import Platform
import Tensors

/// A folder that keeps an unfinished quantization: the finished blocks, and the activations between two blocks.
///
/// After every block its weights and the live activations are written under new names, and then `state.json`, which
/// names them, takes the place of the one before: a run that ends at any moment leaves the state before or after a
/// block. A run that goes on from it computes the same bits as one that was never interrupted. Weights that were
/// written are used from the mapped file, so that finished blocks cost no memory.
package final class QuantizationCheckpoint {
  /// What a run depends on; a run of anything else is not gone on from.
  package struct Identity: Hashable, Sendable, Codable {
    package struct Fact: Hashable, Sendable, Codable {
      package var name: String
      package var value: String

      package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
      }
    }

    package var facts: [Fact]

    package init(_ facts: [Fact]) { self.facts = facts }

    /// What differs, in words.
    func differences(from other: Identity) -> [String] {
      let known = Dictionary(facts.map { ($0.name, $0.value) }) { first, _ in first }
      let found = Dictionary(other.facts.map { ($0.name, $0.value) }) { first, _ in first }
      return Set(known.keys).union(found.keys).sorted().compactMap { name in
        guard known[name] != found[name] else { return nil }
        return "\(name): this run has \(known[name] ?? "none"), that one \(found[name] ?? "none")"
      }
    }
  }

  /// What `state.json` holds.
  private struct State: Codable {
    var version: Int
    var identity: Identity
    /// Blocks in the model.
    var blocks: Int
    /// Finished ones, in order.
    var done: [BlockFile.Note]
    /// The file of the activations after them.
    var stream: String
    var streamChecksum: String
    /// Of this state without it.
    var checksum: String?

    /// The text of the state, keys sorted.
    func encoded() throws -> [UInt8] {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys]
      encoder.nonConformingFloatEncodingStrategy = .convertToString(
        positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
      return [UInt8](try encoder.encode(self))
    }

    /// The state with its checksum.
    func summed() throws -> State {
      var state = self
      state.checksum = nil
      state.checksum = "\(Checksum(try state.encoded()))"
      return state
    }
  }

  /// The layout of the files; a folder with another is not read.
  private static let version = 2

  package let folder: String
  private let identity: Identity
  private let lock: FolderLock
  private var done: [BlockFile.Note] = []

  /// The file that says whose the folder is, made with it: only what carries it is ever removed.
  static let mark = "unfinished-run-of-nibble"

  /// Whether something is at the path that no run has made: a folder of somebody else, or a file.
  package static func isForeign(_ folder: String) -> Bool {
    let files = FileManager.default
    guard files.fileExists(atPath: folder) else {
      // A link that leads nowhere is not followed.
      return (try? files.destinationOfSymbolicLink(atPath: folder)) != nil
    }
    if files.fileExists(atPath: folder + "/" + mark) { return false }
    // Earlier versions left no mark, but their state, or a lock alone.
    if let data = files.contents(atPath: folder + "/state.json") {
      return (try? JSONDecoder().decode(Owner.self, from: data)) == nil
    }
    // A run that is killed between making the folder and marking it leaves it with less: nothing, the lock, half of the mark.
    guard let names = try? files.contentsOfDirectory(atPath: folder) else { return true }
    return !names.allSatisfy {
      $0 == "lock" || $0.hasPrefix(".\(mark).") && $0.hasSuffix(".tmp")
    }
  }

  /// What the state of every version says.
  private struct Owner: Decodable {
    var version: Int
    var identity: Identity
    var blocks: Int
  }

  /// Opens or makes the folder.
  ///
  /// - Throws: `QuantizationError.checkpointForeign` for a folder that no run has made, `.checkpointBusy` while another run
  ///   is at work in it; `PlatformError` when it cannot be made or locked.
  package init(folder: String, identity: Identity) throws {
    self.folder = folder
    self.identity = identity
    guard !Self.isForeign(folder) else {
      throw QuantizationError.checkpointForeign(folder: folder)
    }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    guard let lock = try FolderLock(folder: folder) else {
      throw QuantizationError.checkpointBusy(folder: folder)
    }
    self.lock = lock
    try WholeFile.write(
      "This folder keeps an unfinished run of nibble quantize; it is removed when the run is done.\n",
      to: folder + "/" + Self.mark)
  }

  /// How far the run kept in a folder has come; nil when there is none, or what is wrong with it is for `restore` to tell.
  package static func progress(in folder: String) -> (done: Int, of: Int)? {
    guard let state = try? readState(folder) else { return nil }
    return (state.done.count, state.blocks)
  }

  /// What was kept of an earlier run; nil when nothing was.
  ///
  /// - Throws: `QuantizationError.checkpointOfAnother` with what differs, `.checkpointDamaged`.
  func restore(
    _ model: Model, calibration: [[Int32]]
  ) throws -> (blocks: [QuantizedBlock], streams: Quantizer.Streams)? {
    guard let state = try Self.readState(folder) else { return nil }
    let differences = identity.differences(from: state.identity)
    guard differences.isEmpty else {
      throw QuantizationError.checkpointOfAnother(folder: folder, differences: differences)
    }
    guard state.blocks == model.blocks.count, state.done.count <= state.blocks else {
      throw QuantizationError.checkpointDamaged(
        folder: folder,
        reason:
          "expected \(model.blocks.count) blocks, found \(state.done.count) of \(state.blocks)")
    }
    do {
      var blocks: [QuantizedBlock] = []
      for (index, note) in state.done.enumerated() {
        guard note.index == index, note.file == Self.name("block", index) else {
          throw QuantizationError.checkpointDamaged(
            folder: folder,
            reason: "state.json: expected block \(index), found block \(note.index) in \(note.file)"
          )
        }
        blocks.append(try BlockFile(folder: folder, note: note).read(over: model.block(index)))
      }
      let stream = StreamFile(path: folder + "/" + state.stream)
      let streams = try stream.read(
        checksum: state.streamChecksum,
        lengths: calibration.map(\.count), width: model.configuration.hiddenSize)
      done = state.done
      return (blocks, streams)
    } catch let error as QuantizationError {
      throw error
    } catch {
      throw QuantizationError.checkpointDamaged(folder: folder, reason: ErrorWords.of(error))
    }
  }

  /// Writes a finished block and the activations after it; yields the block with its weights mapped.
  ///
  /// - Throws: `CheckpointError` and `PlatformError`, such as for a full disk; what was kept before stays as it was.
  func keep(
    _ made: QuantizedBlock, index: Int, of model: Model, streams: Quantizer.Streams
  ) throws -> QuantizedBlock {
    let file = try BlockFile.write(
      made, index: index, over: model.block(index), folder: folder,
      name: Self.name("block", index))
    let stream = Self.name("stream", index)
    let checksum = try StreamFile(path: folder + "/" + stream).write(streams)
    try write(
      State(
        version: Self.version, identity: identity, blocks: model.blocks.count,
        done: done + [file.note], stream: stream, streamChecksum: checksum))
    done.append(file.note)
    if index > 0 {
      // One that stays takes room and goes with the folder.
      try? FileManager.default.removeItem(atPath: path(Self.name("stream", index - 1)))
    }
    return try file.read(over: model.block(index))
  }

  /// Removes the folder; what is mapped from it stays readable.
  package func remove() throws { try Self.remove(folder) }

  /// Removes what a run has put into its folder, and the folder if nothing else is in it.
  ///
  /// - Throws: what removing a file throws.
  package static func remove(_ folder: String) throws {
    guard !isForeign(folder) else { return }
    let files = FileManager.default
    let names = try files.contentsOfDirectory(atPath: folder)
    let own = names.filter { name in
      let isNumbered = ["block-", "stream-"].contains { name.hasPrefix($0) }
      return isNumbered && name.hasSuffix(".safetensors") || ["state.json", "lock"].contains(name)
        || name.hasPrefix(".") && name.hasSuffix(".tmp")
    }
    for name in own { try files.removeItem(atPath: folder + "/" + name) }
    // The mark last, so that a removal that ends early can be taken up.
    if names.contains(mark) { try files.removeItem(atPath: folder + "/" + mark) }
    if OutputPlace.isEmpty(folder) { try files.removeItem(atPath: folder) }
  }

  private func path(_ name: String) -> String { folder + "/" + name }

  private static func name(_ stem: String, _ index: Int) -> String {
    let digits = "\(index)"
    let padding = String(repeating: "0", count: max(0, 4 - digits.count))
    return "\(stem)-\(padding)\(digits).safetensors"
  }

  private func write(_ state: State) throws {
    try WholeFile.write(try state.summed().encoded(), to: path("state.json"))
  }

  private static func readState(_ folder: String) throws -> State? {
    guard let data = FileManager.default.contents(atPath: folder + "/state.json") else {
      return nil
    }
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    do {
      let found = try decoder.decode(Owner.self, from: data).version
      guard found == version else {
        throw QuantizationError.checkpointDamaged(
          folder: folder, reason: "expected version \(version), found \(found)")
      }
      let state = try decoder.decode(State.self, from: data)
      guard try state.summed().checksum == state.checksum else {
        throw QuantizationError.checkpointDamaged(
          folder: folder,
          reason: "state.json: expected the checksum of what it says, found "
            + (state.checksum ?? "none"))
      }
      return state
    } catch let error as QuantizationError {
      throw error
    } catch {
      throw QuantizationError.checkpointDamaged(
        folder: folder, reason: "state.json: \(ErrorWords.of(error))")
    }
  }
}
