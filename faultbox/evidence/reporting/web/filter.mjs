// What is typed into the search field: words that an event must hold, and `field=glob` as in a spec's assertions.

const TERM = /(-?)(?:([\w.]+)=)?(?:"([^"]*)"|(\S+))/g;

/** A test of events, and whether it lets everything through. */
export function parsed(text) {
  const terms = [...text.matchAll(TERM)].map(([, not, field, quoted, plain]) => term(field, quoted ?? plain ?? "", not === "-"));
  return { empty: terms.length === 0, test: (event) => terms.every((each) => each(event)) };
}

function term(field, wanted, not) {
  const found = field ? fieldTest(field, wanted) : wordTest(wanted.toLowerCase());
  return not ? (event) => !found(event) : found;
}

function wordTest(word) {
  return (event) =>
    event.type.includes(word) ||
    event.service.toLowerCase().includes(word) ||
    Object.entries(event.fields).some(([name, value]) => value.toLowerCase().includes(word) || name.toLowerCase().includes(word)) ||
    (event.data !== undefined && JSON.stringify(event.data).toLowerCase().includes(word));
}

function fieldTest(field, glob) {
  const matches = globbed(glob);
  return (event) => {
    if (field === "type") return matches(event.type);
    if (field === "service") return matches(event.service);
    if (field === "seq") return matches(String(event.seq));
    return field in event.fields && matches(event.fields[field]);
  };
}

/** As specs match: `*` is any text, `?` any one character, everything else itself. Never slower than length times length. */
export function globbed(glob) {
  return (text) => {
    let at = 0, in_glob = 0, star = -1, mark = 0;
    while (at < text.length) {
      if (in_glob < glob.length && glob[in_glob] === "*") {
        star = in_glob++;
        mark = at;
      } else if (in_glob < glob.length && (glob[in_glob] === "?" || glob[in_glob] === text[at])) {
        in_glob += 1;
        at += 1;
      } else if (star >= 0) {
        in_glob = star + 1;
        at = ++mark;
      } else return false;
    }
    while (in_glob < glob.length && glob[in_glob] === "*") in_glob += 1;
    return in_glob === glob.length;
  };
}
