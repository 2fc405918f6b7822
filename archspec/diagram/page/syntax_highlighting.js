// The words of YAML and Python, distinguished for their colors. No parser: what a reader's eye needs.

const PYTHON = new RegExp(
  [
    /(?<comment>#[^\n]*)/,
    /(?<string>[rbfuRBFU]{0,2}(?:"""(?:[^\\]|\\.)*?(?:"""|$)|'''(?:[^\\]|\\.)*?(?:'''|$)|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?))/,
    /(?<decorator>@[\w.]+)/,
    /(?<keyword>\b(?:and|as|assert|async|await|break|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|nonlocal|not|or|pass|raise|return|try|while|with|yield)\b)/,
    /(?<constant>\b(?:True|False|None|self|super)\b)/,
    /(?<number>\b(?:0[xX][\da-fA-F_]+|\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)\b)/,
    /(?<called>\b[A-Za-z_]\w*(?=\())/,
  ].map((piece) => piece.source).join("|"),
  "gs",
);
const YAML = new RegExp(
  [
    /(?<comment>(?:^|(?<=\s))#.*)/,
    /(?<key>(?<=^\s*(?:- +)*|[{,]\s*)(?:[\w.\/$-]+|"(?:[^"\\]|\\.)*")(?=\s*:(?:\s|$)))/,
    /(?<string>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')/,
    /(?<constant>\b(?:true|false|null)\b)/,
    /(?<number>(?<=:\s+|[,[({-]\s*)-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?=\s*(?:[,\])}]|$|\s#)))/,
    /(?<mark>(?:^\s*|(?<=\s))-(?=\s))/,
  ].map((piece) => piece.source).join("|"),
  "g",
);

// Each line of a text as pieces [kind, text].
function colored(text, language) {
  const lines = [[]];
  const add = (kind, piece) => {
    piece.split("\n").forEach((part, index) => {
      if (index) lines.push([]);
      if (part) lines[lines.length - 1].push([kind, part]);
    });
  };
  const scan = (piece, pattern) => {
    let at = 0;
    for (const match of piece.matchAll(pattern)) {
      add("", piece.slice(at, match.index));
      add(Object.keys(match.groups).find((kind) => match.groups[kind] !== undefined), match[0]);
      at = match.index + match[0].length;
    }
    add("", piece.slice(at));
  };
  if (language === "python") {
    scan(text, PYTHON);
  } else {
    text.split("\n").forEach((line, index) => {
      if (index) lines.push([]);
      scan(line, YAML);
    });
  }
  return lines;
}
