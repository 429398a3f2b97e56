import CNcurses
package import TerminalUI

/// The user's terminal, by ncurses: taken over by `init`, given back when the value goes away,
/// whatever the reason.
///
/// There is one at a time and only the main actor draws. Crashes, signals and suspension are
/// handled below, in `CNcurses`.
@MainActor package struct Terminal: ~Copyable {
  package private(set) var size: Size
  package let depth: ColorDepth
  package let glyphs: GlyphSet
  package let waker = Waker { nc_wake() }

  private var palette: TerminalPalette
  /// What the terminal shows now; nil when everything has to be drawn.
  private var front: CellBuffer?
  private var frontCaret: Point?
  private var decoder = EventDecoder()
  private var isGone = false

  /// Takes the terminal over.
  ///
  /// - Throws: `TerminalError` when there is none or it cannot be used; the caller then prints
  ///   plain text.
  package init(options: TerminalOptions = .init(), environment: TerminalEnvironment = .current)
    throws
  {
    guard let term = environment.term, !term.isEmpty else { throw TerminalError.noTerm }
    var status = NC_UNKNOWN_TERM.rawValue
    var hasTrueColor = false
    // The overlay is made only when 24-bit colours are wanted; without it everything else works.
    if ColorDecision(options: options, environment: environment).wantsTrueColor,
      let overlay = TerminfoOverlay(term: term, environment: environment)
    {
      status = overlay.whileFindable {
        UInt32(truncatingIfNeeded: nc_open(overlay.entry, options.usesMouse ? 1 : 0))
      }
      hasTrueColor = status == NC_OK.rawValue
    }
    if status == NC_UNKNOWN_TERM.rawValue {
      status = UInt32(truncatingIfNeeded: nc_open(term, options.usesMouse ? 1 : 0))
    }
    if let error = TerminalError(status: status, term: term) { throw error }
    depth = ColorDecision(options: options, environment: environment)
      .depth(terminfoColors: Int(nc_colors()), hasTrueColor: hasTrueColor)
    glyphs = GlyphSet(options.glyphs ?? Self.glyphs(term: term))
    palette = TerminalPalette(depth: depth)
    size = Self.currentSize()
  }

  deinit { nc_close() }

  /// The Linux console has block elements and no braille; a terminal without UTF-8 has letters
  /// only.
  private static func glyphs(term: String) -> GlyphSet.Kind {
    guard nc_is_unicode() != 0 else { return .ascii }
    return term == "linux" ? .block : .unicode
  }

  private static func currentSize() -> Size {
    var width: Int32 = 0
    var height: Int32 = 0
    nc_size(&width, &height)
    return Size(width: Int(width), height: Int(height))
  }
}

extension Terminal: Backend {
  package var ending: Ending? {
    let number = nc_ending()
    if number != 0 { return .signal(number: number) }
    return isGone ? .terminalGone : nil
  }

  package mutating func present(_ buffer: CellBuffer, caret: Point?) {
    let known = front?.size == buffer.size ? front : nil
    if known == nil { nc_invalidate() }
    if let known, known == buffer, caret == frontCaret { return }
    for y in 0..<min(buffer.height, size.height) {
      buffer.withRow(y) { row in
        if let known {
          known.withRow(y) { old in drawRow(y, row, old) }
        } else {
          drawRow(y, row, nil)
        }
      }
    }
    front = buffer
    frontCaret = caret
    nc_flush(Int32(clamping: caret?.x ?? -1), Int32(clamping: caret?.y ?? 0))
  }

  package mutating func events(waiting milliseconds: Int?) -> [InputEvent] {
    let events = drain()
    guard events.isEmpty, ending == nil else { return events }
    let ready = UInt32(truncatingIfNeeded: nc_wait(milliseconds.map { Int32(clamping: $0) } ?? -1))
    if ready & NC_GONE.rawValue != 0, ready & NC_INPUT.rawValue == 0 { isGone = true }
    return drain()
  }

  /// Everything that came so far, so that a burst of keys costs one frame.
  private mutating func drain() -> [InputEvent] {
    if nc_take_suspend() != 0 {
      nc_suspend()
      front = nil
    }
    var events: [InputEvent] = []
    if nc_take_resize() != 0 {
      size = Self.currentSize()
      front = nil
      events.append(.resize(size: size))
    }
    while events.count < 4096 {
      let raw = nc_read()
      if raw.kind == Int32(NC_NONE.rawValue) { break }
      if let event = decoder.decode(raw) { events.append(event) }
    }
    return events
  }

  /// Draws the cells of a row that changed, a run of one style at a time.
  private mutating func drawRow(_ y: Int, _ row: ArraySlice<Cell>, _ old: ArraySlice<Cell>?) {
    let count = min(row.count, size.width)
    var x = 0
    while x < count {
      let cell = row[row.startIndex + x]
      guard !cell.isContinuation, isChanged(x, row, old) else {
        x += 1
        continue
      }
      let start = x
      var run: [nc_cell] = []
      while x < count {
        let next = row[row.startIndex + x]
        if next.style != cell.style || !isChanged(x, row, old) { break }
        let isWide = x + 1 < row.count && row[row.startIndex + x + 1].isContinuation
        if !next.isContinuation { append(next, isWide: isWide, to: &run) }
        x += 1
      }
      let pair = palette.pair(cell.style)
      run.withUnsafeBufferPointer { cells in
        nc_put(
          Int32(start), Int32(y), cells.baseAddress, Int32(cells.count),
          Int32(cell.style.attributes.rawValue), pair)
      }
    }
  }

  private func append(_ cell: Cell, isWide: Bool, to run: inout [nc_cell]) {
    if glyphs.kind == .ascii, cell.scalar.value > 0x7E {
      for _ in 0..<(isWide ? 2 : 1) { run.append(nc_cell(scalar: 0x3F, mark: 0, width: 1)) }
    } else {
      run.append(
        nc_cell(scalar: cell.scalar.value, mark: cell.mark.value, width: isWide ? 2 : 1))
    }
  }

  /// Whether a cell has to be drawn; a wide character counts as one with its right half.
  private func isChanged(_ x: Int, _ row: ArraySlice<Cell>, _ old: ArraySlice<Cell>?) -> Bool {
    guard let old else { return true }
    if row[row.startIndex + x] != old[old.startIndex + x] { return true }
    let next = x + 1
    return next < row.count && row[row.startIndex + next] != old[old.startIndex + next]
      && (row[row.startIndex + next].isContinuation || old[old.startIndex + next].isContinuation)
  }
}
