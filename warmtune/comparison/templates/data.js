// What the page holds: unpacked once, then read by column. See warmtune/comparison/packed.py for the form.
const find = (id) => document.getElementById(id);

// Base85 of RFC 1924, with "," for "<" and "." for "&": five letters are four bytes.
const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%.()*+-;,=>?@^_`{|}~";

function bytesOf(text) {
  const values = new Uint8Array(128), missing = (5 - (text.length % 5)) % 5, letters = text + "~".repeat(missing);
  for (let n = 0; n < 85; n += 1) values[LETTERS.charCodeAt(n)] = n;
  const bytes = new Uint8Array((letters.length / 5) * 4);
  for (let n = 0, at = 0; n < letters.length; n += 5, at += 4) {
    let word = 0;
    for (let place = n; place < n + 5; place += 1) word = word * 85 + values[letters.charCodeAt(place)];
    bytes[at] = word >>> 24;
    bytes[at + 1] = word >>> 16;
    bytes[at + 2] = word >>> 8;
    bytes[at + 3] = word;
  }
  return bytes.subarray(0, bytes.length - missing);
}

async function unpack() {
  const gzip = new DecompressionStream("gzip"), writer = gzip.writable.getWriter();
  writer.write(bytesOf(find("data").textContent));
  writer.close();
  const data = await new Response(gzip.readable).json();
  find("data").textContent = "";
  const width = data.variants.length;
  data.answers.forEach((answer, n) => {
    if (typeof answer === "number") data.answers[n] = data.answers[n - (n % width) + answer];
  });
  data.width = width;
  data.count = data.prompt.length;
  return data;
}

const of = (column, n) => column.values[column.at[n]];

const quoted = (text) => `"${text.replaceAll('"', '""')}"`;

// The answers of some prompts as CSV, in chunks: the same bytes as the file beside the page when all are given.
function answersCsv(data, prompts) {
  const { prompts: p, marks: m, width } = data;
  const head = ["variant", "benchmark", "question_id", "context", "belief", "sample", "topic", "prompt", "question",
    "reference", "wrong", "answer", "mark", "by", "reason"];
  const chunks = [head.map(quoted).join(",") + "\n"];
  const names = data.variants.map((one) => quoted(one.name));
  for (const n of prompts) {
    const before = ["benchmark", "question_id", "context", "belief"].map((name) => quoted(of(p[name], n))).join(",");
    const after = [of(p.topic, n), data.prompt[n], of(p.question, n), of(p.reference, n), of(p.wrong, n)].map(quoted).join(",");
    const lines = names.map((name, e) => {
      const at = n * width + e;
      const own = [data.answers[at], of(m.mark, at), of(m.by, at), of(m.reason, at)].map(quoted).join(",");
      return `${name},${before},${of(p.sample, n)},${after},${own}\n`;
    });
    chunks.push(lines.join(""));
  }
  return chunks;
}

function save(name, chunks) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(chunks, { type: "text/csv" }));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
