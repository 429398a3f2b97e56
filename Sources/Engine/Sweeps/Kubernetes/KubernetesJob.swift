import Platform

/// An indexed Job of Kubernetes that runs a sweep, as a file: nothing is contacted.
///
/// Each pod gets its index in JOB_COMPLETION_INDEX. Fields are those of batch/v1: `backoffLimitPerIndex` is stable from 1.33.
package struct KubernetesJob: Hashable, Sendable {
  package var folder: String
  package var tasks: Int
  package var image: String
  /// A persistent volume claim that holds the folder, its models and texts, at the paths they have here.
  package var claim: String
  /// Where it is mounted.
  package var mount: String
  /// The program in the image.
  package var program: String
  package var parallelism: Int
  package var pack: Int
  package var retries: Int
  package var mostFailures: Int?
  /// Requests, and limits alike; nil for none.
  package var processors: String?
  package var memory: String?

  package init(
    folder: String, tasks: Int, image: String, claim: String, mount: String,
    program: String = "nibble", parallelism: Int = 1, pack: Int = 1, retries: Int = 1,
    mostFailures: Int? = nil, processors: String? = nil, memory: String? = nil
  ) {
    self.folder = folder
    self.tasks = tasks
    self.image = image
    self.claim = claim
    self.mount = mount
    self.program = program
    self.parallelism = parallelism
    self.pack = pack
    self.retries = retries
    self.mostFailures = mostFailures
    self.processors = processors
    self.memory = memory
  }

  private var completions: Int { (tasks + pack - 1) / pack }

  /// The text of the file.
  package var yaml: String {
    """
    # Tasks of a sweep, written by nibble \(ProgramVersion.current): index N runs \(pack) \
    \(pack == 1 ? "line" : "lines") of the plan.
    apiVersion: batch/v1
    kind: Job
    metadata:
      generateName: nibble-sweep-
    spec:
      completionMode: Indexed
      completions: \(completions)
      parallelism: \(parallelism)
      backoffLimitPerIndex: \(retries)
    \(mostFailures.map { "  maxFailedIndexes: \($0)\n" } ?? "")\
      podFailurePolicy:
        rules:
          - action: Ignore
            onPodConditions:
              - type: DisruptionTarget
          - action: FailIndex
            onExitCodes:
              containerName: nibble
              operator: In
              values: [2, 5]
      template:
        spec:
          restartPolicy: Never
          containers:
            - name: nibble
              image: \(Self.quoted(image))
              command: [\(Self.quoted(program))]
              args: \(arguments)
              env:
                - name: XDG_CACHE_HOME
                  value: \(Self.quoted(folder + "/kept"))
    \(resources)\
              volumeMounts:
                - name: sweep
                  mountPath: \(Self.quoted(mount))
          volumes:
            - name: sweep
              persistentVolumeClaim:
                claimName: \(Self.quoted(claim))

    """
  }

  private var arguments: String {
    let words = ["sweep", "task", folder, "--index-env", "--pack", "\(pack)"]
    return "[" + words.map(Self.quoted).joined(separator: ", ") + "]"
  }

  private var resources: String {
    let given = [("cpu", processors), ("memory", memory)].compactMap { name, value in
      value.map { "\(name): \(Self.quoted($0))" }
    }
    guard !given.isEmpty else { return "" }
    let list = "{" + given.joined(separator: ", ") + "}"
    return """
                resources:
                  requests: \(list)
                  limits: \(list)

      """
  }

  /// A JSON string, which YAML reads as the same.
  private static func quoted(_ text: String) -> String { StrictJSON.quoted(text) }
}
