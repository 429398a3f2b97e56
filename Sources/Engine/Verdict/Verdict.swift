/// The four checks that decide, each with the numbers behind it.
package struct Verdict: Hashable, Sendable, Codable {
  package enum Mark: String, Hashable, Sendable, Codable {
    case pass
    case warn
    case fail
    /// The job that would tell has not run.
    case unknown
  }

  package struct Check: Hashable, Sendable, Codable {
    /// What is asked: `Is it the right tensor?`.
    package var question: String
    package var mark: Mark
    /// The numbers in a sentence.
    package var evidence: String

    package init(question: String, mark: Mark, evidence: String) {
      self.question = question
      self.mark = mark
      self.evidence = evidence
    }
  }

  package var checks: [Check]
  /// What follows from them in one sentence; nil in verdicts that were made without.
  package var decision: String?
  /// What to try next, in whole sentences.
  package var next: [String]

  package init(checks: [Check], decision: String? = nil, next: [String]) {
    self.checks = checks
    self.decision = decision
    self.next = next
  }
}
