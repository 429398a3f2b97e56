import Evaluation
import FoundationEssentials
import Models
import Operators
import Platform
import Quantization

/// What the baseline said of the windows of a text, on disk, so that a second recipe on the same text need not ask it again.
///
/// A file in the cache folder, named after a hash of all it depends on: its first line says what that is, and what follows is,
/// for each window, a checksum and what the last norm left, `[positions, hidden]` in float32. It appears whole or not at all,
/// so that two programs may write it at once; one that is of something else or damaged is told, and made again. The noise
/// floor of the same text lies next to it.
final class KeptBaseline: BaselineEnds {
  private struct Header: Hashable, Codable {
    var version: Int
    var identity: QuantizationCheckpoint.Identity
    var windows: Int
    var positions: Int
    var width: Int
  }

  private struct Noise: Codable {
    var identity: QuantizationCheckpoint.Identity
    var klMean: Double
  }

  /// The layout of the file; one with another is not read.
  private static let version = 1
  /// Bytes of one file at most, and of all of them; the oldest go first.
  private static let mostOfOne = 1 << 30
  private static let mostOfAll = 2 << 30
  private static let checksumBytes = 16

  private let header: Header
  private let path: String
  private let tell: (String) -> Void
  /// The head of the file: a line.
  private let line: [UInt8]
  private var source: MappedFile?
  private var writer: WholeFileWriter?
  private var written: Set<Int> = []

  /// Opens what is kept, or prepares to keep it; nil where there is no folder, where too much would be kept, and where asking
  /// the baseline again costs next to nothing.
  ///
  /// - Parameters:
  ///   - subject: the baseline.
  ///   - tell: is told what is not as it should be; nothing of it ends the job.
  init?(
    of held: Laboratory.OpenModel, _ subject: EvaluationSubject, _ text: TextWindows,
    in laboratory: Laboratory, tell: @escaping (String) -> Void
  ) throws {
    guard let folder = laboratory.locator.cacheFolder else { return nil }
    let facts =
      try RunIdentity.baseline(of: held, in: laboratory) + [
        .init("baseline", "\(subject.name), cache \(subject.cache)"),
        RunIdentity.text("text", text.windows), .init("scored from", "\(text.firstScored)"),
      ]
    header = Header(
      version: Self.version, identity: .init(facts), windows: text.windows.count,
      positions: max(0, text.length - text.firstScored),
      width: subject.model.configuration.hiddenSize)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    line = [UInt8](try encoder.encode(header)) + [UInt8(ascii: "\n")]
    path = "\(folder)/baselines/\(header.identity.digest).ends"
    self.tell = tell
    let tokens = Double(text.windows.count * text.length)
    guard header.positions > 0, byteCount <= Self.mostOfOne,
      Double(held.summary.shape.parameters) * tokens >= laboratory.leastKeptWork
    else { return nil }
    open()
  }

  /// Whether every window is there.
  var isWhole: Bool { source != nil }

  private var recordBytes: Int { Self.checksumBytes + header.positions * header.width * 4 }
  private var byteCount: Int { line.count + header.windows * recordBytes }

  private func open() {
    let files = FileManager.default
    if files.fileExists(atPath: path) {
      do {
        let file = try MappedFile(path: path)
        if file.byteCount == byteCount, try file.read(at: 0, count: line.count) == line {
          source = file
          return
        }
        tell("\(path) is damaged or of another program; the baseline runs again.")
      } catch {
        tell("\(path) cannot be read: \(ErrorWords.of(error)); the baseline runs again.")
      }
    }
    begin()
  }

  private func begin() {
    do {
      let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        .joined(separator: "/")
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      makeRoom(in: folder)
      writer = try WholeFileWriter(path: path)
      try writer?.write(line, at: 0)
    } catch {
      stop(error)
    }
  }

  /// Nothing more is kept; told once.
  private func stop(_ error: any Error) {
    writer?.abandon()
    writer = nil
    tell("What the baseline says cannot be kept: \(ErrorWords.of(error)).")
  }

  /// Drops the oldest files until this one fits, as far as they can be removed; a disk that is full is told by who writes.
  private func makeRoom(in folder: String) {
    let files = FileManager.default
    let dated = ((try? FolderListing.names(in: folder)) ?? []).compactMap {
      name -> (path: String, bytes: Int, changed: Double)? in
      let path = folder + "/" + name
      guard let bytes = (try? MappedFile(path: path))?.byteCount else { return nil }
      let changed = (try? files.attributesOfItem(atPath: path))?[.modificationDate] as? Date
      return (path, bytes, changed?.timeIntervalSince1970 ?? 0)
    }
    var total = dated.reduce(byteCount) { $0 + $1.bytes }
    for old in dated.sorted(by: { $0.changed < $1.changed }) where total > Self.mostOfAll {
      try? files.removeItem(atPath: old.path)
      total -= old.bytes
    }
  }

  func ends(window: Int) -> HiddenStates? {
    guard let source, window < header.windows else { return nil }
    do {
      let offset = line.count + window * recordBytes
      let sum = try source.read(at: offset, count: Self.checksumBytes)
      let bytes = try source.read(
        at: offset + Self.checksumBytes, count: recordBytes - Self.checksumBytes)
      guard sum == Array("\(Checksum(bytes))".utf8) else {
        tell("\(path), window \(window), is damaged; the baseline runs again.")
        forget()
        return nil
      }
      let states = try HiddenStates(tokens: header.positions, width: header.width)
      bytes.withUnsafeBytes { from in
        guard let base = from.baseAddress else { return }
        UnsafeMutableRawPointer(states.pointer).copyMemory(from: base, byteCount: from.count)
      }
      return states
    } catch {
      tell("\(path) cannot be read: \(ErrorWords.of(error)); the baseline runs again.")
      forget()
      return nil
    }
  }

  /// The file goes: the next run makes it again, or finds it damaged once more.
  private func forget() {
    source = nil
    try? FileManager.default.removeItem(atPath: path)
  }

  func keep(_ ends: HiddenStates, window: Int) {
    guard let writer, window < header.windows, ends.tokens == header.positions else { return }
    let bytes = UnsafeRawBufferPointer(start: ends.pointer, count: ends.tokens * ends.width * 4)
    let offset = line.count + window * recordBytes
    do {
      try writer.write(Array("\(Checksum(bytes))".utf8), at: offset)
      try writer.write(bytes, at: offset + Self.checksumBytes)
      written.insert(window)
    } catch {
      stop(error)
    }
  }

  /// Puts the file in its place, if every window was kept.
  func commit() {
    guard let writer, written.count == header.windows else { return }
    do {
      try writer.commit()
      self.writer = nil
    } catch {
      stop(error)
    }
  }

  /// KL of BF16 to float32 on the first windows, kept next to the file.
  var noiseFloor: Double? {
    get {
      guard let data = FileManager.default.contents(atPath: noisePath),
        let noise = try? JSONDecoder().decode(Noise.self, from: data),
        noise.identity == header.identity, noise.klMean.isFinite
      else { return nil }
      return noise.klMean
    }
    set {
      guard let newValue, newValue.isFinite else { return }
      do {
        let noise = Noise(identity: header.identity, klMean: newValue)
        try WholeFile.write([UInt8](try JSONEncoder().encode(noise)), to: noisePath)
      } catch {
        tell("The noise floor cannot be kept: \(ErrorWords.of(error)).")
      }
    }
  }

  private var noisePath: String { path.dropLast(4) + "noise" }
}
