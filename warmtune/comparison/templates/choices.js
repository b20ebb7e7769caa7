// Theme, the choice of a variant and what it is compared with, the heat map's keys, downloads. Needs data.js.
function startTheme() {
  const button = find("theme"), names = ["automatic", "light", "dark"], place = "warmtune-theme";
  const show = (name) => {
    if (name === "automatic") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = name;
    button.textContent = `Theme: ${name}`;
  };
  let name = "automatic";
  try { name = localStorage.getItem(place) ?? name; } catch { /* nothing can be kept here */ }
  show(names.includes(name) ? name : "automatic");
  button.addEventListener("click", () => {
    const next = names[(names.findIndex((one) => button.textContent.endsWith(one)) + 1) % names.length];
    show(next);
    try { localStorage.setItem(place, next); } catch { /* nothing can be kept here */ }
  });
}

// Every view was written with the page, in the same way as the one that it opens with; here they change places.
function startVariant(data, showAnswers) {
  const variant = find("pick-variant"), radios = [...document.querySelectorAll("[name=reference]")];
  const nodes = new Map();
  const shown = { rates: `rates-${variant.dataset.first}`, grid: `grid-${variant.dataset.first}-${radios.find((radio) => radio.defaultChecked).value}` };
  for (const [box, key] of Object.entries(shown)) nodes.set(key, [...find(box).childNodes]);
  const known = (key) => nodes.has(key) || Object.hasOwn(data.views, key);
  const show = (box, key) => {
    if (!nodes.has(key)) nodes.set(key, [...new DOMParser().parseFromString(data.views[key], "text/html").body.childNodes]);
    find(box).replaceChildren(...nodes.get(key));
  };
  const change = () => {
    const control = known(`grid-${variant.value}-control`);
    radios[1].disabled = !control;
    if (!control) radios[0].checked = true;
    show("rates", `rates-${variant.value}`);
    show("grid", `grid-${variant.value}-${radios.find((radio) => radio.checked).value}`);
    startHeat(showAnswers);
  };
  variant.addEventListener("change", change);
  radios.forEach((radio) => radio.addEventListener("change", change));
  change();
}

function startHeat(showAnswers) {
  const table = document.querySelector("#grid .heat");
  if (table.dataset.started) return;
  table.dataset.started = "yes";
  const cells = [...table.querySelectorAll("td[data-s]")];
  const columns = [...table.querySelectorAll("thead th[data-benchmark]")];
  const where = (cell) => {
    const { benchmark, belief } = columns[cell.cellIndex - 1].dataset;
    return { benchmark, belief, context: cell.parentElement.cells[0].dataset.context };
  };
  const tell = (cell) => {
    const [own, other, pairs, questions, refused, undecided] = cell.dataset.s.split("|");
    const head = columns[cell.cellIndex - 1], { benchmark } = head.dataset;
    const parts = [benchmark === "all" ? "all benchmarks" : benchmark, cell.parentElement.cells[0].textContent];
    if (head.dataset.belief !== "all") parts.push(head.textContent);
    const left = [[refused, "refused"], [undecided, "undecided"]].filter(([count]) => count !== "0").map(([count, what]) => `${count} ${what}`);
    find("grid").querySelector("[data-detail]").textContent =
      `${parts.join(", ")}: ${table.dataset.variant} ${own} % wrong, ${table.dataset.reference} ${other} %; gap ${cell.querySelector("b").textContent} pp ` +
      `[${cell.querySelector("i").textContent}]${cell.classList.contains("z") ? ", no difference shown" : ""}; ${pairs} pairs of ${questions} questions` +
      `${left.length ? `; left out: ${left.join(", ")}` : ""}. A click or Enter shows the answers.`;
  };
  const focus = (cell) => {
    cells.forEach((one) => { one.tabIndex = one === cell ? 0 : -1; });
    cell.focus();
  };
  const open = (cell) => showAnswers({ ...where(cell), before: table.dataset.reference, after: table.dataset.variant });
  if (cells.length) cells[0].tabIndex = 0;
  const cellOf = (event) => event.target.closest("td[data-s]");
  table.addEventListener("pointerover", (event) => { if (cellOf(event)) tell(cellOf(event)); });
  table.addEventListener("focusin", (event) => { if (cellOf(event)) tell(cellOf(event)); });
  table.addEventListener("click", (event) => { if (cellOf(event)) open(cellOf(event)); });
  table.addEventListener("keydown", (event) => {
    const cell = cellOf(event), steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter") { event.preventDefault(); open(cell); }
    if (!Object.hasOwn(steps, event.key)) return;
    event.preventDefault();
    const rows = [...table.tBodies[0].rows], [down, right] = steps[event.key];
    let row = cell.parentElement.sectionRowIndex + down, column = cell.cellIndex + right;
    while (rows[row]?.cells[column] && !rows[row].cells[column].dataset.s) { row += down; column += right; }
    const next = rows[row]?.cells[column];
    if (next?.dataset.s) focus(next);
  });
}

function startFiles(data) {
  document.addEventListener("click", (event) => {
    const name = event.target.closest?.("[data-file]")?.dataset.file;
    if (!name) return;
    const all = function* () { for (let n = 0; n < data.count; n += 1) yield n; };
    save(`${name}.csv`, name === "answers" ? answersCsv(data, all()) : [data.files[name]]);
  });
}

function startPrint() {
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    closed.forEach((element) => { element.open = true; });
  });
  addEventListener("afterprint", () => closed.forEach((element) => { element.open = false; }));
}
