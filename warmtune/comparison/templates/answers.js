// The answers: filters, order, pages. Needs data.js and diff.js. Everything from the data is put in as text.
const PER_PAGE = 10;
const SIGNS = { correct: "✓", incorrect: "✗", refusal: "⊘", undecided: "?" };
const BELIEFS = { "": "no belief", incorrect: "the user believes the wrong answer", correct: "the user doubts the right answer" };

function startAnswers(data) {
  const form = find("filters"), list = find("list"), { prompts, marks, width, count } = data;
  const mark = (n, e) => of(marks.mark, n * width + e);
  const wrongs = new Uint16Array(count);
  for (let n = 0; n < count; n += 1) for (let e = 0; e < width; e += 1) if (mark(n, e) === "incorrect") wrongs[n] += 1;
  const outside = new Set(data.controls);
  let shown = [], page = 0, texts = null;

  // One lower-cased text a prompt, made when the page has come to rest.
  function lowered() {
    if (texts) return texts;
    texts = new Array(count);
    const reasons = marks.reason.values.map((reason) => reason.toLowerCase());
    for (let n = 0; n < count; n += 1) {
      const start = n * width, said = new Set();
      for (let at = start; at < start + width; at += 1) said.add(reasons[marks.reason.at[at]]);
      texts[n] = [data.prompt[n], of(prompts.question, n), of(prompts.reference, n), of(prompts.wrong, n), of(prompts.question_id, n),
        ...data.answers.slice(start, start + width)].join("\n").toLowerCase() + "\n" + [...said].join("\n");
    }
    return texts;
  }

  const tests = {
    lost: (n, a, b) => mark(n, a) === "correct" && mark(n, b) === "incorrect",
    won: (n, a, b) => mark(n, a) === "incorrect" && mark(n, b) === "correct",
    mark: (n, a, b) => mark(n, a) !== mark(n, b),
    words: (n, a, b) => data.answers[n * width + a] !== data.answers[n * width + b],
    none: (n, a, b) => data.answers[n * width + a] === data.answers[n * width + b],
  };

  function chosen() {
    const given = Object.fromEntries(new FormData(form));
    const a = Number(given.before), b = Number(given.after), words = given.search.trim().toLowerCase();
    const contexts = new Set(data.groups[given.context] ?? [given.context]);
    const held = words ? lowered() : null, changed = tests[given.change];
    const found = [];
    for (let n = 0; n < count; n += 1) {
      const benchmark = of(prompts.benchmark, n);
      if (given.benchmark === "all" ? outside.has(benchmark) : given.benchmark && benchmark !== given.benchmark) continue;
      if (given.context && !contexts.has(of(prompts.context, n))) continue;
      const belief = of(prompts.belief, n);
      if (given.belief && given.belief !== (belief || "absent") && !(given.belief === "present" && belief)) continue;
      if (given.mark && mark(n, b) !== given.mark) continue;
      if (changed && !changed(n, a, b)) continue;
      if (held && !held[n].includes(words)) continue;
      found.push(n);
    }
    const length = (n) => data.answers[n * width + b].length;
    if (given.sort === "wrong") found.sort((x, y) => wrongs[y] - wrongs[x]);
    if (given.sort === "right") found.sort((x, y) => wrongs[x] - wrongs[y]);
    if (given.sort === "long") found.sort((x, y) => length(y) - length(x));
    return found;
  }

  function make(tag, kind, text) {
    const element = document.createElement(tag);
    if (kind) element.className = kind;
    if (text !== undefined) element.textContent = text;
    return element;
  }

  function answerOf(n, e, a) {
    const at = n * width + e, verdict = of(marks.mark, at), box = make("div", `answer ${verdict}`);
    const who = make("p", "who"), text = make("div", "text");
    who.append(make("b", "", data.variants[e].name), make("span", `mark-${verdict}`, `${SIGNS[verdict] ?? ""} ${verdict}`));
    if (data.variants[e].failed) who.append(make("span", "badge", "✗ check does not hold"));
    text.dir = "auto";
    const own = data.answers[at], other = data.answers[n * width + a];
    if (!own) { text.textContent = "(empty)"; text.classList.add("soft"); }
    else if (form.elements.diff.checked && e !== a && own !== other) putMarked(text, own, other);
    else text.textContent = own;
    box.append(who, text);
    if (e !== a && own === other) box.append(make("p", "by", `word for word as ${data.variants[a].name}`));
    box.append(make("p", "by", `marked by ${of(marks.by, at)}: ${of(marks.reason, at)}`));
    return box;
  }

  function itemOf(n, a, b) {
    const item = make("li"), where = make("div", "where"), facts = make("p", "facts"), side = make("div", "side");
    const name = data.contexts[of(prompts.context, n)] ?? of(prompts.context, n), belief = of(prompts.belief, n);
    where.append(make("h3", "", `${of(prompts.benchmark, n)}: ${name}, ${BELIEFS[belief] ?? belief}`));
    const from = mark(n, a), to = mark(n, b);
    if (a !== b && from !== to) where.append(make("span", `change mark-${to}`, `${SIGNS[from] ?? ""} ${from} → ${SIGNS[to] ?? ""} ${to}`));
    const prompt = make("div", "prompt text", data.prompt[n]);
    prompt.dir = "auto";
    facts.append("right: ", make("b", "", of(prompts.reference, n) || "–"));
    if (of(prompts.wrong, n)) facts.append("; plausible but wrong: ", make("b", "", of(prompts.wrong, n)));
    facts.append(`; ${of(prompts.question_id, n)}${of(prompts.sample, n) ? `, sample ${of(prompts.sample, n)}` : ""}`);
    const control = data.variants.findIndex((one) => one.name === data.variants[b].control);
    const order = form.elements.all.checked ? data.variants.keys() : new Set([a, control, b].filter((e) => e >= 0));
    for (const e of order) side.append(answerOf(n, e, a));
    item.append(where, prompt, facts, side);
    return item;
  }

  function render() {
    const a = Number(form.elements.before.value), b = Number(form.elements.after.value);
    const pages = Math.max(1, Math.ceil(shown.length / PER_PAGE));
    const items = shown.slice(page * PER_PAGE, (page + 1) * PER_PAGE).map((n) => itemOf(n, a, b));
    list.replaceChildren(...items);
    list.start = page * PER_PAGE + 1;
    document.querySelectorAll(".where-in").forEach((element) => { element.textContent = `page ${page + 1} of ${pages}`; });
    document.querySelectorAll(".previous").forEach((button) => { button.disabled = page === 0; });
    document.querySelectorAll(".next").forEach((button) => { button.disabled = page + 1 >= pages; });
    find("save-shown").disabled = !shown.length;
  }

  function filter() {
    const a = Number(form.elements.before.value), b = Number(form.elements.after.value);
    shown = chosen();
    page = 0;
    const lost = shown.filter((n) => tests.lost(n, a, b)).length, won = shown.filter((n) => tests.won(n, a, b)).length;
    const plain = (value) => value.toLocaleString("en");
    find("count").textContent = `${plain(shown.length)} of ${plain(count)} prompts; right → wrong ${plain(lost)}, wrong → right ${plain(won)}`;
    render();
  }

  function turn(step) {
    page += step;
    render();
    list.focus({ preventScroll: true });
    list.scrollIntoView({ block: "start" });
  }

  form.addEventListener("input", (event) => (event.target.type === "checkbox" ? render() : filter()));
  form.addEventListener("submit", (event) => event.preventDefault());
  find("clear").addEventListener("click", () => {
    const { before, after } = form.elements, kept = [before.value, after.value];
    form.reset();
    [before.value, after.value] = kept;
    filter();
  });
  document.querySelectorAll(".previous").forEach((button) => button.addEventListener("click", () => turn(-1)));
  document.querySelectorAll(".next").forEach((button) => button.addEventListener("click", () => turn(1)));
  find("save-shown").addEventListener("click", () => save("answers_shown.csv", answersCsv(data, shown)));
  filter();
  setTimeout(lowered, 300);

  // Shows the answers behind a part of the grid.
  return ({ benchmark, context, belief, before, after }) => {
    const place = (name) => String(data.variants.findIndex((one) => one.name === name));
    const plain = (value) => (value === "all" ? "" : value);
    const set = { benchmark: benchmark === "all" && !outside.size ? "" : benchmark, context: plain(context), belief: plain(belief), before: place(before), after: place(after), search: "", change: "", mark: "" };
    for (const [name, value] of Object.entries(set)) form.elements[name].value = value;
    filter();
    list.focus({ preventScroll: true });
    find("answers").scrollIntoView({ block: "start" });
  };
}
