import Engine
import FoundationEssentials
import Glibc
import Synchronization
import TerminalUI
import Workbench

/// Does what `update` asks for outside the state; results come back as messages through a mailbox.
///
/// Heavy jobs run one after the other on a thread of their own, light ones meanwhile on another, so that the
/// screen never waits.
final class EffectRunner: Sendable {
  let laboratory: Laboratory
  let mailbox: Mailbox
  private let heavy = JobQueue()
  private let light = JobQueue()
  private let controls = Mutex<[JobID: JobControl]>([:])

  init(laboratory: Laboratory, mailbox: Mailbox) {
    self.laboratory = laboratory
    self.mailbox = mailbox
  }

  /// Starts a job; its events go to the mailbox.
  func run(_ id: JobID, _ request: JobRequest) {
    let control = JobControl()
    controls.withLock { $0[id] = control }
    (request.isHeavy ? heavy : light).add { [self] in
      // Who starts again what was cancelled wants the rest of it.
      laboratory.run(request, id: id, control: control, resuming: .whenKept) { [mailbox] in
        mailbox.send(.job($0))
      }
      controls.withLock { $0[id] = nil }
    }
  }

  func cancel(_ id: JobID) { controls.withLock { $0[id] }?.cancel() }
  func pause(_ id: JobID) { controls.withLock { $0[id] }?.pause() }
  func resume(_ id: JobID) { controls.withLock { $0[id] }?.resume() }

  /// Whether no job runs or waits.
  var isIdle: Bool { controls.withLock { $0.isEmpty } }

  /// Ends all jobs at their next checkpoint.
  func cancelAll() {
    for control in controls.withLock({ Array($0.values) }) { control.cancel() }
  }
}

/// What other threads tell the loop; each letter ends its wait.
final class Mailbox: Sendable {
  enum Letter: Sendable {
    case job(JobEvent)
    case message(Message)
  }

  private let letters = Mutex<[Letter]>([])
  private let waker: Waker

  init(waker: Waker) { self.waker = waker }

  func send(_ letter: Letter) {
    let wasEmpty = letters.withLock { letters in
      defer { letters.append(letter) }
      return letters.isEmpty
    }
    if wasEmpty { waker.wake() }
  }

  /// Everything that came since the last call, in order.
  func collect() -> [Letter] {
    letters.withLock { letters in
      defer { letters = [] }
      return letters
    }
  }
}

/// Runs closures one after the other on a thread that ends when there is nothing to do.
private final class JobQueue: Sendable {
  private struct State {
    var waiting: [@Sendable () -> Void] = []
    var isRunning = false
  }

  private let state = Mutex(State())

  func add(_ body: @escaping @Sendable () -> Void) {
    let starts = state.withLock { state in
      state.waiting.append(body)
      defer { state.isRunning = true }
      return !state.isRunning
    }
    guard starts else { return }
    Thread.start { self.drain() }
  }

  private func drain() {
    while true {
      let next: (@Sendable () -> Void)? = state.withLock { state in
        guard !state.waiting.isEmpty else {
          state.isRunning = false
          return nil
        }
        return state.waiting.removeFirst()
      }
      guard let next else { return }
      next()
    }
  }
}

/// A detached thread with a stack large enough for compute.
enum Thread {
  private final class Box: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  static func start(_ body: @escaping @Sendable () -> Void) {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, 8 << 20)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    var thread = pthread_t()
    let box = Unmanaged.passRetained(Box(body))
    let status = pthread_create(
      &thread, &attributes,
      { argument in
        if let argument { Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body() }
        return nil
      }, box.toOpaque())
    pthread_attr_destroy(&attributes)
    // Without a thread the work is done here: slower to answer, never lost.
    if status != 0 { box.takeRetainedValue().body() }
  }
}
