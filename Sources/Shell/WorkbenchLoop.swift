package import Engine
import FoundationEssentials
import Glibc
import Platform
package import TerminalUI
import Wording
package import Workbench

/// The terminal loop: draw, wait for keys and letters, send them through the store, run the effects.
///
/// At most 30 frames a second, none while nothing changes.
@MainActor
package struct WorkbenchLoop<Device: Backend & ~Copyable>: ~Copyable {
  private var terminal: Device
  private var store: Store
  private let runner: EffectRunner
  private let themes: ThemeCatalog
  private let recordings: String
  private let lessons: LessonDesk
  private let recents: RecentModels
  private var beacon: LessonBeacon?
  private var coalescer = EventCoalescer()
  /// Where the pointer rests; no part of the state, so that recordings do not hold its ways.
  private var pointer: Point?
  private var player: Player?
  /// Where the stretch of a session that a lesson shows ends, in milliseconds.
  private var stretchEnd: Double?
  private let start = Machine.seconds()
  private let startedAt: Int
  private var isOver = false
  private var lastTick = 0
  /// What is said on the normal screen when the program has ended.
  private var farewell: [String] = []

  /// Milliseconds from one frame to the next.
  private static var frame: Int { 33 }
  /// Milliseconds that the time of the state may lag behind when a key comes.
  private static var stale: Int { 250 }
  /// Milliseconds that jobs have at the end to come to a checkpoint.
  private static var lastWordsWait: Int { 1500 }

  package init(
    terminal: consuming Device, store: Store, laboratory: Laboratory, themes: ThemeCatalog,
    recordings: String, lessons: LessonDesk = LessonDesk(),
    recents: RecentModels = RecentModels(file: nil), startedAt: Int = 0,
    beacon: LessonBeacon? = nil
  ) {
    self.recents = recents
    self.lessons = lessons
    self.beacon = beacon
    let mailbox = Mailbox(waker: terminal.waker)
    self.terminal = terminal
    self.store = store
    runner = EffectRunner(laboratory: laboratory, mailbox: mailbox)
    self.themes = themes
    self.recordings = recordings
    self.startedAt = startedAt
    lastTick = startedAt
  }

  /// Sends the messages a program starts with.
  ///
  /// - Parameter title: of a recording that begins at once; nil for none.
  package mutating func begin(_ messages: [Message], recording title: String? = nil) {
    send(.resize(terminal.size))
    for message in messages { send(message) }
    if let title { startRecording(title) }
  }

  /// Plays a session before, or instead of, working live.
  package mutating func play(_ session: Session) {
    player = Player(session)
    player?.isPlaying = true
    lastTick = now
  }

  /// Runs until the user leaves; yields the exit code.
  package mutating func run() -> Int32 {
    var code: Int32 = 0
    var lastFrame = -Self.frame
    while !isOver {
      if let ending = terminal.ending {
        code = ending.exitCode
        break
      }
      let wait = max(0, lastFrame + Self.frame - now)
      if wait == 0 {
        draw()
        lastFrame = now
      }
      for event in terminal.events(waiting: wait == 0 ? idleWait : wait) { take(event) }
      collect()
      tick()
    }
    runner.cancelAll()
    hearLastWords()
    finish()
    return code
  }

  private var now: Int { startedAt + Int((Machine.seconds() - start) * 1000) }

  /// Milliseconds until something may have to be drawn without an event.
  private var idleWait: Int {
    if let player, player.isPlaying { return Self.frame }
    return min(store.state.nextTick ?? 1000, coalescer.wait(at: now) ?? 1000)
  }

  /// The event with what the terminal shows, where a click depends on it.
  private func seen(_ event: InputEvent) -> InputEvent {
    guard case .mouse(var mouse) = event,
      terminal.depth < .ansi256 || !terminal.glyphs.hasHalfBlocks
    else { return event }
    mouse.isCoarse = true
    return .mouse(event: mouse)
  }

  private mutating func take(_ event: InputEvent) {
    pointer = nil
    if case .mouse(let mouse) = event {
      pointer = Point(x: mouse.x, y: mouse.y)
      if mouse.action == .move { return }
    }
    let event = seen(event)
    if case .resize = event { send(.input(event: event)) }
    guard var current = player else {
      if case .resize = event { return }
      catchUp()
      send(.input(event: event))
      return
    }
    switch PlayerKeys.handle(event, &current, size: terminal.size) {
    case .stays: player = current
    case .quits:
      player = nil
      if stretchEnd != nil { return endStretch() }
      if store.state.catalog.methods.isEmpty { isOver = true }
    case .forks:
      stretchEnd = nil
      store = current.fork()
      player = nil
      send(.resize(terminal.size))
      for message in TakeOver.messages(store.state) { send(message) }
    }
  }

  /// Plays a part of a session that a lesson shows, and comes back to the lesson.
  private mutating func playStretch(_ name: String, from: Int, to end: Int?) {
    do {
      let session = try lessons.session(name)
      play(session)
      player?.seek(to: Double(from))
      stretchEnd = Double(end ?? session.milliseconds)
    } catch {
      say(.problem, "\(error)")
      send(.lesson(event: .watched))
    }
  }

  private mutating func endStretch() {
    player = nil
    stretchEnd = nil
    lastTick = now
    send(.lesson(event: .watched))
  }

  private mutating func collect() {
    for letter in runner.mailbox.collect() {
      switch letter {
      case .job(let event):
        for passed in coalescer.take(event, at: now) { send(.job(event: passed)) }
      case .message(let message): send(message)
      }
    }
    for event in coalescer.flush(at: now) { send(.job(event: event)) }
  }

  private mutating func tick() {
    let time = now
    if player != nil {
      player?.advance(milliseconds: time - lastTick)
      lastTick = time
      if let end = stretchEnd, let player, player.position >= end || player.isAtEnd { endStretch() }
      return
    }
    guard let pace = store.state.nextTick, time - lastTick >= pace else { return }
    lastTick = time
    send(.tick(milliseconds: time))
  }

  /// While nothing moves there are no ticks: what a key says is said now, and stays as long as it should.
  private mutating func catchUp() {
    let time = now
    guard time - store.state.now > Self.stale else { return }
    lastTick = time
    send(.tick(milliseconds: time))
  }

  private mutating func send(_ message: Message) {
    for effect in store.send(message, at: now) { perform(effect) }
    if let problem = beacon?.show(store.state) { say(.problem, problem) }
  }

  private mutating func draw() {
    let theme = themes.theme(named: player?.shown.shownTheme ?? store.state.shownTheme)
    let look = Look(theme: theme, depth: terminal.depth, glyphs: terminal.glyphs)
    var buffer = look.buffer(terminal.size)
    buffer.pointer = pointer
    if let player {
      PlayerView.draw(player, into: &buffer, look: look)
    } else {
      WorkbenchView.draw(store.state, into: &buffer, look: look)
    }
    terminal.present(buffer, caret: nil)
  }

  private mutating func perform(_ effect: Effect) {
    switch effect {
    case .run(let id, let request): runner.run(id, request)
    case .cancel(let id): runner.cancel(id)
    case .pause(let id): runner.pause(id)
    case .resume(let id): runner.resume(id)
    case .loadTheme(let name):
      if let problem = themes.problems[name] { say(.problem, problem) }
    case .startRecording(let title): startRecording(title)
    case .stopRecording: stopRecording()
    case .mark(let title):
      attempt { store throws(SessionError) in try store.annotate(.marker(title: title)) }
    case .openSession(let path):
      do {
        play(try SessionFile.read(path))
      } catch {
        say(.problem, "\(error)")
      }
    case .watch(let session, let from, let end): playStretch(session, from: from, to: end)
    case .openLesson, .keepProgress, .standIn, .openGlossary:
      for message in lessons.messages(for: effect, store.state) { send(message) }
    case .exportText(let name, let text): exportText(name, text)
    case .rememberModel(let path):
      do { try recents.add(path) } catch { say(.problem, "\(error)") }
    case .listPaths(let typed):
      // A folder may lie on a slow disk.
      Thread.start { [mailbox = runner.mailbox] in
        let home = ProcessInfo.processInfo.environment["HOME"]
        mailbox.send(.message(.paths(listing: PathLister.listing(typed: typed, home: home))))
      }
    case .copy(let text): copy(text)
    case .redraw: send(.resize(terminal.size))
    case .suspend: terminal.suspend()
    case .quit: isOver = true
    }
  }

  private mutating func say(_ kind: Notice.Kind, _ text: String) {
    send(.notice(kind: kind, text: text))
  }

  private mutating func attempt(_ body: (inout Store) throws(SessionError) -> Void) {
    do throws(SessionError) { try body(&store) } catch { say(.problem, "\(error)") }
  }

  private mutating func startRecording(_ title: String) {
    do {
      try FileManager.default.createDirectory(
        atPath: recordings, withIntermediateDirectories: true)
    } catch {
      say(.problem, "\(recordings): \(ErrorWords.of(error))")
      return
    }
    var number = 1
    var path = ""
    repeat {
      path = "\(recordings)/recording-\(number).session"
      number += 1
    } while FileManager.default.fileExists(atPath: path)
    let header = SessionHeader(
      program: ProgramVersion.current, size: terminal.size, theme: store.state.theme, title: title,
      began: Quantity.date(Date().timeIntervalSince1970 - Double(now) / 1000))
    do {
      try store.startRecording(path: path, header: header)
      send(.recording(path: path))
      farewell.append("Recorded to \(path); replay it with: nibble replay \(path)")
    } catch {
      say(.problem, "\(error)")
    }
  }

  private mutating func stopRecording() {
    attempt { store throws(SessionError) in try store.stopRecording() }
    send(.recording(path: nil))
  }

  private mutating func exportText(_ name: String, _ text: String) {
    let folder = runner.laboratory.workspace.directory
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      let path = folder + "/" + name
      try WholeFile.write(text, to: path)
      say(.done, "Written: \(path)")
    } catch {
      say(.problem, "\(name): \(ErrorWords.of(error))")
    }
  }

  private mutating func copy(_ text: String) {
    terminal.putOnClipboard(text)
    say(.done, "Copied \(text.count) characters")
  }

  /// Waits a little for jobs to come to a checkpoint, so that what they kept is said on the normal screen.
  private mutating func hearLastWords() {
    let end = now + Self.lastWordsWait
    while !runner.isIdle, now < end { usleep(20_000) }
    for case .job(.log(_, let text)) in runner.mailbox.collect() { farewell.append(text) }
  }

  private mutating func finish() {
    attempt { store throws(SessionError) in try store.stopRecording() }
  }

  /// Gives the terminal back and yields what is to be said on the normal screen.
  package consuming func end() -> [String] { farewell }
}

extension Ending {
  /// The program's exit code: 128 and the signal, a terminal that is gone counts as a hangup; 75, `EX_TEMPFAIL`, for the signal
  /// with which batch systems say that the time is up.
  fileprivate var exitCode: Int32 {
    switch self {
    case .signal(SIGUSR1): 75
    case .signal(let number): 128 + number
    case .terminalGone: 128 + SIGHUP
    }
  }
}
