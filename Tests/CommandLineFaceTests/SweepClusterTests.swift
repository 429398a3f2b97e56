import FoundationEssentials
import Platform
import TestSupport
import Testing

/// What is handed to Slurm and written for Kubernetes, with scripts in the place of Slurm's programs; `Tests/Sweeps` has the
/// real ones.
@Suite(.serialized) struct SweepClusterTests {
  /// Programs of Slurm that are scripts, and the environment in which they are found.
  private struct FakeSlurm {
    let environment: [String: String]
    private let folder: TemporaryFolder

    init(_ folder: TemporaryFolder) throws {
      self.folder = folder
      try FileManager.default.createDirectory(
        atPath: folder.path("bin"), withIntermediateDirectories: true)
      environment = ["PATH": folder.path("bin") + ":/usr/bin:/bin"]
      try put("scontrol", "echo 'MaxArraySize            = 1001'")
      try put("squeue", "exit 0")
    }

    func put(_ name: String, _ script: String) throws {
      let path = try folder.file("bin/\(name)", "#!/bin/bash\n\(script)\n")
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    }

    /// An sbatch that runs every element at once, and a queue that is empty then.
    func runsAtOnce() throws {
      try put(
        "sbatch",
        """
        for word in "$@"; do
          case "$word" in
            --array=*) last="${word#--array=0-}"; last="${last%\\%*}" ;;
          esac
        done
        for index in $(seq 0 "$last"); do
          SLURM_ARRAY_TASK_ID=$index bash "${@: -1}" >&2 || exit 1
        done
        echo "welcome to the cluster"
        echo "4711;other"
        """)
    }
  }

  @Test func scriptsRunEveryTask() throws {
    let bench = try SweepCase()
    let slurm = try FakeSlurm(bench.folder)
    try slurm.runsAtOnce()
    let local = try bench.planned("local")
    #expect(try bench.sweep("run", local).code == 0)
    let path = try bench.planned("it's on 100% Slurm")
    let ran = try bench.sweep(
      "slurm", path, "--pack", "2", "--wait", "--poll", "0.1", environment: slurm.environment)
    #expect(ran.code == 0, "\(ran.text)")
    #expect(ran.text.contains("job 4711: 9 tasks in 5 elements"))
    #expect(try bench.collected(path) == bench.collected(local))
    // What has finished is not handed over again.
    let again = try bench.sweep("slurm", path, environment: slurm.environment)
    #expect(again.code == 0)
    #expect(try FolderListing.names(in: path + "/submit").count == 3)
  }

