/// What `nibble lessons new` writes: a small lesson that can be taken as it is, with a stop of most kinds.
enum LessonTemplate {
  static let plan = """
    # What no language changes. Words are in en.md, a section a stop.
    number = 0
    minutes = 5
    source = "en"

    [sizes]
    windows = 4

    [[stop]]
    id = "hello"
    kind = "say"
    screen = "target"

    [[stop]]
    id = "more-context"
    kind = "do"
    screen = "target"
    check = "workload.context >= 4096"
    way = ["e", "backspace", "backspace", "backspace", "backspace", "4096", "enter"]
    keep = { weights = "plan.memory.weights" }

    [[stop]]
    id = "guess"
    kind = "predict"
    guess = "choice"
    choices = ["yes", "no"]
    answer = "least(kept.kl, 0.02)"

    [[stop]]
    id = "measure"
    kind = "measure"
    screen = "quality"
    recipe = "weights=rtn:4:64"
    jobs = ["quantize", "evaluate"]
    keep = { kl = "evaluate.kl.mean" }
    reveals = ["guess"]

    [[stop]]
    id = "why"
    kind = "ask"
    choices = ["smaller", "exact"]
    answer = "'smaller'"

    """

  static let text = """
    # A lesson
    language: en
    revision: 1
    about: What a lesson can do.

    ## hello
    The weights of this model take {{plan.memory.weights|bytes}}. Say what the learner sees.
    ### notes
    What you want to say in the room: `nibble lessons notes` shows it, the learner never sees it.

    ## more-context
    Give every request room for **4096** tokens or more.
    ### hint
    `e` types a value into the field under the cursor.
    ### done
    The context is {{workload.context|grouped}} now; the weights still take {{kept.weights|bytes}}.

    ## guess
    Will 4-bit weights stay below a KL of 0.02?
    ### yes
    Yes
    ### no
    No

    ## measure
    The model is quantized and held against itself in full precision.
    ### done
    The KL is {{kept.kl}} nats.

    ## why
    What do 4-bit weights give?
    ### smaller
    A smaller file

    Right: about a quarter of the bytes.
    ### exact
    The same numbers

    No: each weight is rounded.

    """
}
