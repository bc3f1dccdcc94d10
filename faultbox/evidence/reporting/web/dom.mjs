// Elements without markup: whatever comes from a bundle becomes a text node or an attribute's value.

const SVG = "http://www.w3.org/2000/svg";

/** An element. `properties`: `class`, `on` (listeners by event), `css` (custom properties), else attributes; null ones are left out. */
export function h(tag, properties = {}, ...children) {
  return filled(document.createElement(tag), properties, children);
}

/** The same for SVG. */
export function svg(tag, properties = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), properties, children);
}

function filled(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === "css") for (const [key, each] of Object.entries(value)) element.style.setProperty(key, each);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((each) => each !== null && each !== undefined && each !== false));
  return element;
}

/** Tell people who can't see the page what has changed on it. */
export function say(text) {
  document.getElementById("said").textContent = text;
}

/** A button that copies a text; where the browser doesn't allow that, the text is selected instead. */
export function copyable(text) {
  const code = h("code", {}, text);
  const button = h("button", { type: "button", class: "quiet", on: { click: () => copy(code, button) } }, "Copy");
  return h("span", { class: "command" }, code, button);
}

async function copy(code, button) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
    say("Copied");
  } catch {
    getSelection().selectAllChildren(code);
    say("Selected: copy it with your keyboard");
  }
}
