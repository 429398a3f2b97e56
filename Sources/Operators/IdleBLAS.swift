internal import COpenBLAS

/// The threads of OpenBLAS while nobody calls it.
package enum IdleBLAS {
  /// Ends them, until a call of the library starts them again; for the start of a program, before anything calls it.
  ///
  /// Loading the library starts them, and for the next 0.1 s they spin on the cores that the pool's threads want:
  /// measured on two cores, what ran in that time ran at half speed.
  package static func endThreads() { _ = blas_thread_shutdown_() }
}