  @Test func aDryRunShowsWhatWouldBeHandedOver() throws {
    let bench = try SweepCase()
    let slurm = try FakeSlurm(bench.folder)
    try slurm.put("scontrol", "echo 'MaxArraySize            = 3'")
    let path = try bench.planned("it's 5%")
    let ran = try bench.sweep(
      "slurm", path, "--dry-run", "--throttle", "2", "--baselines-first", "--", "--mem=1G",
      environment: slurm.environment)
    let quoted = path.replacing("'", with: "'\\''")
    #expect(
      ran.text.contains(
        """
        #!/bin/bash
        # Tasks of a sweep, written by nibble 0.1.0: element N runs 1 line of the list.
        export XDG_CACHE_HOME='\(quoted)/kept'
        exec '\(bench.program)' sweep task '\(quoted)' --index-env \
        --list '\(quoted)/submit/001.list' --pack 1
        """), "\(ran.text)")
    // Two baselines first, then seven tasks in arrays of three.
    let lines = ran.text.split(separator: "\n").filter { $0.hasPrefix("sbatch ") }
    #expect(lines.count == 4)
    #expect(lines[0].contains("--array=0-1%2"))
    #expect(!lines[0].contains("--dependency"))
    #expect(lines[1].contains("--array=0-2%2"))
    #expect(lines[3].contains("--array=0-0%2"))
    #expect(lines[1...].allSatisfy { $0.contains("--dependency=afterany:JOB") })
    #expect(lines.allSatisfy { $0.contains("--mem=1G") && $0.contains("--no-requeue") })
    #expect(lines.allSatisfy { $0.contains("5%%/logs/%A_%a.log") })
    #expect(!FileManager.default.fileExists(atPath: path + "/submit"))
  }

  @Test func whatIsInTheQueueIsNotHandedOverTwice() throws {
    let bench = try SweepCase()
    let slurm = try FakeSlurm(bench.folder)
    try slurm.put("sbatch", "echo 12")
    try slurm.put("scancel", "echo \"$@\" > '\(bench.folder.path("cancelled"))'")
    let path = try bench.planned("queued")
    #expect(try bench.sweep("slurm", path, environment: slurm.environment).code == 0)
    #expect(try bench.folder.text("queued/submit/001.list") == "0\n1\n2\n3\n4\n5\n6\n7\n8\n")
    try slurm.put("squeue", "echo '12 RUNNING'; echo '12 PENDING'; echo '13 PENDING'")
    let again = try bench.sweep("slurm", path, environment: slurm.environment)
    #expect(again.code == 1)
    #expect(again.text.contains("expected none of its jobs in the queue, found 12"))
    let status = try bench.sweep("status", path, environment: slurm.environment)
    #expect(status.code == 3)
    #expect(status.text.contains("1 elements run, 1 wait"))
    let cancelled = try bench.sweep("cancel", path, environment: slurm.environment)
    #expect(cancelled.code == 0, "\(cancelled.text)")
    #expect(try bench.folder.text("cancelled") == "12\n")
    // A queue that has forgotten a job is one without it.
    try slurm.put(
      "squeue", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1")
    #expect(try bench.sweep("slurm", path, environment: slurm.environment).code == 0)
    #expect(try FolderListing.names(in: path + "/submit").count == 6)
  }

  @Test func refusalsHaveAnExitCodeOfTheirOwn() throws {
    let bench = try SweepCase()
    let slurm = try FakeSlurm(bench.folder)
    let path = try bench.planned("refused")
    let none = try bench.sweep(
      "slurm", path, environment: ["PATH": bench.folder.path("bin")])
    #expect(none.code == 4)
    #expect(none.text.contains("sbatch: expected it on PATH"), "\(none.text)")
    try slurm.put("sbatch", "echo 'sbatch: error: invalid partition' >&2; exit 1")
    let refused = try bench.sweep("slurm", path, environment: slurm.environment)
    #expect(refused.code == 4)
    #expect(refused.text.contains("exit code 1: sbatch: error: invalid partition"))
    try slurm.put("sbatch", "echo no number")
    let odd = try bench.sweep("slurm", path, environment: slurm.environment)
    #expect(odd.code == 4)
    #expect(odd.text.contains("expected the id of a job, found 'no number'"))
    for option in ["--array=0-1", "-a0-1", "--output=x", "--wrap", "--dependency=singleton"] {
      let own = try bench.sweep("slurm", path, "--", option, environment: slurm.environment)
      #expect(own.code == 2, "\(option)")
      #expect(own.text.contains(option))
    }
    // A queue that cannot be asked is unknown, and no failure.
    try slurm.put("sbatch", "echo 12")
    #expect(try bench.sweep("slurm", path, environment: slurm.environment).code == 0)
    try slurm.put("squeue", "echo 'Unable to contact slurm controller' >&2; exit 1")
    let status = try bench.sweep("status", path, environment: slurm.environment)
    #expect(status.code == 3)
    #expect(status.text.contains("is unknown: squeue: exit code 1: Unable to contact"))
  }

  @Test func anIndexedJobRunsEveryTask() throws {
    let bench = try SweepCase()
    let path = try bench.planned("pods")
    let ran = try bench.sweep(
      "k8s", path, "--image", "nibble:1", "--claim", "work", "--pack", "4", "--parallelism", "2",
      "--max-fail", "3", "--cpu", "2", "--memory", "8Gi")
    #expect(ran.code == 0)
    #expect(
      ran.text == """
        # Tasks of a sweep, written by nibble 0.1.0: index N runs 4 lines of the plan.
        apiVersion: batch/v1
        kind: Job
        metadata:
          generateName: nibble-sweep-
        spec:
          completionMode: Indexed
          completions: 3
          parallelism: 2
          backoffLimitPerIndex: 1
          maxFailedIndexes: 3
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
                  image: "nibble:1"
                  command: ["nibble"]
                  args: ["sweep", "task", "\(path)", "--index-env", "--pack", "4"]
                  env:
                    - name: XDG_CACHE_HOME
                      value: "\(path)/kept"
                  resources:
                    requests: {cpu: "2", memory: "8Gi"}
                    limits: {cpu: "2", memory: "8Gi"}
                  volumeMounts:
                    - name: sweep
                      mountPath: "\(bench.folder.path)"
              volumes:
                - name: sweep
                  persistentVolumeClaim:
                    claimName: "work"

        """)
    let local = try bench.planned("local")
    #expect(try bench.sweep("run", local).code == 0)
    for index in 0..<3 {
      let task = try bench.sweep(
        "task", path, "--index-env", "--pack", "4",
        environment: ["JOB_COMPLETION_INDEX": "\(index)"])
      #expect(task.code == 0, "\(task.text)")
    }
    #expect(try bench.collected(path) == bench.collected(local))
    let beyond = try bench.sweep(
      "task", path, "--index-env", "--pack", "4", environment: ["JOB_COMPLETION_INDEX": "3"])
    #expect(beyond.code == 2)
    let odd = try bench.sweep(
      "task", path, "--index-env", environment: ["JOB_COMPLETION_INDEX": "first"])
    #expect(odd.text.contains("JOB_COMPLETION_INDEX: expected an index from 0, found 'first'"))
    #expect(try bench.sweep("task", path, "--index-env").code == 2)
  }
}
