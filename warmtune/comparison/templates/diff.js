// Which words of one text another does not have.
const MOST_WORDS = 500;
const LEAST_SHARED = 0.3;

// Returns for each of `words` whether `others` has it, in the same order; or null where they share too little to tell.
function shared(words, others) {
  if (words.length > MOST_WORDS || others.length > MOST_WORDS || !words.length) return null;
  const width = others.length + 1;
  const longest = new Uint16Array((words.length + 1) * width);
  for (let i = words.length - 1; i >= 0; i -= 1) {
    for (let j = others.length - 1; j >= 0; j -= 1) {
      const here = i * width + j;
      longest[here] = words[i] === others[j] ? longest[here + width + 1] + 1 : Math.max(longest[here + width], longest[here + 1]);
    }
  }
  if (longest[0] < LEAST_SHARED * words.length) return null;
  const found = new Array(words.length).fill(false);
  for (let i = 0, j = 0; i < words.length && j < others.length;) {
    if (words[i] === others[j]) { found[i] = true; i += 1; j += 1; }
    else if (longest[(i + 1) * width + j] >= longest[i * width + j + 1]) i += 1;
    else j += 1;
  }
  return found;
}

// Puts a text into an element, with <ins> around runs of words that the other text does not have.
function putMarked(element, text, other) {
  const pieces = text.split(/(\s+)/);
  const words = pieces.filter((_, n) => n % 2 === 0);
  const found = shared(words, other.split(/\s+/));
  if (!found || found.every(Boolean)) { element.textContent = text; return; }
  let run = "", marked = false;
  const put = () => {
    if (!run) return;
    if (marked) { const ins = document.createElement("ins"); ins.textContent = run; element.append(ins); } else element.append(run);
    run = "";
  };
  pieces.forEach((piece, n) => {
    const isNew = n % 2 === 0 ? piece !== "" && !found[n / 2] : marked && n + 1 < pieces.length && !found[(n + 1) / 2];
    if (isNew !== marked) { put(); marked = isNew; }
    run += piece;
  });
  put();
}
